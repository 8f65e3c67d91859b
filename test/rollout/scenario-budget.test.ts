import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budget, cluster, daemonSet, node, pod, reasons, slot, syncedRollout, T0 } from './records.ts';
import { ALL, carryOut, replace } from './scenario-moves.ts';

test('rollout: old pods unavailable → they go first, but no more than allowed at a time', () => {
  const { nodes, pods } = cluster(10);
  const rollout = syncedRollout({
    nodes,
    // Six agents are not ready for a moment: they must not all be restarted.
    pods: pods.map((item, index) => (index >= 4 ? pod(item.nodeName, 'old', { isReady: false }) : item)),
    daemonSet: daemonSet({ annotations: budget('3') }),
  });
  assert.equal(rollout.counts().unavailable, 6);
  assert.deepEqual(rollout.select(ALL, T0), [slot('n05'), slot('n06'), slot('n07')]);
  assert.deepEqual(reasons(rollout, T0), {
    n01: 'waiting-budget',
    n02: 'waiting-budget',
    n03: 'waiting-budget',
    n04: 'waiting-budget',
    n05: 'in-flight',
    n06: 'in-flight',
    n07: 'in-flight',
    n08: 'waiting-budget',
    n09: 'waiting-budget',
    n10: 'waiting-budget',
  });
});

test('rollout: available pods asked for, then others break → what has not left is given back', () => {
  const { nodes, pods } = cluster(10);
  const rollout = syncedRollout({ nodes, pods, daemonSet: daemonSet({ annotations: budget('2') }) });
  assert.deepEqual(rollout.select(ALL, T0), [slot('n01'), slot('n02')]);
  // Two other pods crash while the deletions wait in a queue.
  rollout.upsertPod(pod('n09', 'old', { isReady: false }), T0 + 1);
  rollout.upsertPod(pod('n10', 'old', { isReady: false }), T0 + 1);
  assert.equal(rollout.taskFor(slot('n01'), T0 + 2), undefined);
  assert.equal(rollout.taskFor(slot('n02'), T0 + 2), undefined);
  // The broken ones cost nothing: they go.
  assert.deepEqual(rollout.select(ALL, T0 + 3), [slot('n09'), slot('n10')]);
  assert.equal(rollout.taskFor(slot('n09'), T0 + 3)?.action, 'delete');
});

test('rollout: window smaller than the budget → it holds back, and the plan says so', () => {
  const rollout = syncedRollout({ ...cluster(10), daemonSet: daemonSet({ annotations: budget('50%') }) });
  assert.deepEqual(rollout.select({ count: 10, window: 2 }, T0), [slot('n01'), slot('n02')]);
  assert.equal(reasons(rollout, T0).n03, 'waiting-max-in-flight-per-daemonset');
  assert.deepEqual(rollout.select({ count: 2, window: 10 }, T0), [slot('n03'), slot('n04')]);
  assert.equal(reasons(rollout, T0).n05, 'update-next');
  assert.equal(reasons(rollout, T0).n06, 'waiting-budget');
});

test('rollout: excess and finished pods → counted as unavailable, left to the DaemonSet controller', () => {
  const { nodes, pods } = cluster(4);
  const rollout = syncedRollout({
    nodes,
    pods: [pod('n01', 'old', { phase: 'Failed', isReady: false }), ...pods.slice(1), pod('n02', 'new')],
    daemonSet: daemonSet({ annotations: budget('2') }),
  });
  assert.equal(rollout.counts().unavailable, 2);
  assert.deepEqual(rollout.select(ALL, T0), []);
  assert.deepEqual(reasons(rollout, T0), {
    n01: 'in-flight',
    n02: 'excess-pods',
    n03: 'waiting-budget',
    n04: 'waiting-budget',
  });
});

test('rollout: order → unavailable, deletion cost, emptiest zone, name', () => {
  const zones: Record<string, string> = { a1: 'a', a2: 'a', a3: 'a', b1: 'b', b2: 'b', c1: 'c' };
  const names = Object.keys(zones);
  const rollout = syncedRollout({
    nodes: names.map((name) => node(name, { labels: { 'topology.kubernetes.io/zone': zones[name] ?? '' } })),
    pods: names.map((name) =>
      pod(name, 'old', { isReady: name !== 'c1', deletionCost: { a2: -5, b1: 10 }[name] ?? 0 }),
    ),
    daemonSet: daemonSet({ annotations: budget('100%') }),
  });
  const next = rollout.plan(T0).filter(({ reason }) => reason === 'update-next');
  assert.equal(next.length, 6);
  assert.deepEqual(rollout.select({ count: 6, window: 6 }, T0), ['c1', 'a2', 'b2', 'a1', 'a3', 'b1'].map(slot));
});

test('rollout: budget lowered in the middle → nothing new until it is below; raised → more', () => {
  const rollout = syncedRollout({ ...cluster(10), daemonSet: daemonSet({ annotations: budget('3') }) });
  for (const key of rollout.select(ALL, T0)) carryOut(rollout, key.slice(-3), T0);
  rollout.setDaemonSet(daemonSet({ annotations: budget('1') }), T0 + 1);
  for (const name of ['n01', 'n02']) replace(rollout, name, T0 + 2);
  assert.deepEqual(rollout.select(ALL, T0 + 3), []);
  replace(rollout, 'n03', T0 + 4);
  assert.deepEqual(rollout.select(ALL, T0 + 5), [slot('n04')]);
  rollout.setDaemonSet(daemonSet({ annotations: budget('3') }), T0 + 6);
  assert.deepEqual(rollout.select(ALL, T0 + 6), [slot('n05'), slot('n06')]);
});

test('rollout: node with excess pods and a pod asked for → both take a place in the budget', () => {
  const { nodes, pods } = cluster(4);
  const rollout = syncedRollout({
    nodes,
    pods: [...pods, pod('n01', 'new')],
    daemonSet: daemonSet({ annotations: budget('2') }),
  });
  // Nothing is in flight on n01, but it has no pod that counts: one place is left.
  assert.deepEqual(rollout.select(ALL, T0), [slot('n02')]);
  assert.deepEqual(rollout.select(ALL, T0), []);
});

test('rollout: budget lowered before unavailable pods left → what does not fit is given back', () => {
  const { nodes, pods } = cluster(4);
  const rollout = syncedRollout({
    nodes,
    pods: pods.map((item) => pod(item.nodeName, 'old', { isReady: false })),
    daemonSet: daemonSet({ annotations: budget('3') }),
  });
  assert.equal(rollout.select(ALL, T0).length, 3);
  rollout.setDaemonSet(daemonSet({ annotations: budget('2') }), T0);
  assert.equal(rollout.taskFor(slot('n01'), T0), undefined);
  assert.equal(rollout.taskFor(slot('n02'), T0)?.action, 'delete');
  assert.equal(rollout.taskFor(slot('n03'), T0)?.action, 'delete');
});

test('rollout: deletion cost changed while waiting → the order follows', () => {
  const rollout = syncedRollout({ ...cluster(3), daemonSet: daemonSet({ annotations: budget('1') }) });
  rollout.upsertPod(pod('n02', 'old', { deletionCost: -1 }), T0);
  rollout.upsertPod(pod('n03', 'old', { deletionCost: -2 }), T0);
  rollout.upsertPod(pod('n03', 'old', { deletionCost: 5 }), T0);
  assert.deepEqual(rollout.select(ALL, T0), [slot('n02')]);
});
