import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budget, cluster, daemonSet, outcome, pod, reasons, slot, syncedRollout, T0 } from './records.ts';
import { ALL, carryOut, replace } from './scenario-moves.ts';

test('rollout: the fate of a deletion unknown → read after 5 s; not applied → asked again, applied → waited for', () => {
  const rollout = syncedRollout({ ...cluster(2), daemonSet: daemonSet({ annotations: budget('1') }) });
  rollout.select(ALL, T0);
  const task = rollout.taskFor(slot('n01'), T0);
  assert.ok(task);
  rollout.onSent(task.slot, T0);
  assert.equal(rollout.onOutcome(outcome(task, 'unknown'), T0 + 10).then, 'watch');
  // Nobody takes its place meanwhile.
  assert.deepEqual(rollout.select(ALL, T0 + 5_009), []);
  assert.deepEqual(rollout.select(ALL, T0 + 5_010), [slot('n01')]);
  const read = rollout.taskFor(slot('n01'), T0 + 5_011);
  assert.equal(read?.action, 'observe');
  assert.ok(read);
  rollout.onSent(read.slot, T0 + 5_011);
  assert.equal(rollout.onOutcome(outcome(read, 'done'), T0 + 5_020).then, 'retry');
  const again = rollout.taskFor(slot('n01'), T0 + 5_021);
  assert.equal(again?.action, 'delete');
  assert.ok(again);
  rollout.onSent(again.slot, T0 + 5_021);
  rollout.onOutcome(outcome(again, 'unknown'), T0 + 5_030);
  // This time the read finds it terminating: the watch is late, and twice as much patience follows.
  assert.deepEqual(rollout.select(ALL, T0 + 10_030), [slot('n01')]);
  const second = rollout.taskFor(slot('n01'), T0 + 10_030);
  assert.ok(second);
  rollout.onSent(second.slot, T0 + 10_030);
  assert.equal(rollout.onOutcome(outcome(second, 'done', { isTerminating: true }), T0 + 10_040).then, 'watch');
  assert.equal(rollout.nextWakeMs(), T0 + 10_040 + 60_000);
  replace(rollout, 'n01', T0 + 70_000);
  assert.deepEqual(rollout.select(ALL, T0 + 70_000), [slot('n02')]);
});

test('rollout: the read of a lost deletion is lost too, again and again → read every 5 s, and its place is kept', () => {
  const rollout = syncedRollout({ ...cluster(2), daemonSet: daemonSet({ annotations: budget('1') }) });
  rollout.select(ALL, T0);
  for (let nowMs = T0; nowMs < T0 + 20_000; nowMs += 5_000) {
    const task = rollout.taskFor(slot('n01'), nowMs);
    assert.equal(task?.action, nowMs === T0 ? 'delete' : 'observe');
    assert.ok(task);
    rollout.onSent(task.slot, nowMs);
    assert.equal(rollout.onOutcome(outcome(task, 'unknown'), nowMs).then, 'watch');
    assert.deepEqual(rollout.select(ALL, nowMs + 4_999), []);
    assert.deepEqual(rollout.select(ALL, nowMs + 5_000), [slot('n01')]);
  }
});

const OUTCOMES = [
  { code: 'done', next: 'watch', reason: 'in-flight' },
  { code: 'gone', next: 'watch', reason: 'in-flight' },
  { code: 'unknown', next: 'watch', reason: 'in-flight' },
  { code: 'throttled', next: 'retry', reason: 'backoff' },
  { code: 'conflict', next: 'retry', reason: 'backoff' },
  { code: 'forbidden', next: 'drop', reason: 'backoff' },
  { code: 'rejected', next: 'drop', reason: 'backoff' },
  { code: 'fenced', next: 'drop', reason: 'update-next' },
  { code: 'dry-run', next: 'drop', reason: 'update-next' },
] as const;

for (const { code, next, reason } of OUTCOMES) {
  test(`rollout: a deletion ends ${code} → ${next}, planned as ${reason}`, () => {
    const rollout = syncedRollout({ ...cluster(1) });
    rollout.select(ALL, T0);
    const task = rollout.taskFor(slot('n01'), T0);
    assert.ok(task);
    rollout.onSent(task.slot, T0);
    const after = rollout.onOutcome(outcome(task, code, { retryAfterMs: 1500 }), T0);
    assert.equal(after.then, next);
    assert.equal(after.afterMs, next === 'retry' ? 1500 : 0);
    assert.equal(reasons(rollout, T0).n01, reason);
    assert.equal(rollout.select(ALL, T0).length, reason === 'update-next' ? 1 : 0);
    assert.equal(rollout.taskFor(slot('n01'), T0) !== undefined, next === 'retry' || reason === 'update-next');
  });
}

test('rollout: late outcome of a pod that is gone → changes nothing', () => {
  const rollout = syncedRollout({ ...cluster(2), daemonSet: daemonSet({ annotations: budget('1') }) });
  rollout.select(ALL, T0);
  const task = rollout.taskFor(slot('n01'), T0);
  assert.ok(task);
  rollout.onSent(task.slot, T0);
  replace(rollout, 'n01', T0 + 1);
  const before = rollout.counts();
  assert.equal(rollout.onOutcome(outcome(task, 'unknown'), T0 + 2).then, 'watch');
  assert.deepEqual(rollout.counts(), before);
  assert.deepEqual(rollout.select(ALL, T0 + 3), [slot('n02')]);
});

test('rollout: leadership lost → released and selected again; what was sent stays', () => {
  const rollout = syncedRollout({ ...cluster(10), daemonSet: daemonSet({ annotations: budget('2') }) });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  rollout.release(slot('n01'), T0);
  rollout.release(slot('n02'), T0);
  assert.deepEqual(rollout.select(ALL, T0), [slot('n02')]);
});

test('rollout: read due, then the pod is gone and another old one was there → that one is a candidate at once', () => {
  const rollout = syncedRollout({ ...cluster(1) });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  rollout.upsertPod(pod('n01', 'older'), T0 + 1);
  rollout.tick(T0 + 30_000);
  rollout.removePod(pod('n01', 'old'), T0 + 30_001);
  assert.deepEqual(rollout.select(ALL, T0 + 30_002), [slot('n01')]);
  assert.equal(rollout.taskFor(slot('n01'), T0 + 30_002)?.uid, 'n01-older');
  assert.deepEqual(rollout.select(ALL, T0 + 30_003), []);
});

test('rollout: pod ends while its deletion waits in a queue → not deleted', () => {
  const changes = [{ phase: 'Failed', isReady: false }, { isTerminating: true }, { ownerUid: 'other' }, { uid: 'x' }];
  for (const change of changes) {
    const rollout = syncedRollout({ ...cluster(1) });
    rollout.select(ALL, T0);
    if (change.uid !== undefined) rollout.removePod(pod('n01', 'old'), T0);
    rollout.upsertPod(pod('n01', 'old', change), T0);
    assert.equal(rollout.taskFor(slot('n01'), T0), undefined, JSON.stringify(change));
  }
});

test('rollout: outcome of another pod while one is sent → changes nothing', () => {
  const rollout = syncedRollout({ ...cluster(1) });
  rollout.select(ALL, T0);
  const task = rollout.taskFor(slot('n01'), T0);
  assert.ok(task);
  rollout.onSent(task.slot, T0);
  assert.equal(rollout.onOutcome(outcome(task, 'fenced', { uid: 'another' }), T0).then, 'watch');
  assert.deepEqual(rollout.select(ALL, T0), []);
});
