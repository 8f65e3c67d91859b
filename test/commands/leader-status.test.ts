import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest, ApiResponse } from '../../src/client/api.ts';
import { encodeNote } from '../../src/commands/lease-note.ts';
import { readLeaderStatus } from '../../src/commands/wiring/leader-status.ts';
import { NOTE_ANNOTATION } from '../../src/kube/annotations.ts';

const RENEWED_MS = Date.parse('2026-11-23T10:00:00.000Z');
const NOTE = encodeNote({
  identity: 'pod-1_x',
  workers: { setting: 2, source: 'flag', wanted: 2, actual: 2, reason: 'set', cpus: 2, decisions: [] },
  lanes: [],
  rollouts: [],
});

function answer(status: number, body: unknown): ApiResponse {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  return { kind: 'answer', status, retryAfterMs: 0, contentType: 'application/json', body: bytes };
}

function lease(spec: object = {}, annotations: object = { [NOTE_ANNOTATION]: NOTE }): ApiResponse {
  return answer(200, {
    metadata: { resourceVersion: '7', annotations },
    spec: { holderIdentity: 'pod-1_x', leaseDurationSeconds: 15, renewTime: '2026-11-23T10:00:00.000000Z', ...spec },
  });
}

const MISSING = answer(404, { kind: 'Status', reason: 'NotFound', message: 'not found' });
const FORBIDDEN = answer(403, { kind: 'Status', reason: 'Forbidden', message: 'leases is forbidden' });

async function ask(responses: readonly ApiResponse[], ageMs = 1_000) {
  const requests: ApiRequest[] = [];
  const status = await readLeaderStatus({
    request: async (request) => {
      const response = responses[requests.length];
      requests.push(request);
      assert.ok(response !== undefined);
      return response;
    },
    name: 'updater',
    namespaces: ['deployed', 'mine'].slice(0, responses.length),
    nowMs: RENEWED_MS + ageMs,
  });
  return { status, paths: requests.map(({ path }) => path) };
}

test('leader status: a lease in the second place → one read each, what the leader says, and how old it is', async () => {
  const { status, paths } = await ask([MISSING, lease()]);
  assert.deepEqual(
    paths,
    ['deployed', 'mine'].map((namespace) => `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/updater`),
  );
  assert.ok(status.ok);
  assert.deepEqual([status.report.workers.wanted, status.ageMs, status.isOutdated], [2, 1_000, false]);
});

test('leader status: older than the lease lasts → shown, and marked; from the future → as now', async () => {
  const old = await ask([lease()], 15_001);
  assert.ok(old.status.ok && old.status.isOutdated);
  const early = await ask([lease()], -60_000);
  assert.ok(early.status.ok && !early.status.isOutdated);
  assert.equal(early.status.ageMs, 0);
});

const unknown: readonly { name: string; responses: readonly ApiResponse[]; says: RegExp }[] = [
  {
    name: 'no lease anywhere',
    responses: [MISSING, MISSING],
    says: /no lease deployed\/updater or mine\/updater: .*--leader-elect/,
  },
  {
    name: 'may not be read',
    responses: [FORBIDDEN, MISSING],
    says: /^lease deployed\/updater: not allowed to get leases .*forbidden/,
  },
  {
    name: 'given up',
    responses: [lease({ holderIdentity: '' }, {})],
    says: /nobody holds lease deployed\/updater: no controller runs/,
  },
  {
    name: 'held by an older version',
    responses: [lease({}, {})],
    says: /^pod-1_x holds lease deployed\/updater, but it says nothing/,
  },
  {
    name: 'held by somebody odd',
    responses: [lease({ holderIdentity: 'a\u001b[31m\nb' }, {})],
    says: /^a \[31m b holds/,
  },
  { name: 'not a lease', responses: [answer(200, [])], says: /the answer is not a Lease/ },
  {
    name: 'no answer',
    responses: [{ kind: 'failure', code: 'timeout', wasSent: true, message: 'no answer within 10000 ms' }],
    says: /lease deployed\/updater: no answer within/,
  },
];
for (const { name, responses, says } of unknown) {
  test(`leader status: ${name} → says so`, async () => {
    const { status } = await ask(responses);
    assert.ok(!status.ok);
    assert.match(status.message, says);
  });
}
