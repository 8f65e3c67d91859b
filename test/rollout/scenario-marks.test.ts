import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cluster, daemonSet, node, outcome, pod, reasons, slot, syncedRollout, T0 } from './records.ts';
import { ALL, marked, OTA } from './scenario-moves.ts';

test('rollout: OTA → marks every differing pod, on any node, and deletes none', () => {
  const rollout = syncedRollout({
    nodes: [node('n01'), node('n02', { isReady: false }), node('n03'), node('n04'), node('n05')],
    pods: [
      pod('n01', 'old'),
      pod('n02', 'new'),
      pod('n03', 'old', { needUpgrade: marked('True', 'new') }),
      pod('n04', 'old', { needUpgrade: marked('True', 'older') }),
      pod('n05', 'old', { isTerminating: true }),
      pod('gone-node', 'old'),
    ],
    daemonSet: daemonSet({ annotations: OTA }),
  });
  const names = ['gone-node', 'n01', 'n02', 'n04'];
  assert.deepEqual(rollout.select(ALL, T0), names.map(slot));
  const tasks = names.map((name) => rollout.taskFor(slot(name), T0));
  assert.deepEqual(
    tasks.map((task) => (task?.action === 'mark' ? [task.needsUpgrade, task.hash] : task)),
    [
      [true, 'new'],
      [true, 'new'],
      [false, 'new'],
      [true, 'new'],
    ],
  );
  for (const task of tasks) {
    assert.ok(task);
    rollout.onSent(task.slot, T0);
    rollout.onOutcome(outcome(task, 'done'), T0);
  }
  rollout.upsertPod(pod('n01', 'old', { needUpgrade: marked('True', 'new') }), T0 + 1);
  rollout.upsertPod(pod('n02', 'new', { needUpgrade: marked('False', 'new') }), T0 + 1);
  rollout.upsertPod(pod('n04', 'old', { needUpgrade: marked('True', 'new') }), T0 + 1);
  assert.deepEqual(rollout.select(ALL, T0 + 2), []);
  // The watch never shows the last one: after a deadline it is simply marked again.
  assert.deepEqual(rollout.select(ALL, T0 + 30_000), [slot('gone-node')]);
  rollout.upsertPod(pod('gone-node', 'old', { needUpgrade: marked('True', 'new') }), T0 + 30_001);
  assert.equal(rollout.takeNotices().at(-1)?.type, 'completed');
});

test('rollout: strategy changed while tasks wait → tasks of the other kind vanish', () => {
  const rollout = syncedRollout({ ...cluster(1), daemonSet: daemonSet({ annotations: OTA }) });
  assert.deepEqual(rollout.select(ALL, T0), [slot('n01')]);
  rollout.setDaemonSet(daemonSet(), T0 + 1);
  assert.equal(rollout.taskFor(slot('n01'), T0 + 1), undefined);
  assert.deepEqual(rollout.select(ALL, T0 + 2), [slot('n01')]);
  rollout.setDaemonSet(daemonSet({ annotations: OTA }), T0 + 3);
  assert.equal(rollout.taskFor(slot('n01'), T0 + 3), undefined);
  assert.deepEqual(rollout.select(ALL, T0 + 4), [slot('n01')]);
  assert.equal(rollout.taskFor(slot('n01'), T0 + 4)?.action, 'mark');
});

test('rollout: two old pods on an OTA node → both are marked, one after the other', () => {
  const rollout = syncedRollout({
    nodes: [node('n01')],
    pods: [pod('n01', 'old', { uid: 'b' }), pod('n01', 'old', { uid: 'a' })],
    daemonSet: daemonSet({ annotations: OTA }),
  });
  for (const uid of ['a', 'b']) {
    assert.deepEqual(rollout.select(ALL, T0), [slot('n01')]);
    assert.equal(rollout.taskFor(slot('n01'), T0)?.uid, uid);
    rollout.upsertPod(pod('n01', 'old', { uid, needUpgrade: marked('True', 'new') }), T0);
  }
  assert.equal(reasons(rollout, T0).n01, 'marked');
});
