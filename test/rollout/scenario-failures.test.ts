import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budget, cluster, daemonSet, node, pod, reasons, revision, slot, syncedRollout, T0 } from './records.ts';
import { ALL, carryOut, replace } from './scenario-moves.ts';

test('rollout: NotReady node → neither updated nor counted; Ready again → it goes on by itself', () => {
  const { nodes, pods } = cluster(2);
  const rollout = syncedRollout({
    nodes: [node('n01', { isReady: false }), ...nodes.slice(1)],
    pods,
    daemonSet: daemonSet({ annotations: budget('1') }),
  });
  assert.deepEqual(rollout.select(ALL, T0), [slot('n02')]);
  carryOut(rollout, 'n02', T0);
  replace(rollout, 'n02', T0 + 1000);
  // All Ready nodes are done; the other one is skipped, not forgotten.
  assert.equal(rollout.counts().skippedNotReady, 1);
  assert.equal(rollout.takeNotices().at(-1)?.type, 'completed');
  assert.equal(reasons(rollout, T0 + 1000).n01, 'node-not-ready');
  rollout.upsertNode(node('n01'), T0 + 60_000);
  assert.deepEqual(rollout.takeNotices().at(0), {
    type: 'started',
    strategy: 'AdvancedRollingUpdate',
    hash: 'new',
    total: 1,
    isResumed: true,
  });
  assert.deepEqual(rollout.select(ALL, T0 + 60_000), [slot('n01')]);
});

test('rollout: node NotReady within minReadySeconds + 5 min of its replacement → failed, keeps its place', () => {
  const rollout = syncedRollout({ ...cluster(3), daemonSet: daemonSet({ annotations: budget('1') }) });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  replace(rollout, 'n01', T0 + 1000);
  // The new agent takes the node's network down after four minutes.
  rollout.upsertNode(node('n01', { isReady: false }), T0 + 240_000);
  const failed = rollout.takeNotices().filter(({ type }) => type === 'node-failed');
  assert.equal(failed.length, 1);
  assert.equal(reasons(rollout, T0 + 240_000).n01, 'failed');
  assert.deepEqual(rollout.select(ALL, T0 + 240_000), []);
  // It comes back: the place is free again.
  rollout.upsertNode(node('n01'), T0 + 300_000);
  assert.equal(rollout.takeNotices().at(0)?.type, 'node-recovered');
  assert.deepEqual(rollout.select(ALL, T0 + 300_000), [slot('n02')]);
});

test('rollout: failed node, its pod deleted by somebody else while it is away → keeps its place', () => {
  const rollout = syncedRollout({ ...cluster(3), daemonSet: daemonSet({ annotations: budget('1') }) });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  replace(rollout, 'n01', T0 + 1000);
  rollout.upsertNode(node('n01', { isReady: false }), T0 + 60_000);
  rollout.upsertPod(pod('n01', 'new', { isTerminating: true }), T0 + 70_000);
  assert.equal(reasons(rollout, T0 + 70_000).n01, 'failed');
  assert.deepEqual(rollout.select(ALL, T0 + 70_000), []);
});

test('rollout: node goes away just after a list showed its new pod before the end of the old one → failed', () => {
  const rollout = syncedRollout({ ...cluster(3), daemonSet: daemonSet({ annotations: budget('1') }) });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  rollout.upsertPod(pod('n01', 'new', { createdAtMs: T0 - 7_300_000 }), T0 + 1000);
  rollout.removePod(pod('n01', 'old'), T0 + 1000);
  rollout.upsertNode(node('n01', { isReady: false }), T0 + 60_000);
  assert.equal(reasons(rollout, T0 + 60_000).n01, 'failed');
});

test('rollout: node NotReady long after its replacement → not failed', () => {
  const rollout = syncedRollout({ ...cluster(3), daemonSet: daemonSet({ annotations: budget('1') }) });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  replace(rollout, 'n01', T0 + 1000);
  rollout.upsertNode(node('n01', { isReady: false }), T0 + 1000 + 300_001);
  assert.deepEqual(rollout.select(ALL, T0 + 400_000), [slot('n02')]);
});

test('rollout: restarted beside a node that failed → failed again, told from the cluster alone', () => {
  const { nodes, pods } = cluster(3);
  const rollout = syncedRollout({
    revisions: [revision('old', 1), revision('new', 2, { createdAtMs: T0 - 600_000 })],
    nodes: [node('n01', { isReady: false, readyChangedAtMs: T0 - 200_000 }), ...nodes.slice(1)],
    pods: [pod('n01', 'new', { createdAtMs: T0 - 300_000, isReady: false }), ...pods.slice(1)],
    daemonSet: daemonSet({ annotations: budget('1') }),
  });
  assert.equal(rollout.counts().failed, 1);
  assert.deepEqual(rollout.select(ALL, T0), []);
});

test('rollout: replacement never available → failed after the progress deadline, the rollout stops at the budget', () => {
  const rollout = syncedRollout({ ...cluster(10), daemonSet: daemonSet({ annotations: budget('20%') }) });
  for (const key of rollout.select(ALL, T0)) carryOut(rollout, key.slice(-3), T0);
  for (const name of ['n01', 'n02']) {
    rollout.removePod(pod(name, 'old'), T0);
    const trouble = 'CrashLoopBackOff (exit code 1)';
    rollout.upsertPod(pod(name, 'new', { isReady: false, trouble }), T0 + 1000);
  }
  rollout.takeNotices();
  assert.equal(rollout.nextWakeMs(), T0 + 600_000);
  rollout.tick(T0 + 599_999);
  assert.equal(rollout.counts().failed, 0);
  rollout.tick(T0 + 600_000);
  const [first] = rollout.takeNotices();
  assert.ok(first?.type === 'node-failed');
  assert.match(first.why, /CrashLoopBackOff \(exit code 1\)/);
  assert.equal(rollout.counts().failed, 2);
  assert.deepEqual(rollout.select(ALL, T0 + 700_000), []);

  // A rollback: the failed slots hold old pods now, cost nothing, and go first.
  rollout.upsertRevision(revision('old', 3), T0 + 700_000);
  assert.deepEqual(
    rollout.takeNotices().map(({ type }) => type),
    ['superseded', 'started'],
  );
  assert.deepEqual(rollout.select(ALL, T0 + 700_000), [slot('n01'), slot('n02')]);
  assert.equal(rollout.counts().updated, 8);
});

test('rollout: pod stuck in Terminating → in flight, then failed, never asked for again', () => {
  const rollout = syncedRollout({ ...cluster(2), daemonSet: daemonSet({ annotations: budget('1') }) });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  rollout.upsertPod(pod('n01', 'old', { isTerminating: true }), T0 + 100);
  assert.deepEqual(rollout.select(ALL, T0 + 600_100), []);
  const failed = rollout.takeNotices().find(({ type }) => type === 'node-failed');
  assert.ok(failed?.type === 'node-failed');
  assert.match(failed.why, /still terminating/);
});

test('rollout: node gets a NoSchedule taint → its old pod would not be recreated and is left', () => {
  const { nodes, pods } = cluster(2);
  const rollout = syncedRollout({ nodes, pods });
  rollout.select({ count: 1, window: 1 }, T0);
  const taints = [{ key: 'maintenance', value: '', effect: 'NoSchedule' }];
  rollout.upsertNode(node('n01', { taints }), T0 + 1);
  // Already asked for, not yet sent: withdrawn.
  assert.equal(rollout.taskFor(slot('n01'), T0 + 1), undefined);
  assert.equal(reasons(rollout, T0 + 1).n01, 'would-not-be-recreated');
  assert.deepEqual(rollout.select(ALL, T0 + 1), [slot('n02')]);
  assert.equal(rollout.counts().eligible, 1);
});

test('rollout: deletion sent, node NotReady before its effect is seen → the place is kept', () => {
  const rollout = syncedRollout({ ...cluster(3), daemonSet: daemonSet({ annotations: budget('1') }) });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  rollout.upsertNode(node('n01', { isReady: false }), T0 + 1);
  assert.deepEqual(rollout.select(ALL, T0 + 2), []);
  // The deletion turns out to have arrived: the node went away while its pod was being replaced.
  rollout.upsertPod(pod('n01', 'old', { isTerminating: true }), T0 + 3);
  assert.equal(rollout.counts().failed, 1);
  assert.deepEqual(rollout.select(ALL, T0 + 4), []);
  rollout.upsertNode(node('n01'), T0 + 5);
  assert.equal(rollout.counts().inFlight, 1);
});

// Found by the worlds of world.test.ts: the new pod's appearance made the failure forgotten, and its place was given away.
test('rollout: node away while its pod is replaced, then a pod is created for it → the place is still kept', () => {
  const rollout = syncedRollout({ ...cluster(3), daemonSet: daemonSet({ annotations: budget('1') }) });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  rollout.upsertPod(pod('n01', 'old', { isTerminating: true }), T0 + 1000);
  rollout.upsertNode(node('n01', { isReady: false }), T0 + 2000);
  rollout.removePod(pod('n01', 'old'), T0 + 3000);
  rollout.upsertPod(pod('n01', 'new', { isReady: false }), T0 + 4000);
  assert.equal(rollout.counts().failed, 1);
  assert.deepEqual(rollout.select(ALL, T0 + 5000), []);
});

test('rollout: node away during the replacement → no replacement time is told, and the failure holds completion', () => {
  const rollout = syncedRollout({ ...cluster(1) });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  rollout.removePod(pod('n01', 'old'), T0 + 1000);
  rollout.takeNotices();
  rollout.upsertNode(node('n01', { isReady: false }), T0 + 2000);
  // No Ready node is left, but one that failed is not done.
  assert.deepEqual(
    rollout.takeNotices().map(({ type }) => type),
    ['node-failed'],
  );
  rollout.upsertPod(pod('n01', 'new'), T0 + 3000);
  rollout.upsertNode(node('n01'), T0 + 90_000);
  assert.deepEqual(
    rollout.takeNotices().map(({ type }) => type),
    ['node-recovered', 'completed'],
  );
});
