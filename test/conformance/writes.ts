import assert from 'node:assert/strict';
import type { Case } from './suite.ts';
import { type Answer, type Json, MERGE, PARTIAL, podSpec, STRATEGIC, type Wire } from './target.ts';

const OTHER_UID = '11111111-2222-4333-8444-555555555555';

function deletion(wire: Wire, name: string, body: Json): Promise<Answer> {
  return wire.send({ method: 'DELETE', path: wire.pods(name), body });
}

function patchStatus(wire: Wire, pod: Json, conditions: Json): Promise<Json> {
  const body = { metadata: { uid: pod.metadata.uid }, status: { conditions } };
  const path = `${wire.pods(pod.metadata.name)}/status`;
  return wire.must({ method: 'PATCH', path, contentType: STRATEGIC, body });
}

function assertStatus(answer: Answer, code: number, reason: string): void {
  assert.equal(answer.status, code, answer.bytes.toString());
  assert.equal(answer.json.kind, 'Status');
  assert.equal(answer.json.apiVersion, 'v1');
  assert.equal(answer.json.status, 'Failure');
  assert.equal(answer.json.code, code);
  assert.equal(answer.json.reason, reason);
}

export const WRITE_CASES: readonly Case[] = [
  {
    title: 'create: a pod → 201 with uid, resourceVersion, creationTimestamp and phase Pending',
    run: async (wire) => {
      const body = { metadata: { generateName: 'generated-' }, spec: podSpec() };
      const answer = await wire.send({ method: 'POST', path: wire.pods(), body });
      assert.equal(answer.status, 201);
      const { metadata, status } = answer.json;
      assert.match(metadata.name, /^generated-[a-z0-9]{5}$/);
      assert.match(metadata.uid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      assert.match(metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.ok(Number(metadata.resourceVersion) > 0);
      assert.equal(status.phase, 'Pending');
      const again = { metadata: { name: metadata.name }, spec: answer.json.spec };
      assertStatus(await wire.send({ method: 'POST', path: wire.pods(), body: again }), 409, 'AlreadyExists');
      await wire.removePod(metadata.name);
    },
  },
  {
    title: 'delete: another UID as precondition → 409 Conflict, and the pod stays',
    run: async (wire) => {
      const pod = await wire.createPod();
      const { name } = pod.metadata;
      assertStatus(await deletion(wire, name, { preconditions: { uid: OTHER_UID } }), 409, 'Conflict');
      assert.equal((await wire.must({ path: wire.pods(name) })).metadata.deletionTimestamp, undefined);
      const right = await deletion(wire, name, { preconditions: { uid: pod.metadata.uid } });
      assert.equal(right.status, 200);
    },
  },
  {
    title: 'delete: another resourceVersion as precondition → 409 Conflict',
    run: async (wire) => {
      const { name } = (await wire.createPod()).metadata;
      assertStatus(await deletion(wire, name, { preconditions: { resourceVersion: '1' } }), 409, 'Conflict');
      await wire.removePod(name);
    },
  },
  {
    title: 'delete: a pod on no node → gone at once; get and delete → 404 NotFound',
    run: async (wire) => {
      const { name } = (await wire.createPod()).metadata;
      const answer = await deletion(wire, name, {});
      assert.equal(answer.status, 200);
      assert.equal(answer.json.kind, 'Pod');
      const missing = await wire.send({ path: wire.pods(name) });
      assertStatus(missing, 404, 'NotFound');
      assert.deepEqual(missing.json.details, { name, kind: 'pods' });
      assertStatus(await deletion(wire, name, {}), 404, 'NotFound');
    },
  },
  {
    title: 'delete: a pod on a node, twice → terminating with its grace period, 200 both times, then gone',
    run: async (wire) => {
      const pod = await wire.createPod({ nodeName: wire.nodeName });
      const { name } = pod.metadata;
      // A finalizer keeps it visible however quick the kubelet is.
      const finalizers = { metadata: { finalizers: ['example.com/hold'] } };
      await wire.must({ method: 'PATCH', path: wire.pods(name), contentType: MERGE, body: finalizers });
      const first = await deletion(wire, name, { preconditions: { uid: pod.metadata.uid } });
      assert.equal(first.status, 200);
      assert.equal(first.json.metadata.deletionGracePeriodSeconds, 30);
      assert.ok(first.json.metadata.deletionTimestamp);
      const second = await deletion(wire, name, { preconditions: { uid: pod.metadata.uid } });
      assert.equal(second.status, 200);
      // The kubelet may have shortened it to nothing meanwhile.
      assert.ok(second.json.metadata.deletionTimestamp <= first.json.metadata.deletionTimestamp);
      const release = { metadata: { finalizers: null } };
      await wire.must({ method: 'PATCH', path: wire.pods(name), contentType: MERGE, body: release });
      await wire.until({ path: wire.pods(name) }, (answer) => answer.status === 404);
    },
  },
  {
    title: 'delete: with gracePeriodSeconds 0 → a pod on a node is gone at once',
    run: async (wire) => {
      const { name } = (await wire.createPod({ nodeName: wire.nodeName })).metadata;
      assert.equal((await deletion(wire, name, { gracePeriodSeconds: 0 })).status, 200);
      assertStatus(await wire.send({ path: wire.pods(name) }), 404, 'NotFound');
    },
  },
  {
    title: 'patch: another metadata.uid → 422 Invalid, field is immutable',
    run: async (wire) => {
      const { name } = (await wire.createPod()).metadata;
      const body = { metadata: { uid: OTHER_UID }, status: { conditions: [{ type: 'X', status: 'True' }] } };
      const path = `${wire.pods(name)}/status`;
      const answer = await wire.send({ method: 'PATCH', path, contentType: STRATEGIC, body });
      assertStatus(answer, 422, 'Invalid');
      const cause = answer.json.details.causes.find((one: Json) => one.field === 'metadata.uid');
      assert.match(cause.message, /field is immutable/);
      await wire.removePod(name);
    },
  },
  {
    title: 'patch: an old metadata.resourceVersion → 409 Conflict; the present one → 200',
    run: async (wire) => {
      const pod = await wire.createPod();
      const { name } = pod.metadata;
      const path = wire.pods(name);
      const patch = (resourceVersion: string, step: string): Promise<Answer> => {
        const body = { metadata: { resourceVersion, labels: { step } } };
        return wire.send({ method: 'PATCH', path, contentType: STRATEGIC, body });
      };
      const first = await patch(pod.metadata.resourceVersion, 'one');
      assert.equal(first.status, 200);
      assertStatus(await patch(pod.metadata.resourceVersion, 'two'), 409, 'Conflict');
      await wire.removePod(name);
    },
  },
  {
    title: 'patch: a pod condition, strategically → added, then replaced by type, others kept',
    run: async (wire) => {
      const pod = await wire.createPod();
      const kept = { type: 'example.com/Kept', status: 'True' };
      const mark = (status: string): Json => ({
        type: 'PodNeedUpgrade',
        status,
        message: `controllerrevision: ${status}`,
      });
      await patchStatus(wire, pod, [kept]);
      await patchStatus(wire, pod, [mark('True')]);
      const { status } = await patchStatus(wire, pod, [mark('False')]);
      const find = (type: string): Json => status.conditions.find((one: Json) => one.type === type);
      assert.equal(find('example.com/Kept').status, 'True');
      assert.equal(find('PodNeedUpgrade').status, 'False');
      assert.equal(find('PodNeedUpgrade').message, 'controllerrevision: False');
      assert.equal(status.conditions.filter((one: Json) => one.type === 'PodNeedUpgrade').length, 1);
      const deletes = await patchStatus(wire, pod, [{ type: 'PodNeedUpgrade', $patch: 'delete' }]);
      assert.ok(!deletes.status.conditions.some((one: Json) => one.type === 'PodNeedUpgrade'));
      await wire.removePod(pod.metadata.name);
    },
  },
  {
    title: 'patch: what is there already → the same resourceVersion',
    run: async (wire) => {
      const pod = await wire.createPod();
      const condition = { type: 'PodNeedUpgrade', status: 'True', message: 'controllerrevision: a' };
      const first = await patchStatus(wire, pod, [condition]);
      const second = await patchStatus(wire, pod, [condition]);
      assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
      await wire.removePod(pod.metadata.name);
    },
  },
  {
    title: 'patch: the main resource and status → each leaves the other alone',
    run: async (wire) => {
      const pod = await wire.createPod();
      const path = wire.pods(pod.metadata.name);
      const conditions = [{ type: 'X', status: 'True' }];
      const body = { metadata: { labels: { step: 'main' } }, status: { conditions } };
      const main = await wire.must({ method: 'PATCH', path, contentType: STRATEGIC, body });
      assert.equal(main.metadata.labels.step, 'main');
      assert.ok(!(main.status.conditions ?? []).some((one: Json) => one.type === 'X'));
      await wire.removePod(pod.metadata.name);
    },
  },
  {
    title: 'patch: PartialObjectMetadata asked for → metadata alone comes back',
    run: async (wire) => {
      const pod = await wire.createPod();
      const body = { metadata: { labels: { step: 'partial' } } };
      const path = wire.pods(pod.metadata.name);
      const answer = await wire.send({ method: 'PATCH', path, contentType: STRATEGIC, body, accept: PARTIAL });
      assert.equal(answer.status, 200);
      assert.equal(answer.json.kind, 'PartialObjectMetadata');
      assert.equal(answer.json.apiVersion, 'meta.k8s.io/v1');
      assert.equal(answer.json.metadata.labels.step, 'partial');
      assert.equal(answer.json.spec, undefined);
      await wire.removePod(pod.metadata.name);
    },
  },
  {
    title: 'patch: merge → null removes a field, the rest stays',
    run: async (wire) => {
      const pod = await wire.createPod({ labels: { one: '1', two: '2' } });
      const body = { metadata: { labels: { one: null, three: '3' } } };
      const path = wire.pods(pod.metadata.name);
      const { metadata } = await wire.must({ method: 'PATCH', path, contentType: MERGE, body });
      assert.deepEqual(metadata.labels, { suite: 'conformance', two: '2', three: '3' });
      await wire.removePod(pod.metadata.name);
    },
  },
  {
    title: 'write: dryRun=All → answered and not kept',
    run: async (wire) => {
      const pod = await wire.createPod();
      const body = { metadata: { labels: { step: 'dry' } } };
      const path = wire.pods(pod.metadata.name, 'dryRun=All');
      const answer = await wire.must({ method: 'PATCH', path, contentType: STRATEGIC, body });
      assert.equal(answer.metadata.labels.step, 'dry');
      assert.equal((await wire.must({ path: wire.pods(pod.metadata.name) })).metadata.labels.step, undefined);
      await wire.removePod(pod.metadata.name);
    },
  },
];
