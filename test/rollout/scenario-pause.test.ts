import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OBSERVE_UNKNOWN_AFTER_MS } from '../../src/rollout/asks.ts';
import type { Rollout } from '../../src/rollout/rollout.ts';
import { budget, cluster, daemonSet, outcome, pod, reasons, revision, slot, syncedRollout, T0 } from './records.ts';
import { ALL, carryOut, replace } from './scenario-moves.ts';

const DEADLINE_MS = 600_000;

function setPaused(
  rollout: Rollout,
  value: string | undefined,
  nowMs: number,
  strategy = 'AdvancedRollingUpdate',
): void {
  const paused = value === undefined ? undefined : { 'daemonpodupdater.io/paused': value };
  const annotations = { ...budget('2'), 'apps.openyurt.io/update-strategy': strategy, ...paused };
  rollout.setDaemonSet(daemonSet({ annotations, resourceVersion: String(nowMs) }), nowMs);
}

function told(rollout: Rollout): string[] {
  return rollout.takeNotices().map(({ type }) => type);
}

test('trust 12: paused → what has not left is taken back at once, what left is settled, the rest is `paused`', () => {
  const rollout = syncedRollout({ ...cluster(4), daemonSet: daemonSet({ annotations: budget('2') }) });
  assert.deepEqual(rollout.select(ALL, T0), [slot('n01'), slot('n02')]);
  carryOut(rollout, 'n01', T0);
  setPaused(rollout, 'true', T0 + 1);
  assert.equal(rollout.blocked()?.code, 'paused');
  assert.equal(rollout.counts().inFlight, 1, 'what waits for a lane keeps no place');
  assert.deepEqual(reasons(rollout, T0 + 1), { n01: 'in-flight', n02: 'paused', n03: 'paused', n04: 'paused' });
  assert.equal(rollout.taskFor(slot('n02'), T0 + 1), undefined);
  replace(rollout, 'n01', T0 + 2);
  assert.deepEqual(rollout.select(ALL, T0 + 3), []);
  assert.equal(reasons(rollout, T0 + 3).n01, 'current');
  setPaused(rollout, 'false', T0 + 4);
  assert.equal(rollout.blocked(), undefined);
  assert.deepEqual(rollout.select(ALL, T0 + 4), [slot('n02'), slot('n03')]);
});

test('trust 12: paused and resumed → neither superseded nor started anew; the last one in flight completes it', () => {
  const rollout = syncedRollout({ ...cluster(2), daemonSet: daemonSet({ annotations: budget('2') }) });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  assert.deepEqual(told(rollout), ['started']);
  setPaused(rollout, 'true', T0 + 1);
  replace(rollout, 'n01', T0 + 2);
  setPaused(rollout, undefined, T0 + 3);
  assert.deepEqual(told(rollout), ['slot-available']);
  rollout.select(ALL, T0 + 3);
  carryOut(rollout, 'n02', T0 + 3);
  setPaused(rollout, 'true', T0 + 4);
  replace(rollout, 'n02', T0 + 5);
  assert.deepEqual(told(rollout), ['slot-available', 'completed']);
});

test('trust 12: a template that comes while it is paused → told when it goes on, and not before', () => {
  const rollout = syncedRollout({ ...cluster(2), daemonSet: daemonSet({ annotations: budget('2') }) });
  rollout.select(ALL, T0);
  told(rollout);
  setPaused(rollout, 'true', T0 + 1);
  rollout.upsertRevision(revision('newer', 3), T0 + 2);
  assert.deepEqual(rollout.select(ALL, T0 + 3), []);
  assert.deepEqual(told(rollout), []);
  setPaused(rollout, 'false', T0 + 4);
  assert.deepEqual(told(rollout), ['superseded', 'started']);
});

test('trust 12: paused while a deletion is not answered → its pod is read; a replacement that does not come → failed', () => {
  const rollout = syncedRollout({ ...cluster(3), daemonSet: daemonSet({ annotations: budget('2') }) });
  rollout.select(ALL, T0);
  for (const [name, code] of [
    ['n01', 'unknown'],
    ['n02', 'done'],
  ] as const) {
    const task = rollout.taskFor(slot(name), T0);
    assert.ok(task !== undefined);
    rollout.onSent(slot(name), T0);
    rollout.onOutcome(outcome(task, code), T0);
  }
  setPaused(rollout, 'true', T0 + 1);
  rollout.removePod(pod('n02', 'old'), T0 + 2);
  assert.deepEqual(rollout.select(ALL, T0 + OBSERVE_UNKNOWN_AFTER_MS), [slot('n01')]);
  const read = rollout.taskFor(slot('n01'), T0 + OBSERVE_UNKNOWN_AFTER_MS);
  assert.equal(read?.action, 'observe');
  rollout.onSent(slot('n01'), T0 + OBSERVE_UNKNOWN_AFTER_MS);
  rollout.onOutcome(outcome(read, 'done'), T0 + 6000);
  assert.equal(reasons(rollout, T0 + 6000).n01, 'paused', 'it was not deleted, and is not asked for again');
  assert.equal(reasons(rollout, T0 + 2 + DEADLINE_MS).n02, 'failed');
});

test('trust 12: paused, and a worker is told to come again later → nothing is sent again, its place is free', () => {
  const rollout = syncedRollout({ ...cluster(2), daemonSet: daemonSet({ annotations: budget('2') }) });
  rollout.select({ count: 1, window: 2 }, T0);
  const task = rollout.taskFor(slot('n01'), T0);
  assert.ok(task !== undefined);
  rollout.onSent(slot('n01'), T0);
  setPaused(rollout, 'true', T0 + 1);
  rollout.onOutcome(outcome(task, 'throttled', { retryAfterMs: 60_000 }), T0 + 2);
  assert.equal(rollout.counts().inFlight, 0);
  assert.equal(rollout.taskFor(slot('n01'), T0 + 60_002), undefined);
});

test('trust 12: paused under OTA → no pod is marked; resumed → all are', () => {
  const rollout = syncedRollout(cluster(2));
  setPaused(rollout, 'true', T0 + 1, 'OTA');
  assert.deepEqual(rollout.select(ALL, T0 + 1), []);
  assert.deepEqual(reasons(rollout, T0 + 1), { n01: 'paused', n02: 'paused' });
  setPaused(rollout, 'false', T0 + 2, 'OTA');
  assert.deepEqual(rollout.select(ALL, T0 + 2), [slot('n01'), slot('n02')]);
});
