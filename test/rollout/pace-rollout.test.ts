import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DaemonSetRecord } from '../../src/kube/records.ts';
import { nodeOfSlot } from '../../src/protocol/slot.ts';
import type { PlanLimits } from '../../src/rollout/plan.ts';
import type { Rollout } from '../../src/rollout/rollout.ts';
import { EventQueue } from './pace-model-parts.ts';
import { budget, cluster, daemonSet, outcome, pod, reasons, revision, slot, syncedRollout, T0 } from './records.ts';

const ALL = { count: Number.POSITIVE_INFINITY, window: Number.POSITIVE_INFINITY };

function halfAtOnce(others: Record<string, string> = {}): DaemonSetRecord {
  return daemonSet({ annotations: budget('50%', others) });
}

/** Asks for all that may go, has workers delete them, and says which they were. */
function deleteWhatMay(rollout: Rollout, nowMs: number): string[] {
  return rollout.select(ALL, nowMs).map((key) => {
    const task = rollout.taskFor(key, nowMs);
    assert.ok(task, `no task for ${key}`);
    rollout.onSent(key, nowMs);
    rollout.onOutcome(outcome(task, 'done'), nowMs);
    return nodeOfSlot(key);
  });
}

function terminate(rollout: Rollout, node: string, nowMs: number): void {
  rollout.upsertPod(pod(node, 'old', { isTerminating: true }), nowMs);
}

/** The old pod is gone, and its successor exists 10 ms later. */
function recreate(rollout: Rollout, node: string, nowMs: number): void {
  rollout.removePod(pod(node, 'old'), nowMs - 10);
  rollout.upsertPod(pod(node, 'new', { isReady: false, createdAtMs: nowMs }), nowMs);
}

test('rollout: large budget, nothing known yet → a small window, and the plan and the status say so', () => {
  const rollout = syncedRollout({ ...cluster(400), daemonSet: halfAtOnce() });
  assert.equal(rollout.select(ALL, T0).length, 20);
  assert.deepEqual(rollout.select(ALL, T0), []);
  assert.equal(rollout.counts().window, 20);
  assert.equal(rollout.counts().allowed, 200);
  assert.equal(reasons(rollout, T0).n50, 'waiting-window');
  assert.deepEqual(rollout.pace(T0), {
    phase: 'starting',
    window: 20,
    reason: '20 of 200: the window opens until pods have to wait for each other',
    ratePerSecond: 0,
    undisturbedMs: undefined,
  });
});

test('rollout: pace annotation max → the whole budget at once', () => {
  const rollout = syncedRollout({ ...cluster(400), daemonSet: halfAtOnce({ 'daemonpodupdater.io/pace': 'max' }) });
  assert.equal(rollout.select(ALL, T0).length, 200);
  assert.equal(rollout.pace(T0).reason, 'pace is max: the whole budget');
});

test('rollout: replacements end one by one → their places are given out together, at a time that is told', () => {
  const rollout = syncedRollout({ ...cluster(400), daemonSet: halfAtOnce({ 'daemonpodupdater.io/pace': 'max' }) });
  const nodes = deleteWhatMay(rollout, T0);
  for (const node of nodes) terminate(rollout, node, T0);
  const settle = (node: string, nowMs: number) => {
    recreate(rollout, node, nowMs);
    rollout.upsertPod(pod(node, 'new', { createdAtMs: nowMs, readyChangedAtMs: nowMs }), nowMs);
  };
  for (const node of nodes.slice(0, 3)) settle(node, T0 + 100);
  assert.deepEqual(rollout.select(ALL, T0 + 100), []);
  assert.equal(rollout.nextWakeMs(), T0 + 250);
  assert.equal(rollout.select(ALL, T0 + 250).length, 3);
  for (const node of nodes.slice(3, 23)) settle(node, T0 + 260);
  assert.equal(rollout.select(ALL, T0 + 260).length, 20);
});

test('rollout: small budget → the pace holds nothing back', () => {
  const rollout = syncedRollout({ ...cluster(40), daemonSet: halfAtOnce() });
  assert.equal(rollout.select(ALL, T0).length, 20);
  assert.equal(rollout.nextWakeMs(), undefined);
});

test('rollout: new pods exist quickly and none is available → the window opens', () => {
  const rollout = syncedRollout({ ...cluster(400), daemonSet: halfAtOnce() });
  const nodes = deleteWhatMay(rollout, T0);
  for (const node of nodes) terminate(rollout, node, T0 + 20);
  let asked = 0;
  for (const [index, node] of nodes.entries()) {
    recreate(rollout, node, T0 + 500 + index * 16);
    asked += rollout.select(ALL, T0 + 500 + index * 16).length;
  }
  assert.ok(asked >= 10, `${asked} more were asked`);
  assert.equal(rollout.counts().inFlight, 20 + asked);
});

test('rollout: nothing comes back → one more is tried after a while, and the next after longer', () => {
  const rollout = syncedRollout({ ...cluster(400), daemonSet: halfAtOnce() });
  for (const node of deleteWhatMay(rollout, T0)) terminate(rollout, node, T0);
  const first = rollout.nextWakeMs();
  assert.ok(first !== undefined && first > T0 && first <= T0 + 10_000, `${first}`);
  // Somebody else's clock: looking at it without selecting does not ask again and again.
  rollout.tick(first);
  assert.ok((rollout.nextWakeMs() ?? Number.POSITIVE_INFINITY) > first);
  assert.equal(rollout.select(ALL, first).length, 1);
  const second = rollout.nextWakeMs();
  assert.ok(second !== undefined && second - first > first - T0, `${second}`);
  assert.equal(rollout.pace(first).phase, 'stalled');
  assert.match(rollout.pace(first).reason, /: nothing has come back yet; one more is tried now and then$/);
});

test('rollout: only broken pods are left → stalled while nothing comes back; once all failed, nothing is in flight', () => {
  const setup = { ...cluster(10), daemonSet: daemonSet({ annotations: budget('3') }) };
  const rollout = syncedRollout(setup);
  const first = deleteWhatMay(rollout, T0);
  for (const node of first) terminate(rollout, node, T0);
  for (const node of first) recreate(rollout, node, T0 + 400);
  for (const node of first) rollout.upsertPod(pod(node, 'new', { readyChangedAtMs: T0 }), T0 + 1000);
  const broken = deleteWhatMay(rollout, T0 + 1000);
  for (const node of broken) terminate(rollout, node, T0 + 1000);
  for (const node of broken) recreate(rollout, node, T0 + 1500);
  const said = (ms: number) => {
    assert.deepEqual(deleteWhatMay(rollout, T0 + ms), [], 'nobody may go');
    const { phase, reason } = rollout.pace(T0 + ms);
    return `${phase}: ${reason}`;
  };
  const size = 'the whole budget of 3: ';
  assert.equal(said(1500), `starting: ${size}2.0 pods/s come back, 1.00 s each (1.00 s when none waits)`);
  assert.equal(said(61_000), `stalled: ${size}nothing has come back for 60 s, before that 1.00 s each`);
  terminate(rollout, 'n10', T0 + 100_000);
  const before = 'before that 1.00 s each';
  assert.equal(said(602_000), `stalled: ${size}nothing has come back for 601 s, ${before}; 3 nodes failed`);
  assert.equal(said(700_000), 'idle: nothing is in flight; 4 nodes failed');
});

for (const [pace, said] of [
  ['adaptive', 'nothing is in flight; one node failed'],
  ['max', 'pace is max: the whole budget; one node failed'],
] as const) {
  test(`rollout: pace ${pace}, the only node fails → the reason says so, and not that the window opens`, () => {
    const annotations = budget('2', { 'daemonpodupdater.io/pace': pace });
    const rollout = syncedRollout({ ...cluster(1), daemonSet: daemonSet({ annotations }) });
    for (const node of deleteWhatMay(rollout, T0)) terminate(rollout, node, T0);
    deleteWhatMay(rollout, T0 + 599_999);
    assert.equal(rollout.pace(T0 + 599_999).phase, pace === 'max' ? 'max' : 'starting');
    assert.equal(rollout.nextWakeMs(), T0 + 600_000, 'it is looked at again then');
    deleteWhatMay(rollout, T0 + 600_000);
    const { phase, reason } = rollout.pace(T0 + 600_000);
    assert.deepEqual([phase, reason], [pace === 'max' ? 'max' : 'idle', said]);
  });
}

test('rollout: the strategy becomes OTA while pods are away, and AdvancedRollingUpdate again → to the pace nothing is in flight, then all', () => {
  const rollout = syncedRollout({ ...cluster(10), daemonSet: daemonSet({ annotations: budget('2') }) });
  for (const node of deleteWhatMay(rollout, T0)) terminate(rollout, node, T0);
  deleteWhatMay(rollout, T0 + 599_999);
  assert.equal(rollout.pace(T0 + 599_999).phase, 'starting');
  const annotations = { 'apps.openyurt.io/update-strategy': 'OTA' };
  rollout.setDaemonSet(daemonSet({ annotations, resourceVersion: '2' }), T0 + 600_001);
  assert.equal(rollout.select(ALL, T0 + 600_001).length, 8, 'marks: no window holds them back');
  const { phase, reason } = rollout.pace(T0 + 700_000);
  assert.deepEqual([phase, reason], ['idle', 'nothing is in flight']);
  rollout.setDaemonSet(daemonSet({ annotations: budget('2'), resourceVersion: '3' }), T0 + 700_001);
  deleteWhatMay(rollout, T0 + 700_001);
  assert.equal(rollout.pace(T0 + 700_001).phase, 'starting', 'the deadline begins anew');
});

/** Somebody else deletes the pod, and its successor becomes available. */
function replaceByHand(rollout: Rollout, node: string, nowMs: number): void {
  terminate(rollout, node, nowMs);
  recreate(rollout, node, nowMs + 1000);
  rollout.upsertPod(pod(node, 'new', { createdAtMs: nowMs, readyChangedAtMs: nowMs }), nowMs + 1500);
}

test('rollout: pods that others delete → tell the pace nothing', () => {
  const rollout = syncedRollout({ ...cluster(400), daemonSet: halfAtOnce() });
  assert.equal(rollout.select(ALL, T0).length, 20);
  for (let index = 300; index < 350; index += 1) replaceByHand(rollout, `n${index}`, T0 + index * 10);
  rollout.select(ALL, T0 + 5500);
  const { ratePerSecond, undisturbedMs } = rollout.pace(T0 + 5500);
  assert.deepEqual({ ratePerSecond, undisturbedMs }, { ratePerSecond: 0, undisturbedMs: undefined });
});

test('rollout: asked and given back, then replaced by others → tells the pace nothing', () => {
  const rollout = syncedRollout({ ...cluster(400), daemonSet: halfAtOnce() });
  const keys = rollout.select(ALL, T0);
  for (const key of keys) rollout.release(key, T0 + 1);
  assert.equal(rollout.counts().inFlight, 0);
  for (const key of keys) replaceByHand(rollout, nodeOfSlot(key), T0 + 2000);
  assert.equal(rollout.counts().settled, 20);
  assert.equal(rollout.pace(T0 + 4000).ratePerSecond, 0);
  assert.deepEqual(rollout.select(ALL, T0 + 4000).slice(0, 2), [slot('n11'), slot('n110')]);
});

/** Kubernetes' part in virtual time: 60 pods a second are recreated, and start for half a second. */
function runToEnd(rollout: Rollout, startMs: number, to: string) {
  const events = new EventQueue();
  const old = to === 'new' ? 'old' : 'new';
  const windows: number[] = [];
  let freeAtMs = startMs;
  let nowMs = startMs;
  for (;;) {
    for (const node of deleteWhatMay(rollout, nowMs)) {
      const before = pod(node, old);
      const after = pod(node, to, { isReady: false, createdAtMs: nowMs });
      const goneMs = nowMs + 200;
      freeAtMs = Math.max(freeAtMs, goneMs) + 1000 / 60;
      const createdMs = freeAtMs;
      events.add(nowMs + 5, () => rollout.upsertPod({ ...before, isTerminating: true }, nowMs));
      events.add(goneMs, () => rollout.removePod(before, nowMs));
      events.add(createdMs, () => rollout.upsertPod(after, nowMs));
      events.add(createdMs + 500, () => rollout.upsertPod({ ...after, isReady: true, readyChangedAtMs: nowMs }, nowMs));
    }
    windows.push(rollout.counts().window);
    const wakeMs = rollout.nextWakeMs() ?? Number.POSITIVE_INFINITY;
    nowMs = Math.min(events.nextMs, wakeMs);
    if (nowMs === Number.POSITIVE_INFINITY) break;
    if (events.nextMs === nowMs) events.take()?.();
  }
  return { endMs: nowMs, windows, settled: rollout.counts().settled };
}

test('rollout: 800 nodes, budget 400 → nearly as fast as pods are recreated, with few of them in flight', () => {
  const rollout = syncedRollout({ ...cluster(800), daemonSet: halfAtOnce() });
  const started = T0 + 1000;
  const { windows, settled } = runToEnd(rollout, started, 'new');
  assert.equal(settled, 800);
  const [completed] = rollout.takeNotices().filter(({ type }) => type === 'completed');
  assert.ok(completed?.type === 'completed');
  assert.ok(completed.durationMs < 1000 + (800 / 60) * 1000 * 1.1 + 1000, `${completed.durationMs} ms`);
  assert.ok(Math.max(...windows) < 110, `${Math.max(...windows)} in flight`);
});

test('rollout: a new revision after a pause → what was learned is forgotten, and it gets as far', () => {
  const rollout = syncedRollout({ ...cluster(800), daemonSet: halfAtOnce() });
  runToEnd(rollout, T0 + 1000, 'new');
  const laterMs = T0 + 3_600_000;
  assert.equal(rollout.pace(laterMs).phase, 'idle');
  assert.equal(rollout.nextWakeMs(), undefined);
  rollout.upsertRevision(revision('old', 3), laterMs);
  rollout.tick(laterMs);
  assert.notEqual(rollout.pace(laterMs).undisturbedMs, undefined);
  rollout.select({ count: 0, window: 0 }, laterMs);
  assert.equal(rollout.pace(laterMs).undisturbedMs, undefined);
  assert.equal(runToEnd(rollout, laterMs, 'old').settled, 800);
});

test('rollout: as many as the window in flight, none of them sent by this process → no wake-up, rather than one at infinity', () => {
  const { nodes, pods } = cluster(400);
  // What an earlier process left behind, a short time ago.
  const young = { isReady: false, createdAtMs: T0 - 1000, readyChangedAtMs: T0 - 1000 };
  const starting = pods.map((old, index) => (index < 20 ? pod(old.nodeName, 'new', young) : old));
  const rollout = syncedRollout({ nodes, pods: starting, daemonSet: halfAtOnce() });
  assert.deepEqual(rollout.select(ALL, T0), []);
  assert.equal(reasons(rollout, T0).n50, 'waiting-window');
  // The progress deadline of the twenty; a wake-up at infinity would stay when they have settled.
  for (const { nodeName } of starting.slice(0, 20)) rollout.upsertPod(pod(nodeName, 'new'), T0 + 1);
  assert.equal(rollout.nextWakeMs(), undefined);
});

test('plan: a window that the controller told → as many are next, the others wait for the pace; told that it is blocked → all are', () => {
  const rollout = syncedRollout({ ...cluster(10), daemonSet: daemonSet({ annotations: budget('5') }) });
  const counted = (limits: PlanLimits) => {
    const counts: Record<string, number> = {};
    for (const { reason } of rollout.plan(T0, limits)) counts[reason] = (counts[reason] ?? 0) + 1;
    return counts;
  };
  assert.deepEqual(counted({}), { 'update-next': 5, 'waiting-budget': 5 });
  assert.deepEqual(counted({ window: 3 }), { 'update-next': 3, 'waiting-window': 7 });
  assert.deepEqual(counted({ blocked: 'stale: nodes' }), { blocked: 10 });
  assert.equal(rollout.plan(T0, { blocked: 'stale: nodes' })[0]?.message, 'stale: nodes');
  assert.deepEqual(counted({}), { 'update-next': 5, 'waiting-budget': 5 }, 'nothing has changed');
});
