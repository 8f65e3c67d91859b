import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rollout } from '../../src/rollout/rollout.ts';
import { budget, cluster, daemonSet, node, pod, revision, slot, syncedRollout, T0 } from './records.ts';
import { ALL, carryOut, replace } from './scenario-moves.ts';

const atMost = (text: string) => daemonSet({ annotations: budget(text) });

const BROKEN = { isReady: false, createdAtMs: T0 - 86_400_000, readyChangedAtMs: T0 - 86_000_000 };

/** `broken` nodes without an available pod for a day, and what becomes of the healthy ones in `hours`. */
function healthyUpdated(rollout: Rollout, hours: number): number {
  const done = new Set<string>();
  for (let atMs = T0; atMs < T0 + hours * 3_600_000; atMs += 30_000) {
    for (const key of rollout.select(ALL, atMs)) {
      const name = key.slice(-3);
      carryOut(rollout, name, atMs);
      rollout.removePod(pod(name, 'old'), atMs + 1000);
      const isBroken = name.startsWith('b');
      const times = { createdAtMs: atMs, readyChangedAtMs: atMs };
      rollout.upsertPod(pod(name, 'new', { isReady: !isBroken, ...times }), atMs + 2000);
      if (!isBroken) done.add(name);
    }
  }
  return done.size;
}

test('trust 8: nodes broken long before the rollout → do not hold up the healthy rest longer than a deadline each', () => {
  const { nodes, pods } = cluster(10);
  const names = ['b01', 'b02', 'b03'];
  const rollout = syncedRollout({
    nodes: [...nodes, ...names.map((name) => node(name))],
    pods: [...pods, ...names.map((name) => pod(name, 'old', BROKEN))],
    daemonSet: atMost('1'),
  });
  assert.equal(healthyUpdated(rollout, 1), 10);
  const { brokenBefore, failed, unavailable } = rollout.counts();
  assert.deepEqual([brokenBefore, failed, unavailable], [3, 0, 0]);
  assert.match(rollout.plan(T0 + 3_600_000)[0]?.message ?? '', /^was broken before: /);
  assert.ok(rollout.takeNotices().some(({ type }) => type === 'completed'));
});

test('trust 8: a short spell before its turn does not count → a failure of this version, which stops it', () => {
  const { nodes, pods } = cluster(10);
  const short = { isReady: false, createdAtMs: T0 - 86_400_000, readyChangedAtMs: T0 - 30_000 };
  const rollout = syncedRollout({
    nodes: [...nodes, node('b01')],
    pods: [...pods, pod('b01', 'old', short)],
    daemonSet: atMost('1'),
  });
  assert.equal(healthyUpdated(rollout, 1), 0);
  assert.equal(rollout.counts().failed, 1);
});

test('trust 8: two bad versions after each other → no second budget', () => {
  const rollout = syncedRollout({ ...cluster(10), daemonSet: atMost('2') });
  const down = new Set<string>();
  let atMs = T0;
  for (const [number, hash] of ['new', 'newer', 'newest'].entries()) {
    if (number > 0) rollout.upsertRevision(revision(hash, number + 2), atMs);
    for (const untilMs = atMs + 1_800_000; atMs < untilMs; atMs += 30_000) {
      for (const key of rollout.select(ALL, atMs)) {
        const name = key.slice(-3);
        const task = rollout.taskFor(slot(name), atMs);
        assert.ok(task?.action === 'delete');
        rollout.onSent(slot(name), atMs);
        rollout.removePod(pod(name, 'old', { uid: task.uid }), atMs + 1000);
        rollout.upsertPod(pod(name, hash, { isReady: false, createdAtMs: atMs, readyChangedAtMs: atMs }), atMs + 2000);
        down.add(name);
      }
    }
  }
  assert.equal(down.size, 2);
});

test('trust 8: Fargate-like node, where no pod can ever run, since before this process → holds no place after its turn', () => {
  const { nodes, pods } = cluster(4);
  const never = { isReady: false, phase: 'Pending', createdAtMs: T0 - 86_400_000, readyChangedAtMs: undefined };
  // It runs the newest revision, and nothing is under way when this process starts.
  const rollout = syncedRollout({
    revisions: [revision('old', 1)],
    nodes: [...nodes, node('b01')],
    pods: [...pods, pod('b01', 'old', never)],
    daemonSet: atMost('1'),
  });
  rollout.tick(T0);
  rollout.upsertRevision(revision('new', 2, { createdAtMs: T0 }), T0);
  assert.equal(healthyUpdated(rollout, 1), 4);
});

test('trust 8: a node joins every 20 s, whose pod comes up a minute later or never → max 1 goes on', () => {
  const rollout = syncedRollout({ ...cluster(20), daemonSet: atMost('1') });
  const done = new Set<string>();
  let joined = 0;
  for (let atMs = T0; atMs < T0 + 1_800_000; atMs += 20_000) {
    joined += 1;
    const name = `j${String(joined).padStart(3, '0')}`;
    rollout.upsertNode(node(name, { createdAtMs: atMs, readyChangedAtMs: atMs }), atMs);
    rollout.upsertPod(pod(name, 'new', { isReady: false, createdAtMs: atMs, readyChangedAtMs: atMs }), atMs + 1);
    const ready = `j${String(joined - 3).padStart(3, '0')}`;
    if (joined > 3 && joined % 4 !== 0) {
      rollout.upsertPod(pod(ready, 'new', { createdAtMs: atMs - 60_000, readyChangedAtMs: atMs }), atMs + 2);
    }
    assert.ok(rollout.counts().joining > 0);
    for (const key of rollout.select(ALL, atMs + 3)) {
      carryOut(rollout, key.slice(-3), atMs + 3);
      replace(rollout, key.slice(-3), atMs + 4);
      done.add(key);
    }
  }
  assert.equal(done.size, 20);
});

test('trust 8: a standby saw the replacement, and reads only when it takes over that the node was broken → its place is held for one more deadline', () => {
  const rollout = syncedRollout({ ...cluster(5), daemonSet: atMost('1') });
  rollout.upsertPod(pod('n01', 'old', { isTerminating: true }), T0 + 1000);
  rollout.removePod(pod('n01', 'old'), T0 + 2000);
  rollout.upsertPod(pod('n01', 'new', { isReady: false }), T0 + 3000);
  const overAtMs = T0 + 700_000;
  rollout.tick(overAtMs);
  assert.equal(rollout.counts().failed, 1);
  rollout.remember('{"failed":[],"brokenBefore":["n01"],"kept":[]}', overAtMs);
  rollout.tick(overAtMs + 599_000);
  assert.deepEqual([rollout.counts().unavailable, rollout.counts().brokenBefore], [1, 0]);
  rollout.tick(overAtMs + 601_000);
  assert.deepEqual([rollout.counts().unavailable, rollout.counts().brokenBefore], [0, 1]);
});
