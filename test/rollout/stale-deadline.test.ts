import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Rollout } from '../../src/rollout/rollout.ts';
import {
  budget,
  cluster,
  DS_UID,
  daemonSet,
  KEY,
  node,
  pod,
  reasons,
  revision,
  slot,
  syncedRollout,
  T0,
} from './records.ts';
import { ALL, carryOut } from './scenario-moves.ts';

const DEADLINE_MS = 600_000;

/** The old pod of n01 went at T0, and nothing has come yet. */
function replacing(): Rollout {
  const rollout = syncedRollout({ ...cluster(2), daemonSet: daemonSet({ annotations: budget('1') }) });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  rollout.removePod(pod('n01', 'old'), T0);
  return rollout;
}

/** Wakes whenever it asks to, until then. */
function runTo(rollout: Rollout, untilMs: number): void {
  for (let turns = 0; ; turns += 1) {
    assert.ok(turns < 1000, 'it wakes again and again');
    const wakeMs = rollout.nextWakeMs() ?? Number.POSITIVE_INFINITY;
    if (wakeMs > untilMs) break;
    rollout.tick(wakeMs);
  }
  rollout.tick(untilMs);
}

function failures(rollout: Rollout): number {
  return rollout.takeNotices().filter(({ type }) => type === 'node-failed').length;
}

test('stale deadline: the view is read and current at the same moment → what had failed before is told', () => {
  const failed = node('n01', { isReady: false, readyChangedAtMs: T0 - 1000 });
  const current = pod('n01', 'new', { createdAtMs: T0 - 60_000, isReady: false });
  const rollout = new Rollout({ key: KEY, namespace: 'kube-system', name: 'agent', uid: DS_UID });
  rollout.setDaemonSet(daemonSet({ annotations: budget('1') }), T0);
  for (const item of [revision('old', 1), revision('new', 2)]) rollout.upsertRevision(item, T0);
  rollout.setSynced(false, T0, 'nodes: failing');
  rollout.upsertNode(failed, T0);
  rollout.upsertPod(current, T0);
  assert.equal(failures(rollout), 0, 'it is not known yet whether that is all');
  rollout.setSynced(true, T0 + 1);
  assert.equal(failures(rollout), 1);
});

test('stale deadline: it would run out while the view is stale, the new pod came meanwhile → never failed', () => {
  const rollout = replacing();
  rollout.setSynced(true, T0 + 60_000, 'stale');
  runTo(rollout, T0 + 900_000);
  // Something else about the node is heard of, and it is judged anew.
  rollout.upsertNode(node('n01', { labels: { disk: 'ssd' } }), T0 + 900_000);
  assert.equal(rollout.counts().failed, 0);
  rollout.upsertPod(pod('n01', 'new'), T0 + 900_000);
  rollout.setSynced(true, T0 + 902_000);
  assert.equal(failures(rollout), 0);
  assert.equal(reasons(rollout, T0 + 902_000).n01, 'current');
});

test('stale deadline: the new pod comes late → failed when the deadline has passed in the time that was seen, and it wakes for it', () => {
  const rollout = replacing();
  rollout.setSynced(true, T0 + 60_000, 'stale: 1');
  rollout.setSynced(true, T0 + 61_000, 'stale: 2');
  rollout.setSynced(true, T0 + 900_000);
  const dueMs = T0 + DEADLINE_MS + 840_000;
  runTo(rollout, dueMs - 1);
  assert.deepEqual([rollout.counts().failed, rollout.nextWakeMs()], [0, dueMs]);
  runTo(rollout, dueMs);
  assert.equal(failures(rollout), 1);
});

test('stale deadline: failed before the view was stale → stays failed, and is told once', () => {
  const rollout = replacing();
  runTo(rollout, T0 + DEADLINE_MS);
  assert.equal(failures(rollout), 1);
  rollout.setSynced(true, T0 + DEADLINE_MS, 'stale');
  assert.equal(rollout.counts().failed, 1);
  rollout.setSynced(true, T0 + 2 * DEADLINE_MS);
  assert.equal(rollout.counts().failed, 1);
  assert.equal(failures(rollout), 0);
});

test('stale deadline: the deletion is seen while nodes are not → time counts from when they are', () => {
  const rollout = syncedRollout({ ...cluster(2), daemonSet: daemonSet({ annotations: budget('1') }) });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  rollout.setSynced(true, T0, 'stale');
  rollout.removePod(pod('n01', 'old'), T0 + 100_000);
  rollout.setSynced(true, T0 + 300_000);
  runTo(rollout, T0 + 300_000 + DEADLINE_MS - 1);
  assert.equal(failures(rollout), 0);
  runTo(rollout, T0 + 300_000 + DEADLINE_MS);
  assert.equal(failures(rollout), 1);
});

test('stale deadline: replaced, and the next replacement of the node → nothing is left of what was not seen', () => {
  const rollout = replacing();
  rollout.setSynced(true, T0, 'stale');
  rollout.setSynced(true, T0 + 500_000);
  rollout.upsertPod(pod('n01', 'new'), T0 + 500_000);
  rollout.removePod(pod('n01', 'new'), T0 + 600_000);
  runTo(rollout, T0 + 600_000 + DEADLINE_MS - 1);
  assert.equal(failures(rollout), 0);
  runTo(rollout, T0 + 600_000 + DEADLINE_MS);
  assert.equal(failures(rollout), 1);
});

test('stale deadline: a pod stuck in Terminating → deleted by force when its time has passed in the time that was seen', () => {
  const graceMs = 300_000;
  const force = { 'daemonpodupdater.io/force-delete-stuck': 'true' };
  const rollout = syncedRollout({ ...cluster(2), daemonSet: daemonSet({ annotations: budget('1', force) }) });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  rollout.upsertPod(pod('n01', 'old', { isTerminating: true, deletionGraceMs: graceMs }), T0);
  rollout.setSynced(true, T0 + 60_000, 'stale');
  runTo(rollout, T0 + 2_000_000);
  rollout.setSynced(true, T0 + 2_000_000);
  const dueMs = T0 + graceMs + DEADLINE_MS + 1_940_000;
  runTo(rollout, dueMs - 1);
  assert.deepEqual([rollout.select(ALL, dueMs - 1), rollout.nextWakeMs()], [[], dueMs]);
  assert.equal(rollout.select(ALL, dueMs).length, 1);
  assert.equal(rollout.taskFor(slot('n01'), dueMs)?.action, 'force-delete');
});

test('stale deadline: any spells → failed after a deadline of seen time, never during a spell', () => {
  const arbMs = fc.integer({ min: 1, max: 400_000 });
  fc.assert(
    fc.property(fc.array(fc.record({ seenMs: arbMs, staleMs: arbMs }), { minLength: 1, maxLength: 8 }), (spells) => {
      const rollout = replacing();
      let nowMs = T0;
      let seen = 0;
      for (const { seenMs, staleMs } of spells) {
        const left = DEADLINE_MS - seen;
        runTo(rollout, nowMs + Math.min(seenMs, left - 1));
        assert.equal(rollout.counts().failed, 0);
        runTo(rollout, nowMs + seenMs);
        nowMs += seenMs;
        seen += seenMs;
        assert.equal(rollout.counts().failed, seen >= DEADLINE_MS ? 1 : 0);
        if (seen >= DEADLINE_MS) return;
        rollout.setSynced(true, nowMs, 'stale');
        runTo(rollout, nowMs + staleMs);
        nowMs += staleMs;
        assert.equal(rollout.counts().failed, 0);
        rollout.setSynced(true, nowMs);
      }
    }),
  );
});
