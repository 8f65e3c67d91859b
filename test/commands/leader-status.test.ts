import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest, ApiResponse } from '../../src/client/api.ts';
import { readLeaderStatus } from '../../src/manager/leader-reader.ts';
import { encodeNote } from '../../src/status/leader-note.ts';
import { encodeMemory } from '../../src/status/memory-note.ts';

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

function lease(spec: object = {}): ApiResponse {
  return answer(200, {
    metadata: { resourceVersion: '7' },
    spec: { holderIdentity: 'pod-1_x', leaseDurationSeconds: 15, renewTime: '2026-11-23T10:00:00.000000Z', ...spec },
  });
}

const MEMORY = encodeMemory(new Map([['uid-1', 'two failed']])).text;
const TOLD = { status: NOTE, memory: MEMORY, writtenAt: '2026-11-23T09:59:58.000Z' };

function note(changes: object = {}): ApiResponse {
  return answer(200, { metadata: { resourceVersion: '9' }, data: { ...TOLD, ...changes } });
}

const MISSING = answer(404, { kind: 'Status', reason: 'NotFound', message: 'not found' });
const FORBIDDEN = answer(403, { kind: 'Status', reason: 'Forbidden', message: 'leases is forbidden' });

async function ask(responses: readonly ApiResponse[], ageMs = 1_000) {
  const requests: ApiRequest[] = [];
  const told = await readLeaderStatus({
    request: async (request) => {
      const response = responses[requests.length];
      requests.push(request);
      assert.ok(response !== undefined);
      return response;
    },
    name: 'updater',
    namespaces: ['deployed', 'mine'],
    nowMs: RENEWED_MS + ageMs,
  });
  return { ...told, paths: requests.map(({ path }) => path) };
}

test('leader status: a lease in the second place → what the leader says beside it, how old it is, and what is remembered', async () => {
  const { status, memories, paths } = await ask([MISSING, lease(), note()]);
  assert.deepEqual(paths, [
    '/apis/coordination.k8s.io/v1/namespaces/deployed/leases/updater',
    '/apis/coordination.k8s.io/v1/namespaces/mine/leases/updater',
    '/api/v1/namespaces/mine/configmaps/updater-status',
  ]);
  assert.ok(status.ok);
  assert.deepEqual([status.report.workers.wanted, status.ageMs, status.isOutdated], [2, 3_000, false]);
  assert.deepEqual([...memories], [['uid-1', 'two failed']]);
});

test('trust 21: unchanged for an hour, and the lease is renewed → as old as what is not told yet may be, no hour', async () => {
  const { status } = await ask([lease(), note({ writtenAt: '2026-11-23T09:00:00.000Z' })]);
  assert.ok(status.ok && !status.isOutdated);
  assert.equal(status.ageMs, 13_000);
});

test('trust 21: the leader is gone → what it told last is shown, as old as its last renewal, and marked', async () => {
  const { status } = await ask([lease(), note()], 15_001);
  assert.ok(status.ok && status.isOutdated);
  assert.equal(status.ageMs, 15_001);
});

test('leader status: written in the future, or nobody knows when → as now, as old as it may be', async () => {
  const early = await ask([lease(), note()], -60_000);
  assert.ok(early.status.ok && !early.status.isOutdated);
  assert.equal(early.status.ageMs, 0);
  const undated = await ask([lease(), note({ writtenAt: 'soon' })]);
  assert.ok(undated.status.ok);
  assert.equal(undated.status.ageMs, 13_000);
});

test('trust 5: nobody leads → what the last leader remembered is known all the same', async () => {
  const { status, memories } = await ask([lease({ holderIdentity: '' }), note()]);
  assert.ok(!status.ok);
  assert.deepEqual([...memories], [['uid-1', 'two failed']]);
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
    responses: [lease({ holderIdentity: '' }), note()],
    says: /nobody holds lease deployed\/updater: no controller runs/,
  },
  {
    name: 'held by one that told nothing yet',
    responses: [lease(), MISSING],
    says: /^pod-1_x holds lease deployed\/updater, but it says nothing about itself: it has just begun/,
  },
  {
    name: 'held by one that told nothing yet, after another one',
    responses: [lease({ holderIdentity: 'pod-2_y' }), note()],
    says: /^pod-2_y holds lease deployed\/updater, but what it says was said by an earlier leader/,
  },
  {
    name: 'what it told may not be read',
    responses: [lease(), FORBIDDEN],
    says: /^pod-1_x holds lease deployed\/updater, but ConfigMap deployed\/updater-status: not allowed to get configmaps/,
  },
  {
    name: 'what it told is no ConfigMap',
    responses: [lease(), answer(200, [])],
    says: /ConfigMap deployed\/updater-status: the answer is not a ConfigMap/,
  },
  {
    name: 'held by somebody odd',
    responses: [lease({ holderIdentity: 'a\u001b[31m\nb' }), note()],
    says: /^a \[31m b holds/,
  },
  { name: 'not a lease', responses: [answer(200, []), MISSING], says: /the answer is not a Lease/ },
  {
    name: 'no answer',
    responses: [{ kind: 'failure', code: 'timeout', wasSent: true, message: 'no answer within 10000 ms' }, MISSING],
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
