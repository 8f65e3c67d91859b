import assert from 'node:assert/strict';
import type { Case } from './suite.ts';
import { type Answer, type Json, MERGE, PARTIAL, podSpec, type Wire } from './target.ts';

const HASH = 'controller-revision-hash';
const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

async function createDaemonSet(wire: Wire, name: string): Promise<Json> {
  const labels = { app: name };
  const spec = {
    selector: { matchLabels: labels },
    updateStrategy: { type: 'OnDelete' },
    template: { metadata: { labels }, spec: { ...podSpec(), nodeSelector: { conformance: wire.namespace } } },
  };
  return await wire.must({ method: 'POST', path: wire.daemonSets(), body: { metadata: { name }, spec } });
}

async function setImage(wire: Wire, name: string, image: string): Promise<Json> {
  const body = { spec: { template: { spec: { containers: [{ name: 'main', image }] } } } };
  return await wire.must({ method: 'PATCH', path: wire.daemonSets(name), contentType: MERGE, body });
}

/** So many looks are about a second. */
const NUDGE_EVERY = 40;

/**
 * The revisions of a DaemonSet from the oldest to the newest, as soon as they are as wanted. A busy controller that has not
 * been told yet of the revision that it made itself gives the next one the same number, and mends that when it looks at the
 * DaemonSet again; so it is given something to look at.
 */
async function revisions(wire: Wire, name: string, isDone: (items: Json[]) => boolean): Promise<Json[]> {
  const path = `/apis/apps/v1/namespaces/${wire.namespace}/controllerrevisions?labelSelector=app%3D${name}`;
  const sorted = ({ json }: Answer): Json[] => json.items.sort((a: Json, b: Json) => a.revision - b.revision);
  let looks = 0;
  const answer = await wire.until({ path }, async (seen) => {
    if (isDone(sorted(seen))) return true;
    looks += 1;
    if (looks % NUDGE_EVERY === 0) await nudge(wire, name, looks);
    return false;
  });
  return sorted(answer);
}

async function nudge(wire: Wire, name: string, count: number): Promise<void> {
  const body = { metadata: { annotations: { 'example.com/nudge': String(count) } } };
  await wire.must({ method: 'PATCH', path: wire.daemonSets(name), contentType: MERGE, body });
}

function isNumbered(items: Json[]): boolean {
  return items.length === 2 && items.at(-1)?.revision === 2;
}

/** Everything is as the controller wants it. */
async function settled(wire: Wire, name: string): Promise<void> {
  const isSettled = ({ json }: Answer): boolean =>
    json.status.observedGeneration === json.metadata.generation && json.status.numberAvailable === 1;
  await wire.until({ path: wire.daemonSets(name) }, isSettled);
}

async function daemonPod(wire: Wire, name: string, isDone: (pod: Json) => boolean): Promise<Json> {
  const path = wire.pods('', `labelSelector=app%3D${name}`);
  const { json } = await wire.until(
    { path },
    (answer) => answer.json.items.length === 1 && isDone(answer.json.items[0]),
  );
  return json.items[0];
}

function isReady(pod: Json): boolean {
  return (pod.status.conditions ?? []).some((one: Json) => one.type === 'Ready' && one.status === 'True');
}

export const CONTROLLER_CASES: readonly Case[] = [
  {
    title: 'lease: create, again, update → 201, 409 AlreadyExists, 200; an old resourceVersion → 409 Conflict',
    run: async (wire) => {
      const name = wire.unique('lease');
      const body = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name },
        spec: { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: '2026-01-02T03:04:05.678901Z' },
      };
      const created = await wire.send({ method: 'POST', path: wire.leases(), body });
      assert.equal(created.status, 201);
      assert.equal(created.json.spec.renewTime, '2026-01-02T03:04:05.678901Z');
      const again = await wire.send({ method: 'POST', path: wire.leases(), body });
      assert.deepEqual([again.status, again.json.reason], [409, 'AlreadyExists']);
      const next = { ...created.json, spec: { ...created.json.spec, holderIdentity: 'b' } };
      const updated = await wire.send({ method: 'PUT', path: wire.leases(name), body: next });
      assert.equal(updated.status, 200);
      assert.equal(updated.json.spec.holderIdentity, 'b');
      const late = await wire.send({ method: 'PUT', path: wire.leases(name), body: next });
      assert.deepEqual([late.status, late.json.reason], [409, 'Conflict']);
      const { resourceVersion: _, ...metadata } = next.metadata;
      const blind = await wire.send({ method: 'PUT', path: wire.leases(name), body: { ...next, metadata } });
      assert.deepEqual([blind.status, blind.json.reason], [422, 'Invalid']);
    },
  },
  {
    title:
      'trust 21: ConfigMap: created, some of its keys patched with a resourceVersion → 201, 200 and others stay, its metadata answered; an old one → 409 Conflict; gone → 404',
    run: async (wire) => {
      const name = wire.unique('note');
      const collection = `/api/v1/namespaces/${wire.namespace}/configmaps`;
      const path = `${collection}/${name}`;
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { status: '1', mine: 'stays' } };
      const created = await wire.send({ method: 'POST', path: collection, body, accept: PARTIAL });
      assert.deepEqual([created.status, created.json.kind], [201, 'PartialObjectMetadata']);
      const { resourceVersion } = created.json.metadata;
      const patch = { metadata: { resourceVersion }, data: { status: '2', memory: 'm' } };
      const write = { method: 'PATCH', path, body: patch, contentType: MERGE, accept: PARTIAL };
      const patched = await wire.send(write);
      assert.equal(patched.status, 200);
      assert.notEqual(patched.json.metadata.resourceVersion, resourceVersion);
      const late = await wire.send(write);
      assert.deepEqual([late.status, late.json.reason], [409, 'Conflict']);
      const { json } = await wire.send({ path });
      assert.deepEqual(json.data, { status: '2', memory: 'm', mine: 'stays' });
      assert.equal((await wire.send({ method: 'DELETE', path })).status, 200);
      assert.equal((await wire.send(write)).status, 404);
    },
  },
  {
    title: 'event: events.k8s.io/v1 → created, and its series patched',
    run: async (wire) => {
      const path = `/apis/events.k8s.io/v1/namespaces/${wire.namespace}/events`;
      const name = wire.unique('event');
      const regarding = { apiVersion: 'apps/v1', kind: 'DaemonSet', namespace: wire.namespace, name: 'some' };
      const body = {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name },
        eventTime: '2026-01-02T03:04:05.000000Z',
        reportingController: 'conformance',
        reportingInstance: 'conformance-0',
        action: 'Testing',
        reason: 'Tested',
        regarding,
        type: 'Normal',
        note: 'a note',
      };
      assert.equal((await wire.send({ method: 'POST', path, body })).status, 201);
      const series = { count: 2, lastObservedTime: '2026-01-02T03:05:05.000000Z' };
      const patched = await wire.send({
        method: 'PATCH',
        path: `${path}/${name}`,
        contentType: MERGE,
        body: { series },
      });
      assert.equal(patched.status, 200, patched.bytes.toString());
      assert.equal(patched.json.series.count, 2);
      const { eventTime: _, ...timeless } = { ...body, metadata: { name: wire.unique('event') } };
      assert.equal((await wire.send({ method: 'POST', path, body: timeless })).status, 422);
    },
  },
  {
    title: 'daemonset: created → generation 1, observed, a revision whose hash its pod carries',
    run: async (wire) => {
      const name = wire.unique('daemon');
      const created = await createDaemonSet(wire, name);
      assert.equal(created.metadata.generation, 1);
      assert.equal(created.metadata.annotations[TEMPLATE_GENERATION], '1');
      const pod = await daemonPod(wire, name, isReady);
      const [revision] = await revisions(wire, name, (items) => items.length === 1);
      assert.equal(revision.revision, 1);
      assert.equal(pod.metadata.labels[HASH], revision.metadata.labels[HASH]);
      assert.equal(pod.metadata.labels['pod-template-generation'], '1');
      assert.equal(pod.spec.nodeName, wire.nodeName);
      const owner = pod.metadata.ownerReferences[0];
      assert.deepEqual([owner.kind, owner.uid, owner.controller], ['DaemonSet', created.metadata.uid, true]);
      assert.equal(revision.metadata.ownerReferences[0].uid, created.metadata.uid);
      const { json } = await wire.until(
        { path: wire.daemonSets(name) },
        ({ json: one }) => one.status.numberAvailable === 1,
      );
      assert.equal(json.status.observedGeneration, 1);
      assert.equal(json.status.desiredNumberScheduled, 1);
      await wire.must({ method: 'DELETE', path: wire.daemonSets(name) });
    },
  },
  {
    title: 'daemonset: OnDelete, template changed → new revision, the old pod stays until it is deleted',
    run: async (wire) => {
      const name = wire.unique('daemon');
      await createDaemonSet(wire, name);
      const old = await daemonPod(wire, name, isReady);
      await settled(wire, name);
      const changed = await setImage(wire, name, 'registry.example/app:v2');
      assert.equal(changed.metadata.generation, 2);
      assert.equal(changed.metadata.annotations[TEMPLATE_GENERATION], '2');
      const isObserved = ({ json }: Answer): boolean => json.status.observedGeneration === 2;
      await wire.until({ path: wire.daemonSets(name) }, isObserved);
      const [, second] = await revisions(wire, name, isNumbered);
      assert.equal(second.revision, 2);
      assert.equal((await daemonPod(wire, name, () => true)).metadata.uid, old.metadata.uid);
      const body = { preconditions: { uid: old.metadata.uid } };
      await wire.must({ method: 'DELETE', path: wire.pods(old.metadata.name), body });
      const isNew = (pod: Json): boolean => pod.metadata.uid !== old.metadata.uid && isReady(pod);
      const fresh = await daemonPod(wire, name, isNew);
      assert.equal(fresh.metadata.labels[HASH], second.metadata.labels[HASH]);
      assert.equal(fresh.metadata.labels['pod-template-generation'], '2');
      await wire.must({ method: 'DELETE', path: wire.daemonSets(name) });
    },
  },
  {
    title: 'daemonset: rolled back → the old revision object gets the highest number, and keeps its hash',
    run: async (wire) => {
      const name = wire.unique('daemon');
      await createDaemonSet(wire, name);
      const [first] = await revisions(wire, name, (items) => items.length === 1);
      await settled(wire, name);
      await setImage(wire, name, 'registry.example/app:v2');
      await revisions(wire, name, isNumbered);
      await setImage(wire, name, 'registry.example/app:v1');
      const after = await revisions(wire, name, (items) => items.at(-1)?.revision === 3);
      assert.deepEqual(
        after.map((item) => item.revision),
        [2, 3],
      );
      assert.equal(after[1].metadata.uid, first.metadata.uid);
      assert.equal(after[1].metadata.labels[HASH], first.metadata.labels[HASH]);
      await wire.must({ method: 'DELETE', path: wire.daemonSets(name) });
    },
  },
  {
    title: 'daemonset: an annotation changed → the generation stays',
    run: async (wire) => {
      const name = wire.unique('daemon');
      await createDaemonSet(wire, name);
      const body = { metadata: { annotations: { 'apps.openyurt.io/max-unavailable': '5' } } };
      const path = wire.daemonSets(name);
      const changed = await wire.must({ method: 'PATCH', path, contentType: MERGE, body });
      assert.equal(changed.metadata.generation, 1);
      await wire.must({ method: 'DELETE', path });
    },
  },
  {
    title: 'daemonset: deleted → its pods and revisions go, too',
    run: async (wire) => {
      const name = wire.unique('daemon');
      await createDaemonSet(wire, name);
      await daemonPod(wire, name, isReady);
      await wire.must({ method: 'DELETE', path: wire.daemonSets(name) });
      const pods = wire.pods('', `labelSelector=app%3D${name}`);
      await wire.until({ path: pods }, (answer) => answer.json.items.length === 0);
      await revisions(wire, name, (items) => items.length === 0);
    },
  },
];
