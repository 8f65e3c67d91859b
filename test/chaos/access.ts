import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../control-plane/processes.ts';
import { metricOf, requestToken } from '../control-plane/updater.ts';
import { assertUnharmed, credentialIdOf, type Replica, type Rig } from './rig.ts';
import { percent } from './settings.ts';

const APF = '/apis/flowcontrol.apiserver.k8s.io/v1';
const APF_NAME = 'chaos-updater';
/** Retry-After of a rejection; what is sent sooner is not honouring it. Some milliseconds are the clock's. */
const RETRY_AFTER_MS = 990;

/** The API server gives the updater almost no share of its time: most requests are rejected with 429. */
export async function throttled(rig: Rig): Promise<void> {
  const { account, plane } = rig.cluster;
  const replica = await rig.startReplica();
  await limitShare(rig);
  try {
    const rollout = await rig.change(percent(10));
    await rollout.reach(percent(100));
    const writes = await rollout.writes();
    const rejected = writes.filter(({ httpStatus }) => httpStatus === 429);
    assert.ok(rejected.length > 0, 'nothing was rejected');
    const waits = rejected.flatMap((refusal) => {
      const next = writes.slice(writes.indexOf(refusal) + 1).find(({ pod }) => pod === refusal.pod);
      return next === undefined ? [] : [next.receivedMs - refusal.answeredMs];
    });
    assert.ok(waits.length > 0, 'nothing that was rejected was sent again');
    const shortestMs = Math.min(...waits);
    assert.ok(shortestMs >= RETRY_AFTER_MS, `a rejected request was sent again after ${shortestMs} ms`);
    const seen = await metricOf(replica.updater, 'rest_client_requests_total', { code: '429' });
    assert.ok(seen >= rejected.length, `the updater counted ${seen} of ${rejected.length} rejections`);
    await assertUnharmed(replica);
    await rollout.judge({
      scenario: 'APF throttles',
      faults: `${seen} × 429`,
      recoveries: waits.map((recoveryMs) => ({ what: 'rejected deletion sent again', recoveryMs })),
      notes: [
        `one share for ${account.user}; ${rejected.length} of the rejected requests were deletions, ${waits.length} were sent again, none before Retry-After (1 s)`,
      ],
    });
  } finally {
    await plane.admin.delete(`${APF}/flowschemas/${APF_NAME}`);
    await plane.admin.delete(`${APF}/prioritylevelconfigurations/${APF_NAME}`);
  }
}

async function limitShare({ cluster, plane }: Rig): Promise<void> {
  const apiVersion = 'flowcontrol.apiserver.k8s.io/v1';
  const { name, namespace } = cluster.account;
  await plane.admin.post(`${APF}/prioritylevelconfigurations`, {
    apiVersion,
    kind: 'PriorityLevelConfiguration',
    metadata: { name: APF_NAME },
    spec: {
      type: 'Limited',
      limited: {
        nominalConcurrencyShares: 1,
        lendablePercent: 0,
        borrowingLimitPercent: 0,
        limitResponse: { type: 'Reject' },
      },
    },
  });
  const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true };
  await plane.admin.post(`${APF}/flowschemas`, {
    apiVersion,
    kind: 'FlowSchema',
    metadata: { name: APF_NAME },
    spec: {
      priorityLevelConfiguration: { name: APF_NAME },
      matchingPrecedence: 50,
      distinguisherMethod: { type: 'ByUser' },
      rules: [
        { subjects: [{ kind: 'ServiceAccount', serviceAccount: { name, namespace } }], resourceRules: [everything] },
      ],
    },
  });
  await waitFor(
    async () => {
      const schema = await plane.admin.get<{
        status?: { conditions?: { type: string; status: string }[] };
      }>(`${APF}/flowschemas/${APF_NAME}`);
      return schema.status?.conditions?.some(({ type, status }) => type === 'Dangling' && status === 'False');
    },
    { timeoutMs: 20_000, what: 'the API server to follow the FlowSchema' },
  );
}

interface BoundToken {
  readonly credentialId: string;
  revoke(): Promise<void>;
  write(): Promise<void>;
}

/** How long the API server may go on accepting a token that it has accepted before. */
const TOKEN_CACHE_MS = 10_000;
const WITHOUT_TOKEN_MS = 3_000;

/** The token is rotated and the old one revoked; then once more in the wrong order: revoked, and replaced later. */
export async function tokenRotated(rig: Rig): Promise<void> {
  const file = join(rig.plane.files.directory, 'rotated-token');
  const first = await boundToken(rig, { name: 'chaos-token-1', file });
  await first.write();
  const replica = await rig.startReplica({ tokenFile: file });
  const rollout = await rig.change(percent(2));
  await rollout.reach(percent(5));
  const second = await boundToken(rig, { name: 'chaos-token-2', file });
  await second.write();
  await first.revoke();
  const revokedMs = Date.now();
  const firstUseMs = await nextUse(rig, second, revokedMs);
  rig.say(`rotated: the new token was first used ${firstUseMs} ms after the old one was revoked`);

  const third = await boundToken(rig, { name: 'chaos-token-3', file });
  await second.revoke();
  await waitFor(async () => (await unauthorizedCount(replica)) > 0, {
    timeoutMs: 4 * TOKEN_CACHE_MS,
    what: 'the revoked token to be refused',
  });
  await delay(WITHOUT_TOKEN_MS);
  assert.ok(!rollout.isComplete, 'complete before the token was gone');
  await third.write();
  const writtenMs = Date.now();
  const secondUseMs = await nextUse(rig, third, writtenMs);
  rig.say(`revoked first: the new token was used ${secondUseMs} ms after it was there`);
  await rollout.reach(percent(100));
  await assertUnharmed(replica);
  const refused = await unauthorizedCount(replica);
  await rollout.judge({
    scenario: 'token rotated, old one revoked',
    faults: '2 tokens revoked',
    recoveries: [
      { what: 'rotated, then revoked', recoveryMs: firstUseMs },
      { what: 'revoked, then rotated', recoveryMs: secondUseMs },
    ],
    notes: [
      `${refused} requests were refused with 401; the API server itself accepts a revoked token for up to 10 s; a recovery is the time to the first write with the new token`,
    ],
  });
}

async function boundToken(rig: Rig, { name, file }: { name: string; file: string }): Promise<BoundToken> {
  const { account, plane } = rig.cluster;
  const secrets = `/api/v1/namespaces/${account.namespace}/secrets`;
  const secret = await plane.admin.post(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name } });
  const token = await requestToken(plane, account, { name, uid: secret.metadata.uid ?? '' });
  return {
    credentialId: credentialIdOf(token),
    revoke: async () => await plane.admin.delete(`${secrets}/${name}`),
    write: async () => {
      await writeFile(`${file}.new`, token, { mode: 0o600 });
      await rename(`${file}.new`, file);
    },
  };
}

/** How long after that time the API server received the first write with that token, to whatever object. */
async function nextUse(rig: Rig, { credentialId }: BoundToken, sinceMs: number): Promise<number> {
  return await waitFor(
    async () => {
      const writes = [...(await rig.podWrites(sinceMs)), ...(await rig.leases())];
      const uses = writes.filter((write) => write.credentialId === credentialId).map(({ receivedMs }) => receivedMs);
      return uses.length === 0 ? undefined : Math.min(...uses) - sinceMs;
    },
    { timeoutMs: 90_000, pollMs: 500, what: 'the new token to be used' },
  );
}

async function unauthorizedCount(replica: Replica): Promise<number> {
  return await metricOf(replica.updater, 'rest_client_requests_total', { code: '401' });
}
