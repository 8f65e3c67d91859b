import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest, ApiResponse } from '../../src/client/api.ts';
import type { LeaseRecord } from '../../src/election/lease.ts';
import { KubernetesLeaseApi } from '../../src/election/lease-api.ts';

const RECORD: LeaseRecord = {
  holderIdentity: 'pod-1_x',
  leaseDurationSeconds: 15,
  acquireTimeMs: 1000,
  renewTimeMs: 61_234,
  leaseTransitions: 3,
};
const SPEC = {
  holderIdentity: 'pod-1_x',
  leaseDurationSeconds: 15,
  acquireTime: '1970-01-01T00:00:01.000000Z',
  renewTime: '1970-01-01T00:01:01.234000Z',
  leaseTransitions: 3,
};

function answer(status: number, body: unknown): ApiResponse {
  const bytes = new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body));
  return { kind: 'answer', status, retryAfterMs: 0, contentType: 'application/json', body: bytes };
}

function apiOf(...responses: readonly ApiResponse[]): {
  api: KubernetesLeaseApi;
  requests: ApiRequest[];
  problems: string[];
  reached: () => number;
} {
  const requests: ApiRequest[] = [];
  const problems: string[] = [];
  let reachedCount = 0;
  const api = new KubernetesLeaseApi({
    request: async (request) => {
      const response = responses[requests.length];
      requests.push(request);
      assert.ok(response !== undefined);
      return response;
    },
    namespace: 'system',
    name: 'daemonpodupdater',
    onProblem: (message) => problems.push(message),
    onReached: () => reachedCount++,
  });
  return { api, requests, problems, reached: () => reachedCount };
}

function bodyOf(request: ApiRequest | undefined): unknown {
  assert.ok(typeof request?.body === 'string');
  return JSON.parse(request.body);
}

test('lease: read, then updated → what others wrote into its metadata is written back', async () => {
  const metadata = { name: 'daemonpodupdater', namespace: 'system', resourceVersion: '7', labels: { team: 'edge' } };
  const lease = { metadata: { ...metadata, managedFields: [{}] }, spec: SPEC };
  const { api, requests } = apiOf(answer(200, lease), answer(200, { ...lease, metadata: { resourceVersion: '8' } }));
  const read = await api.get(5000);
  assert.ok(read.type === 'lease-read');
  assert.deepEqual(read.lease.record, RECORD);
  assert.deepEqual(await api.update(RECORD, '7', 5000), { type: 'written', resourceVersion: '8' });
  const expected = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: SPEC };
  assert.deepEqual(bodyOf(requests[1]), expected);
  assert.equal(requests[1]?.method, 'PUT');
  assert.equal(requests[1]?.path, '/apis/coordination.k8s.io/v1/namespaces/system/leases/daemonpodupdater');
});

test('trust 21: what an earlier version told in the lease → taken away with the next renewal, what others annotated stays', async () => {
  const annotations = { team: 'edge', 'daemonpodupdater.io/status': 'x'.repeat(8000) };
  const lease = answer(200, { metadata: { resourceVersion: '7', annotations }, spec: SPEC });
  const { api, requests } = apiOf(lease, lease);
  await api.get(5000);
  await api.update(RECORD, '7', 5000);
  const { metadata } = bodyOf(requests[1]) as { metadata: { annotations?: unknown } };
  assert.deepEqual(metadata.annotations, { team: 'edge' });
});

test('lease: created by somebody else at the same time → a conflict, not a problem', async () => {
  const { api, problems } = apiOf(answer(409, { reason: 'AlreadyExists' }));
  assert.deepEqual(await api.create(RECORD, 5000), { type: 'write-conflict' });
  assert.deepEqual(problems, []);
});

test('lease: answered with what an election knows → reached; refused, garbled or not answered → not', async () => {
  const lease = answer(200, { metadata: { resourceVersion: '7' }, spec: SPEC });
  const { api, reached } = apiOf(lease, answer(404, {}), answer(409, {}), lease, answer(403, 'no'), answer(200, []));
  await api.get(5000);
  await api.get(5000);
  await api.create(RECORD, 5000);
  await api.update(RECORD, '7', 5000);
  assert.equal(reached(), 4);
  await api.get(5000);
  await api.get(5000);
  assert.equal(reached(), 4);
});

const reads: readonly { name: string; response: ApiResponse; type: string; problem?: RegExp }[] = [
  { name: 'not there', response: answer(404, {}), type: 'lease-not-found' },
  {
    name: 'forbidden',
    response: answer(403, 'leases is forbidden'),
    type: 'read-failed',
    problem: /HTTP 403: not allowed to get leases .*: "?leases is forbidden/,
  },
  { name: 'garbled', response: answer(200, '{"metadata":'), type: 'read-failed', problem: /not a Lease/ },
  { name: 'a list', response: answer(200, []), type: 'read-failed', problem: /not a Lease/ },
  { name: 'empty', response: answer(200, { metadata: { resourceVersion: '1' } }), type: 'lease-read' },
  {
    name: 'not answered',
    response: { kind: 'failure', code: 'timeout', wasSent: true, message: 'no answer within 5000 ms' },
    type: 'read-failed',
    problem: /lease system\/daemonpodupdater: no answer/,
  },
];
for (const { name, response, type, problem } of reads) {
  test(`lease: a read is ${name} → ${type}`, async () => {
    const { api, problems } = apiOf(response);
    assert.equal((await api.get(5000)).type, type);
    if (problem === undefined) assert.deepEqual(problems, []);
    else assert.match(problems.join(), problem);
  });
}

test('lease: a malformed time in the record → a time that stays the same, so that the lease can expire', async () => {
  const garbled = { metadata: { resourceVersion: '1' }, spec: { ...SPEC, renewTime: 'yesterday' } };
  const { api } = apiOf(answer(200, garbled));
  const read = await api.get(5000);
  assert.ok(read.type === 'lease-read');
  assert.equal(read.lease.record.renewTimeMs, 0);
});
