import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest } from '../../src/client/api.ts';
import {
  apiCalls,
  createConfigMapRequest,
  createEventRequest,
  createLeaseRequest,
  getConfigMapRequest,
  getLeaseRequest,
  listLeasesRequest,
  listRequest,
  patchConfigMapRequest,
  patchEventRequest,
  updateLeaseRequest,
  watchRequest,
} from '../../src/client/requests.ts';
import { deletePodRequest, getPodRequest, markPodRequest } from './pod-requests.ts';

const POD = { namespace: 'edge', name: 'agent-1', timeoutMs: 1000 };
const LIST = { limit: 0, continueToken: '', resourceVersion: '', timeoutMs: 1000 };
const WATCH = { resourceVersion: '5', timeoutSeconds: 300, timeoutMs: 1000 };
const all = { namespace: '', labelSelector: '', accept: 'application/json' };

const requests: readonly (readonly [request: ApiRequest, method: string, path: string])[] = [
  [listRequest({ ...all, resource: 'daemonsets' }, LIST), 'GET', '/apis/apps/v1/daemonsets'],
  [watchRequest({ ...all, resource: 'daemonsets' }, WATCH), 'GET', '/apis/apps/v1/daemonsets'],
  [
    listRequest({ ...all, resource: 'controllerrevisions', namespace: 'edge' }, LIST),
    'GET',
    '/apis/apps/v1/namespaces/edge/controllerrevisions',
  ],
  [watchRequest({ ...all, resource: 'controllerrevisions' }, WATCH), 'GET', '/apis/apps/v1/controllerrevisions'],
  [listRequest({ ...all, resource: 'nodes' }, LIST), 'GET', '/api/v1/nodes'],
  [watchRequest({ ...all, resource: 'nodes' }, WATCH), 'GET', '/api/v1/nodes'],
  [listRequest({ ...all, resource: 'pods', namespace: 'edge' }, LIST), 'GET', '/api/v1/namespaces/edge/pods'],
  [watchRequest({ ...all, resource: 'pods', namespace: 'edge' }, WATCH), 'GET', '/api/v1/namespaces/edge/pods'],
  [getPodRequest(POD), 'GET', '/api/v1/namespaces/edge/pods/agent-1'],
  [deletePodRequest({ ...POD, uid: 'u' }), 'DELETE', '/api/v1/namespaces/edge/pods/agent-1'],
  [
    markPodRequest({ ...POD, uid: 'u', needsUpgrade: true, hash: 'h', lastTransitionTime: 't' }),
    'PATCH',
    '/api/v1/namespaces/edge/pods/agent-1/status',
  ],
  [
    createEventRequest({ namespace: 'edge', timeoutMs: 1, object: {} }),
    'POST',
    '/apis/events.k8s.io/v1/namespaces/edge/events',
  ],
  [patchEventRequest({ ...POD, name: 'e', patch: {} }), 'PATCH', '/apis/events.k8s.io/v1/namespaces/edge/events/e'],
  [getLeaseRequest({ ...POD, name: 'l' }), 'GET', '/apis/coordination.k8s.io/v1/namespaces/edge/leases/l'],
  [
    createLeaseRequest({ namespace: 'edge', timeoutMs: 1, object: {} }),
    'POST',
    '/apis/coordination.k8s.io/v1/namespaces/edge/leases',
  ],
  [
    updateLeaseRequest({ ...POD, name: 'l', object: {} }),
    'PUT',
    '/apis/coordination.k8s.io/v1/namespaces/edge/leases/l',
  ],
  [listLeasesRequest('l', { timeoutMs: 1 }), 'GET', '/apis/coordination.k8s.io/v1/leases'],
  [getConfigMapRequest({ ...POD, name: 'c' }), 'GET', '/api/v1/namespaces/edge/configmaps/c'],
  [
    createConfigMapRequest({ namespace: 'edge', timeoutMs: 1, object: {} }),
    'POST',
    '/api/v1/namespaces/edge/configmaps',
  ],
  [patchConfigMapRequest({ ...POD, name: 'c', patch: {} }), 'PATCH', '/api/v1/namespaces/edge/configmaps/c'],
];

for (const [request, method, path] of requests) {
  test(`requests: ${request.labels.verb} ${request.labels.resource} → ${method} ${path}`, () => {
    assert.equal(request.method, method);
    assert.equal(request.path, path);
  });
}

test('requests: every builder → in the table; every call of the table → has a builder', () => {
  const built = requests.map(([{ labels }]) => `${labels.verb} ${labels.resource}`);
  const declared = apiCalls.map(({ verb, resource, subresource }) =>
    subresource === undefined ? `${verb} ${resource}` : `${verb} ${resource}/${subresource}`,
  );
  assert.deepEqual(built.toSorted(), declared.toSorted());
});

test('requests: delete → guarded by the UID', () => {
  const { body } = deletePodRequest({ ...POD, uid: 'u-1' });
  assert.deepEqual(JSON.parse(String(body)), {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    preconditions: { uid: 'u-1' },
  });
});

test('requests: mark → one condition, guarded by the UID, as a strategic merge patch', () => {
  const request = markPodRequest({
    ...POD,
    uid: 'u-1',
    needsUpgrade: false,
    hash: 'abc',
    lastTransitionTime: '2026-08-01T10:00:00Z',
  });
  assert.equal(request.contentType, 'application/strategic-merge-patch+json');
  assert.deepEqual(JSON.parse(String(request.body)), {
    metadata: { uid: 'u-1' },
    status: {
      conditions: [
        {
          type: 'PodNeedUpgrade',
          status: 'False',
          message: 'controllerrevision: abc',
          lastTransitionTime: '2026-08-01T10:00:00Z',
        },
      ],
    },
  });
});

test('requests: list and watch → the parameters that were asked for', () => {
  const selection = { ...all, resource: 'pods', namespace: 'edge', labelSelector: 'app=agent' } as const;
  assert.deepEqual(listRequest(selection, { ...LIST, limit: 500, continueToken: 'c' }).query, {
    labelSelector: 'app=agent',
    limit: '500',
    continue: 'c',
    resourceVersion: '',
  });
  assert.deepEqual(watchRequest(selection, WATCH).query, {
    watch: 'true',
    labelSelector: 'app=agent',
    resourceVersion: '5',
    allowWatchBookmarks: 'true',
    timeoutSeconds: '300',
  });
});
