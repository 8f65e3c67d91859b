import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budget, cluster, daemonSet, node, pod, reasons, revision, slot, syncedRollout, T0 } from './records.ts';
import { ALL } from './scenario-moves.ts';

const WHY = 'node n01: it has more than 30000 values';
const unread = (name: string, changes = {}) => node(name, { unreadable: WHY, resourceVersion: '', ...changes });
/** A node that nobody could read before. */
const unknown = (name: string) => unread(name, { uid: '', isReady: false, readyChangedAtMs: undefined });
const atMost = (count: string) => daemonSet({ annotations: budget(count) });

test('unreadable: a node whose old pod is available → left alone, the others go on; readable again → it goes too', () => {
  const { nodes, pods } = cluster(3);
  const rollout = syncedRollout({ nodes, pods, daemonSet: atMost('3') });
  rollout.upsertNode(unread('n01'), T0);
  assert.deepEqual(rollout.select(ALL, T0), [slot('n02'), slot('n03')]);
  const [first] = rollout.plan(T0);
  assert.deepEqual([first?.reason, first?.message], ['node-unreadable', `the node cannot be read: ${WHY}`]);
  assert.deepEqual([rollout.counts().unavailable, rollout.counts().waiting], [0, 1]);
  rollout.upsertNode(node('n01'), T0 + 1);
  assert.deepEqual(rollout.select(ALL, T0 + 1), [slot('n01')]);
});

test('unreadable: a node that was not Ready, so that its pod was not counted → may be Ready, so it is counted', () => {
  const { nodes, pods } = cluster(3);
  const notReady = { isReady: false, readyChangedAtMs: T0 - 3_000_000 };
  const rollout = syncedRollout({
    nodes: [node('n01', notReady), ...nodes.slice(1)],
    pods: [pod('n01', 'old', notReady), ...pods.slice(1)],
    daemonSet: atMost('1'),
  });
  assert.equal(rollout.counts().unavailable, 0);
  rollout.upsertNode(unread('n01', notReady), T0);
  assert.equal(rollout.counts().unavailable, 1);
  assert.deepEqual(rollout.select(ALL, T0), []);
  rollout.upsertNode(node('n01', notReady), T0 + 1);
  assert.equal(rollout.counts().unavailable, 0);
  assert.deepEqual(rollout.select(ALL, T0 + 1), [slot('n02')]);
});

test('unreadable: a node is asked for and nothing has left → withdrawn', () => {
  const rollout = syncedRollout(cluster(1));
  assert.deepEqual(rollout.select(ALL, T0), [slot('n01')]);
  rollout.upsertNode(unread('n01'), T0);
  assert.equal(rollout.taskFor(slot('n01'), T0), undefined);
  assert.equal(rollout.counts().inFlight, 0);
});

test('unreadable: a pod that was available → counts as missing and is left alone; as it was → goes', () => {
  const { nodes, pods } = cluster(2);
  const rollout = syncedRollout({ nodes, pods, daemonSet: atMost('2') });
  rollout.upsertPod({ ...pod('n01', 'old'), resourceVersion: '', unreadable: 'too large' }, T0);
  assert.deepEqual(rollout.select(ALL, T0), [slot('n02')]);
  const [first] = rollout.plan(T0);
  assert.deepEqual([first?.reason, first?.message], ['unavailable', 'pod agent-n01-old cannot be read: too large']);
  assert.equal(rollout.counts().unavailable, 1);
  rollout.upsertPod(pod('n01', 'old'), T0 + 1);
  assert.deepEqual(rollout.select(ALL, T0 + 1), [slot('n01')]);
});

test('unreadable: a pod whose deletion is on its way → stays in flight until its end is seen', () => {
  const { nodes, pods } = cluster(2);
  const rollout = syncedRollout({ nodes, pods, daemonSet: atMost('1') });
  assert.deepEqual(rollout.select(ALL, T0), [slot('n01')]);
  rollout.onSent(slot('n01'), T0);
  rollout.upsertPod({ ...pod('n01', 'old'), resourceVersion: '', unreadable: 'too large' }, T0);
  rollout.upsertPod(pod('n01', 'old'), T0 + 1);
  assert.deepEqual([rollout.counts().reserved, rollout.select(ALL, T0 + 1)], [1, []]);
});

test('unreadable: pods under OTA → not marked, and not done either', () => {
  const { nodes, pods } = cluster(2);
  const annotations = budget('1', { 'apps.openyurt.io/update-strategy': 'OTA' });
  const rollout = syncedRollout({ nodes, pods, daemonSet: daemonSet({ annotations }) });
  rollout.upsertPod({ ...pod('n01', 'old'), resourceVersion: '', unreadable: 'too large' }, T0);
  assert.deepEqual(rollout.select(ALL, T0), [slot('n02')]);
  assert.equal(rollout.counts().settled, 0);
  assert.equal(rollout.plan(T0)[0]?.message, 'pod agent-n01-old cannot be read: too large');
});

test('unreadable: its pod is stuck in Terminating → not deleted by force, and it does not wake for that', () => {
  const annotations = budget('1', { 'daemonpodupdater.io/force-delete-stuck': 'true' });
  const stuck = pod('n01', 'old', { isTerminating: true, deletionAtMs: T0 });
  const rollout = syncedRollout({ nodes: [node('n01')], pods: [stuck], daemonSet: daemonSet({ annotations }) });
  rollout.upsertNode(unread('n01'), T0);
  assert.deepEqual(rollout.select(ALL, T0 + 3_600_000), []);
  assert.equal(rollout.nextWakeMs(), undefined);
  rollout.upsertNode(node('n01'), T0 + 3_600_000);
  assert.deepEqual(rollout.select(ALL, T0 + 3_600_000), [slot('n01')]);
});

test('unreadable: a node that never could be read → holds a place unless an available pod is there, and is left alone', () => {
  const { nodes, pods } = cluster(3);
  const rollout = syncedRollout({
    nodes: [unknown('n01'), ...nodes.slice(1)],
    pods: pods.slice(1),
    daemonSet: atMost('1'),
  });
  assert.equal(rollout.counts().unavailable, 1);
  assert.deepEqual(rollout.select(ALL, T0), []);
  assert.equal(reasons(rollout, T0).n01, 'node-unreadable');
  rollout.upsertPod(pod('n01', 'old'), T0);
  assert.equal(rollout.counts().unavailable, 0);
  assert.deepEqual(rollout.select(ALL, T0), [slot('n02')]);
  assert.equal(reasons(rollout, T0).n01, 'node-unreadable');
  rollout.removeNode('n01', T0);
  assert.equal(reasons(rollout, T0).n01, 'not-eligible');
});

test('unreadable: the DaemonSet → blocked with the reason, what waits is withdrawn; readable again → goes on', () => {
  const rollout = syncedRollout(cluster(2));
  assert.deepEqual(rollout.select(ALL, T0), [slot('n01')]);
  rollout.setDaemonSet(daemonSet({ unreadable: 'daemonset x: too large' }), T0 + 1);
  assert.deepEqual(rollout.blocked(), { code: 'unreadable', message: 'cannot be read: daemonset x: too large' });
  assert.equal(rollout.taskFor(slot('n01'), T0 + 1), undefined);
  assert.deepEqual(rollout.select(ALL, T0 + 1), []);
  assert.equal(rollout.plan(T0 + 1)[0]?.message, 'cannot be read: daemonset x: too large');
  rollout.setDaemonSet(daemonSet(), T0 + 2);
  assert.deepEqual(rollout.select(ALL, T0 + 2), [slot('n01')]);
});

test('unreadable: a revision, known or not → blocked, because it may be the newest; gone, or readable → goes on', () => {
  const never = revision('', 0, { uid: '', name: 'agent-x', ownerUid: undefined, unreadable: 'too large' });
  for (const bad of [never, revision('old', 1, { unreadable: 'too large' })]) {
    const rollout = syncedRollout(cluster(1));
    rollout.upsertRevision(bad, T0);
    assert.equal(rollout.blocked()?.message, 'cannot be read: too large');
    assert.deepEqual(rollout.select(ALL, T0), []);
    rollout.removeRevision(bad, T0 + 1);
    assert.deepEqual(rollout.select(ALL, T0 + 1), [slot('n01')]);
  }
  for (const readable of [
    revision('older', 0, { name: 'agent-x' }),
    revision('x', 9, { name: 'agent-x', ownerUid: 'other' }),
  ]) {
    const rollout = syncedRollout(cluster(1));
    rollout.upsertRevision(never, T0);
    rollout.upsertRevision(readable, T0 + 1);
    assert.deepEqual(rollout.select(ALL, T0 + 1), [slot('n01')]);
  }
});

test('unreadable: a node that could not be read when it began is read → it was there before, so it is not joining', () => {
  const { nodes, pods } = cluster(3);
  const [first, ...others] = pods;
  assert.ok(first !== undefined);
  const rollout = syncedRollout({
    nodes: [unknown('n01'), ...nodes.slice(1)],
    pods: [{ ...first, isReady: false }, ...others],
    daemonSet: atMost('1'),
  });
  rollout.upsertNode(node('n01'), T0 + 1);
  assert.deepEqual([rollout.counts().joining, rollout.counts().unavailable], [0, 1]);
});

test('unreadable: a node that could not be read is read, with a taint and no pod → it was taken for eligible, and is not', () => {
  const { nodes, pods } = cluster(3);
  const rollout = syncedRollout({
    nodes: [unknown('n01'), ...nodes.slice(1)],
    pods: pods.slice(1),
    daemonSet: atMost('1'),
  });
  assert.equal(rollout.counts().unavailable, 1);
  rollout.upsertNode(node('n01', { taints: [{ key: 'k', value: '', effect: 'NoSchedule' }] }), T0 + 1);
  assert.deepEqual([rollout.counts().unavailable, rollout.select(ALL, T0 + 1).length], [0, 1]);
});
