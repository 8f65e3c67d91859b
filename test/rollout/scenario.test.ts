import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budget, cluster, daemonSet, node, pod, reasons, slot, syncedRollout, T0 } from './records.ts';
import { ALL, carryOut, replace } from './scenario-moves.ts';

test('rollout: ten nodes, one allowed → one after the other, then completed', () => {
  const rollout = syncedRollout({ ...cluster(10), daemonSet: daemonSet({ annotations: budget('1') }) });
  assert.deepEqual(rollout.takeNotices(), [
    { type: 'started', strategy: 'AdvancedRollingUpdate', hash: 'new', total: 10, isResumed: false },
  ]);
  for (let index = 1; index <= 10; index += 1) {
    const name = `n${String(index).padStart(2, '0')}`;
    const nowMs = T0 + index * 10_000;
    // Exactly one is selected, in the order of names, and it is not selected twice.
    assert.deepEqual(rollout.select(ALL, nowMs), [slot(name)]);
    assert.deepEqual(rollout.select(ALL, nowMs), []);
    carryOut(rollout, name, nowMs);
    // The write was accepted, and nothing was seen yet: the slot stays in flight.
    assert.deepEqual(rollout.select(ALL, nowMs + 1), []);
    // The pod is gone and not yet recreated: that counts too.
    rollout.removePod(pod(name, 'old'), nowMs + 1000);
    assert.equal(rollout.counts().unavailable, 1);
    assert.deepEqual(rollout.select(ALL, nowMs + 1000), []);
    // The new one exists, but is not Ready.
    rollout.upsertPod(pod(name, 'new', { isReady: false }), nowMs + 2000);
    assert.deepEqual(rollout.select(ALL, nowMs + 2000), []);
    rollout.upsertPod(pod(name, 'new'), nowMs + 4000);
    assert.deepEqual(rollout.takeNotices()[0], {
      type: 'slot-available',
      slot: slot(name),
      node: name,
      replacementMs: 3000,
    });
  }
  assert.equal(rollout.counts().settled, 10);
  assert.equal(rollout.nextWakeMs(), undefined);
});

test('rollout: last replacement available → completed once, with its duration', () => {
  const rollout = syncedRollout({ ...cluster(1) });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  rollout.takeNotices();
  replace(rollout, 'n01', T0 + 5000);
  const completed = rollout.takeNotices().filter(({ type }) => type === 'completed');
  assert.deepEqual(completed, [
    { type: 'completed', hash: 'new', durationMs: 5000, skippedNotReady: 0, brokenBefore: 0, isResumed: false },
  ]);
  rollout.tick(T0 + 10_000);
  assert.deepEqual(rollout.takeNotices(), []);
});

test('rollout: minReadySeconds → available only after that long, by the clock alone', () => {
  const rollout = syncedRollout({
    ...cluster(2),
    daemonSet: daemonSet({ annotations: budget('1'), minReadySeconds: 30 }),
  });
  // Pods that were Ready before the start are available: the API's time is good enough for that.
  assert.equal(rollout.counts().available, 2);
  assert.deepEqual(rollout.select(ALL, T0), [slot('n01')]);
  carryOut(rollout, 'n01', T0);
  // The node's clock is an hour behind; what counts is when it was seen.
  rollout.removePod(pod('n01', 'old'), T0 + 1000);
  rollout.upsertPod(pod('n01', 'new'), T0 + 2000);
  assert.equal(rollout.nextWakeMs(), T0 + 32_000);
  assert.deepEqual(rollout.select(ALL, T0 + 31_999), []);
  assert.deepEqual(rollout.select(ALL, T0 + 32_000), [slot('n02')]);
});

test('rollout: pods of others, repeated and missing events → harmless', () => {
  const { nodes, pods } = cluster(1);
  const rollout = syncedRollout({ nodes, pods });
  rollout.upsertPod(pod('n01', 'old', { uid: 'foreign', ownerUid: 'somebody' }), T0);
  rollout.upsertPod(pod('', 'old', { uid: 'unbound' }), T0);
  rollout.removePod(pod('nowhere', 'old'), T0);
  rollout.removeNode('nowhere', T0);
  for (const item of pods) rollout.upsertPod(item, T0);
  assert.equal(rollout.counts().available, 1);
  // The deletion of the old pod was missed: only the new one is heard of, then the cache says that the old one is gone.
  rollout.upsertPod(pod('n01', 'new'), T0 + 1);
  assert.equal(reasons(rollout, T0 + 1).n01, 'excess-pods');
  rollout.removePod(pod('n01', 'old'), T0 + 2);
  assert.equal(reasons(rollout, T0 + 2).n01, 'current');
  rollout.removeNode('n01', T0 + 3);
  rollout.removePod(pod('n01', 'new'), T0 + 3);
  assert.deepEqual(rollout.plan(T0 + 3), []);
});

test('rollout: pod without the hash label, of the current template generation → current', () => {
  const annotations = budget('1', { 'deprecated.daemonset.template.generation': '7' });
  const rollout = syncedRollout({
    nodes: [node('n01'), node('n02')],
    pods: [
      pod('n01', '', { uid: 'a', revisionHash: undefined, templateGeneration: '7' }),
      pod('n02', '', { uid: 'b', revisionHash: undefined, templateGeneration: '6' }),
    ],
    daemonSet: daemonSet({ annotations }),
  });
  assert.deepEqual(reasons(rollout, T0), { n01: 'current', n02: 'update-next' });
});
