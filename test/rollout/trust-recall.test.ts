import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodRecord } from '../../src/kube/records.ts';
import { budget, cluster, daemonSet, node, pod, reasons, revision, syncedRollout, T0 } from './records.ts';
import { ALL, carryOut } from './scenario-moves.ts';

const atMost = (text: string) => daemonSet({ annotations: budget(text) });

const SECOND = 1000;
const REVISIONS = [revision('old', 1), revision('new', 2, { createdAtMs: T0 - 600 * SECOND })];
const unready = (createdAtMs: number, changes: Partial<PodRecord>) =>
  pod('n01', 'new', { createdAtMs, isReady: false, readyChangedAtMs: createdAtMs, ...changes });

for (const [what, pods] of [
  ['no pod was created', []],
  [
    'pods that the kubelet refuses come and go',
    [unready(T0 + 1_100 * SECOND, { phase: 'Failed', trouble: 'OutOfcpu' })],
  ],
] as const) {
  test(`trust 5: failed, ${what}, restart → failed at once, for whoever looks too`, () => {
    const first = syncedRollout({ ...cluster(3), daemonSet: atMost('1') });
    first.select(ALL, T0);
    carryOut(first, 'n01', T0);
    first.removePod(pod('n01', 'old'), T0);
    for (const each of pods) first.upsertPod(each, T0 + SECOND);
    const laterMs = T0 + 1_200 * SECOND;
    first.tick(laterMs);
    assert.deepEqual(reasons(first, laterMs), { n01: 'failed', n02: 'waiting-failed', n03: 'waiting-failed' });
    const others = cluster(3);
    const second = syncedRollout({
      nodes: others.nodes,
      pods: [...pods, ...others.pods.slice(1)],
      daemonSet: atMost('1'),
      nowMs: laterMs,
    });
    second.remember(first.memory() ?? '', laterMs);
    assert.deepEqual(reasons(second, laterMs), reasons(first, laterMs));
  });
}

const JOINED = T0 - 70 * SECOND;
const joined = (changes: Partial<PodRecord>) =>
  pod('j1', 'new', { createdAtMs: JOINED + 5 * SECOND, isReady: false, readyChangedAtMs: undefined, ...changes });
for (const [what, there, isJoining] of [
  ['whose first pod is Pending', joined({ phase: 'Pending' }), true],
  ['whose first pod never was Ready', joined({ readyChangedAtMs: JOINED + 7 * SECOND }), true],
  ['whose first pod was Ready for a while', joined({ readyChangedAtMs: JOINED + 60 * SECOND }), false],
  ['whose pod is a later one', joined({ createdAtMs: JOINED + 66 * SECOND }), false],
] as const) {
  test(`trust 8: restarted beside a node that joined a moment ago, ${what} → ${isJoining ? 'joining' : 'in the budget'}`, () => {
    const { nodes, pods } = cluster(4);
    const rollout = syncedRollout({
      nodes: [...nodes, node('j1', { createdAtMs: JOINED, readyChangedAtMs: JOINED + 4 * SECOND })],
      pods: [...pods, there],
      revisions: REVISIONS,
      daemonSet: atMost('1'),
    });
    assert.equal(rollout.counts().joining, isJoining ? 1 : 0);
    assert.equal(rollout.select(ALL, T0).length, isJoining ? 1 : 0);
    rollout.tick(JOINED + 610 * SECOND);
    assert.equal(rollout.counts().brokenBefore, isJoining ? 1 : 0);
  });
}

test('trust 8: a node joins and no pod ever runs there, restart long after → nobody waits for it', () => {
  const { nodes, pods } = cluster(4);
  const fargate = node('j1', { createdAtMs: T0, readyChangedAtMs: T0 });
  const first = syncedRollout({ nodes, pods, daemonSet: atMost('1') });
  first.upsertNode(fargate, T0);
  // Created anew again and again.
  const there = pod('j1', 'new', { createdAtMs: T0 + 1700 * SECOND, isReady: false, readyChangedAtMs: undefined });
  first.upsertPod({ ...there, createdAtMs: T0 }, T0);
  const laterMs = T0 + 1800 * SECOND;
  first.tick(laterMs);
  const second = syncedRollout({
    nodes: [...nodes, fargate],
    pods: [...pods, there],
    daemonSet: atMost('1'),
    nowMs: laterMs,
  });
  second.remember(first.memory() ?? '', laterMs);
  second.tick(laterMs + 600 * SECOND);
  assert.deepEqual([second.counts().failed, second.counts().brokenBefore, second.counts().unavailable], [0, 1, 0]);
  assert.equal(second.select(ALL, laterMs + 600 * SECOND).length, 1);
});

test('trust 5: what was written says failed, and this process has begun to replace the pod since → under way, in the limit over all', () => {
  const rollout = syncedRollout({ ...cluster(3), daemonSet: atMost('2') });
  rollout.select(ALL, T0 + 1);
  carryOut(rollout, 'n01', T0 + 1);
  rollout.removePod(pod('n01', 'old'), T0 + 2);
  assert.equal(rollout.replacementsInFlight, 2);
  rollout.remember('{"failed":["n01"],"brokenBefore":[],"kept":[]}', T0 + 3);
  assert.deepEqual([rollout.replacementsInFlight, rollout.counts().failed], [2, 0]);
});

test('trust 2: leads again while its last replacement is on its way → still under way, in the limit over all', () => {
  const rollout = syncedRollout({ ...cluster(1), daemonSet: atMost('1'), revisions: REVISIONS });
  rollout.select(ALL, T0 + 1);
  carryOut(rollout, 'n01', T0 + 1);
  rollout.removePod(pod('n01', 'old'), T0 + 2);
  rollout.upsertPod(unready(T0 + 3, {}), T0 + 3);
  assert.equal(rollout.replacementsInFlight, 1);
  rollout.remember('{"failed":[],"brokenBefore":[],"kept":[]}', T0 + 4);
  assert.deepEqual([rollout.replacementsInFlight, reasons(rollout, T0 + 4)], [1, { n01: 'in-flight' }]);
});
