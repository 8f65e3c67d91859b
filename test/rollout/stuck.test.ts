import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodRecord } from '../../src/kube/records.ts';
import type { Task } from '../../src/protocol/task.ts';
import type { Rollout } from '../../src/rollout/rollout.ts';
import { budget, cluster, daemonSet, node, outcome, pod, slot, syncedRollout, T0 } from './records.ts';

const ALL = { count: Number.POSITIVE_INFINITY, window: Number.POSITIVE_INFINITY };
const FORCE = { 'daemonpodupdater.io/force-delete-stuck': 'true' };
const GRACE_MS = 30_000;
const DEADLINE_MS = 600_000;
const DUE_MS = T0 + GRACE_MS + DEADLINE_MS;

function leaving(changes: Partial<PodRecord> = {}): PodRecord {
  return pod('n01', 'old', { isTerminating: true, deletionGraceMs: GRACE_MS, ...changes });
}

/** Two nodes, one allowed; the pod of n01 was deleted at T0 and does not go. */
function stuckRollout(annotations: Record<string, string> = FORCE): Rollout {
  const rollout = syncedRollout({ ...cluster(2), daemonSet: daemonSet({ annotations: budget('1', annotations) }) });
  rollout.select(ALL, T0);
  const task = rollout.taskFor(slot('n01'), T0);
  assert.equal(task?.action, 'delete');
  rollout.onSent(slot('n01'), T0);
  rollout.onOutcome(outcome(task, 'done'), T0);
  rollout.upsertPod(leaving(), T0);
  return rollout;
}

/** What is asked of n01 when nothing but time has passed since the last event. */
function force(rollout: Rollout, nowMs: number): Task {
  assert.equal(rollout.nextWakeMs(), nowMs, 'it wakes for it');
  assert.deepEqual(rollout.select(ALL, nowMs - 1), []);
  assert.deepEqual(rollout.select(ALL, nowMs), [slot('n01')]);
  assert.deepEqual(rollout.select(ALL, nowMs), [], 'once');
  const task = rollout.taskFor(slot('n01'), nowMs);
  assert.deepEqual([task?.action, task?.uid], ['force-delete', 'n01-old']);
  assert.ok(task);
  rollout.onSent(slot('n01'), nowMs);
  return task;
}

test('stuck pod: the DaemonSet asks for force → failed and deleted by force a deadline after its grace, then goes on', () => {
  const rollout = stuckRollout();
  rollout.tick(T0 + DEADLINE_MS);
  assert.equal(rollout.counts().failed, 0, 'its grace period is its own');
  const task = force(rollout, DUE_MS);
  assert.equal(rollout.onOutcome(outcome(task, 'done'), DUE_MS).then, 'watch');
  assert.deepEqual(rollout.select(ALL, DUE_MS), [], 'it keeps its place in the budget');
  rollout.removePod(leaving(), DUE_MS + 10);
  rollout.upsertPod(pod('n01', 'new'), DUE_MS + 1000);
  const types = rollout.takeNotices().map(({ type }) => type);
  assert.deepEqual(types, ['started', 'node-failed', 'slot-available', 'node-recovered']);
  assert.deepEqual(rollout.select(ALL, DUE_MS + 1000), [slot('n02')]);
  assert.equal(rollout.taskFor(slot('n02'), DUE_MS + 1000)?.action, 'delete');
});

test('stuck pod: forced, and still there (a finalizer) → again after a minute, then two, at most an hour', () => {
  const rollout = stuckRollout();
  rollout.tick(T0 + DEADLINE_MS);
  let atMs = DUE_MS;
  const waitsMs = [60_000, 120_000, 240_000, 480_000, 960_000, 1_920_000, 3_840_000, 3_840_000];
  for (const waitMs of waitsMs) {
    const task = force(rollout, atMs);
    rollout.onOutcome(outcome(task, 'done'), atMs);
    // The watch shows nothing; half a minute later the slot is let go.
    rollout.tick(atMs + 30_000);
    atMs += waitMs;
  }
  force(rollout, atMs);
});

for (const code of ['throttled', 'conflict'] as const) {
  test(`stuck pod: the forced deletion is ${code} → the dispatcher tries again`, () => {
    const rollout = stuckRollout();
    rollout.tick(T0 + DEADLINE_MS);
    const task = force(rollout, DUE_MS);
    const after = rollout.onOutcome(outcome(task, code, { retryAfterMs: 7000 }), DUE_MS);
    assert.deepEqual([after.then, after.afterMs], ['retry', 7000]);
    assert.equal(rollout.taskFor(slot('n01'), DUE_MS + 7000)?.action, 'force-delete');
  });
}

const NEVER_FORCED: readonly { readonly name: string; readonly make: () => Rollout }[] = [
  { name: 'no annotation', make: () => stuckRollout({}) },
  {
    name: 'annotation "false"',
    make: () => stuckRollout({ ...FORCE, 'daemonpodupdater.io/force-delete-stuck': 'false' }),
  },
  { name: 'annotation "yes"', make: () => stuckRollout({ ...FORCE, 'daemonpodupdater.io/force-delete-stuck': 'yes' }) },
  {
    name: 'node NotReady',
    make: () => {
      const rollout = stuckRollout();
      rollout.upsertNode(node('n01', { isReady: false }), T0 + 1000);
      return rollout;
    },
  },
  {
    name: 'node gone',
    make: () => {
      const rollout = stuckRollout();
      rollout.removeNode('n01', T0 + 1000);
      return rollout;
    },
  },
  {
    name: 'another pod on the node',
    make: () => {
      const rollout = stuckRollout();
      rollout.upsertPod(pod('n01', 'new', { isReady: false }), T0 + 1000);
      return rollout;
    },
  },
  {
    name: 'strategy OTA',
    make: () => {
      const rollout = stuckRollout();
      const annotations = { 'apps.openyurt.io/update-strategy': 'OTA', ...FORCE };
      rollout.setDaemonSet(daemonSet({ annotations, resourceVersion: '2' }), T0 + 1000);
      return rollout;
    },
  },
  {
    name: 'pod not terminating, only not ready',
    make: () => {
      const rollout = syncedRollout({ ...cluster(1), daemonSet: daemonSet({ annotations: budget('1', FORCE) }) });
      rollout.removePod(pod('n01', 'old'), T0);
      rollout.upsertPod(pod('n01', 'new', { isReady: false }), T0 + 1);
      return rollout;
    },
  },
];

for (const { name, make } of NEVER_FORCED) {
  test(`stuck pod: ${name} → never deleted by force`, () => {
    const rollout = make();
    for (let hours = 1; hours <= 200; hours += 1) {
      const nowMs = T0 + hours * 3_600_000;
      for (const key of rollout.select(ALL, nowMs)) {
        assert.notEqual(key, slot('n01'), 'it is not even asked for');
        assert.notEqual(rollout.taskFor(key, nowMs)?.action, 'force-delete');
      }
    }
  });
}

test('stuck pod: asked, and the node goes NotReady, or the annotation is taken away → nothing leaves', () => {
  for (const change of ['node', 'annotation']) {
    const rollout = stuckRollout();
    rollout.tick(T0 + DEADLINE_MS);
    assert.deepEqual(rollout.select(ALL, DUE_MS), [slot('n01')]);
    if (change === 'node') rollout.upsertNode(node('n01', { isReady: false }), DUE_MS + 1);
    else rollout.setDaemonSet(daemonSet({ annotations: budget('1'), resourceVersion: '2' }), DUE_MS + 1);
    assert.equal(rollout.taskFor(slot('n01'), DUE_MS + 2), undefined, change);
  }
});

const CAUSES: readonly (readonly [changes: Partial<PodRecord> | undefined, cause: string])[] = [
  [undefined, 'not-created'],
  [{ isTerminating: true }, 'stuck-terminating'],
  [{ trouble: 'ImagePullBackOff' }, 'image-pull'],
  [{ trouble: 'ErrImagePull' }, 'image-pull'],
  [{ trouble: 'CrashLoopBackOff (exit code 137)' }, 'crash-loop'],
  [{ trouble: 'OOMKilled (exit code 137)' }, 'crash-loop'],
  [{ trouble: 'Unschedulable' }, 'unschedulable'],
  [{ trouble: 'CreateContainerConfigError' }, 'other'],
  [{}, 'not-ready'],
];

for (const [changes, cause] of CAUSES) {
  test(`failure: ${JSON.stringify(changes ?? 'no pod')} after the deadline → ${cause}`, () => {
    const rollout = syncedRollout({ ...cluster(1), daemonSet: daemonSet({ annotations: budget('1') }) });
    rollout.removePod(pod('n01', 'old'), T0);
    if (changes !== undefined) rollout.upsertPod(pod('n01', 'new', { isReady: false, ...changes }), T0);
    assert.deepEqual([...rollout.failures()], []);
    rollout.tick(T0 + DEADLINE_MS);
    assert.deepEqual([...rollout.failures()], [[cause, 1]]);
    const notice = rollout.takeNotices().find(({ type }) => type === 'node-failed');
    assert.ok(notice?.type === 'node-failed');
    assert.equal(notice.cause, cause);
    if (changes?.trouble !== undefined) assert.ok(notice.detail.endsWith(changes.trouble));
  });
}

test('stuck pod: a process that starts anew waits a deadline of its own', () => {
  const setup = { nodes: [node('n01')], pods: [leaving({ deletionAtMs: T0 - 3_600_000, deletionGraceMs: 0 })] };
  const rollout = syncedRollout({ ...setup, daemonSet: daemonSet({ annotations: budget('1', FORCE) }) });
  assert.deepEqual(rollout.select(ALL, T0 + DEADLINE_MS - 1), []);
  assert.deepEqual(rollout.select(ALL, T0 + DEADLINE_MS), [slot('n01')]);
});
