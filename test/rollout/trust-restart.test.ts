import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodRecord } from '../../src/kube/records.ts';
import { budget, cluster, daemonSet, node, pod, reasons, revision, type Setup, syncedRollout, T0 } from './records.ts';
import { ALL, carryOut } from './scenario-moves.ts';

const atMost = (text: string) => daemonSet({ annotations: budget(text) });

const SECOND = 1000;
/** All times are cut to seconds, as the API server does it. */
const REVISED = T0 - 600 * SECOND;
const REVISIONS = [revision('old', 1), revision('new', 2, { createdAtMs: REVISED })];
const unready = (createdAtMs: number, changes: Partial<PodRecord> = {}) =>
  pod('n01', 'new', { createdAtMs, isReady: false, readyChangedAtMs: createdAtMs, ...changes });

const RESTARTS: readonly { readonly name: string; readonly setup: Setup; readonly failed: number }[] = [
  {
    name: 'its pod was made in the very second of the revision',
    setup: {
      nodes: [node('n01', { isReady: false, readyChangedAtMs: REVISED + 100 * SECOND })],
      pods: [unready(REVISED)],
    },
    failed: 1,
  },
  {
    name: 'its pod is of unknown age',
    setup: { nodes: [node('n01', { isReady: false })], pods: [unready(0)] },
    failed: 1,
  },
  {
    name: 'when it went away is unknown',
    setup: { nodes: [node('n01', { isReady: false, readyChangedAtMs: undefined })], pods: [unready(REVISED + 1)] },
    failed: 1,
  },
  {
    name: 'noticed twice, as Unknown and then as False',
    setup: {
      nodes: [node('n01', { isReady: false, readyChangedAtMs: T0 - SECOND })],
      pods: [unready(REVISED, { readyChangedAtMs: REVISED + 60 * SECOND })],
    },
    failed: 1,
  },
  {
    name: 'no pod was made any more',
    setup: { nodes: [node('n01', { isReady: false, readyChangedAtMs: REVISED + 20 * SECOND })], pods: [] },
    failed: 1,
  },
  {
    name: 'the old pod is on its way out',
    setup: {
      nodes: [node('n01', { isReady: false, readyChangedAtMs: REVISED + 40 * SECOND })],
      pods: [
        pod('n01', 'old', {
          isTerminating: true,
          isReady: false,
          deletionAtMs: REVISED + 60 * SECOND,
          deletionGraceMs: 30 * SECOND,
        }),
      ],
    },
    failed: 1,
  },
  {
    name: 'the revision was rolled back to, and keeps its time',
    setup: {
      revisions: [revision('new', 3, { createdAtMs: T0 - 86_400_000 }), revision('old', 2, { createdAtMs: REVISED })],
      nodes: [node('n01', { isReady: false, readyChangedAtMs: REVISED + 100 * SECOND })],
      pods: [unready(REVISED + 50 * SECOND)],
    },
    failed: 1,
  },
  {
    name: 'its pod is older than the rollout',
    setup: {
      nodes: [node('n01', { isReady: false, readyChangedAtMs: REVISED + 100 * SECOND })],
      pods: [unready(REVISED - 3600 * SECOND)],
    },
    failed: 0,
  },
  {
    name: 'it went away long after',
    setup: {
      nodes: [node('n01', { isReady: false, readyChangedAtMs: T0 - 10 * SECOND })],
      pods: [unready(REVISED, { isReady: true })],
    },
    failed: 0,
  },
  {
    name: 'it was away before the revision came',
    setup: { nodes: [node('n01', { isReady: false, readyChangedAtMs: REVISED - 60 * SECOND })], pods: [] },
    failed: 0,
  },
  {
    name: 'it joined with that pod',
    setup: {
      nodes: [
        node('n01', {
          createdAtMs: REVISED + 10 * SECOND,
          isReady: false,
          readyChangedAtMs: REVISED + 90 * SECOND,
        }),
      ],
      pods: [unready(REVISED + 15 * SECOND)],
    },
    failed: 0,
  },
];

for (const { name, setup, failed } of RESTARTS) {
  test(`trust 5: restarted beside a NotReady node, ${name} → ${failed === 1 ? 'failed' : 'not failed'}`, () => {
    const healthy = Array.from({ length: 5 }, (_, index) => `m${index}`);
    const rollout = syncedRollout({
      revisions: setup.revisions ?? REVISIONS,
      nodes: [...(setup.nodes ?? []), ...healthy.map((each) => node(each))],
      pods: [...(setup.pods ?? []), ...healthy.map((each) => pod(each, 'old'))],
      daemonSet: atMost('1'),
    });
    assert.equal(rollout.counts().failed, failed);
    assert.equal(rollout.select(ALL, T0).length, 1 - failed);
    // Who only looks sees the same.
    assert.equal(Object.values(reasons(rollout, T0)).filter((reason) => reason === 'update-next').length, 0);
  });
}

test('trust 5: restarted after each failure, nodes with a taint → two dead nodes stay two', () => {
  const names = Array.from({ length: 20 }, (_, index) => `n${index + 10}`);
  const nodes = new Map(names.map((name) => [name, node(name)]));
  const pods = new Map(names.map((name) => [name, pod(name, 'old')]));
  let nowMs = T0;
  for (let life = 0; life < 6; life += 1) {
    const rollout = syncedRollout({
      revisions: [revision('old', 1), revision('new', 2, { createdAtMs: T0 - 1000 })],
      nodes: [...nodes.values()],
      pods: [...pods.values()],
      daemonSet: atMost('2'),
      nowMs,
    });
    for (const key of rollout.select(ALL, nowMs)) {
      const name = key.slice(-3);
      const taints = [{ key: 'node.kubernetes.io/unreachable', value: '', effect: 'NoSchedule' }];
      nodes.set(name, node(name, { isReady: false, taints, readyChangedAtMs: nowMs + 60_000 }));
      if (life % 2 === 0)
        pods.set(
          name,
          pod(name, 'new', { createdAtMs: nowMs + 2000, isReady: false, readyChangedAtMs: nowMs + 60_000 }),
        );
      else pods.delete(name);
    }
    nowMs += 3_600_000;
  }
  assert.equal([...nodes.values()].filter(({ isReady }) => !isReady).length, 2);
});

test('trust 5: what the cluster does not show is remembered → a restart with a taint on a Ready node keeps its place', () => {
  const first = syncedRollout({ ...cluster(5), daemonSet: atMost('1') });
  first.select(ALL, T0);
  carryOut(first, 'n01', T0);
  const tainted = node('n01', { taints: [{ key: 'k', value: '', effect: 'NoSchedule' }] });
  first.removePod(pod('n01', 'old'), T0 + 1);
  first.upsertNode(tainted, T0 + 2);
  const memory = first.memory();
  assert.ok(memory !== undefined);
  for (const when of ['before', 'after'] as const) {
    const { nodes, pods } = cluster(5);
    const second = syncedRollout({ nodes: [tainted, ...nodes.slice(1)], pods: pods.slice(1), daemonSet: atMost('1') });
    assert.equal(second.counts().unavailable, 0);
    second.remember(memory, T0 + 3);
    assert.equal(second.counts().unavailable, 1, when);
    assert.deepEqual(second.select(ALL, T0 + 4), []);
  }
});

test('trust 5: memory that nobody wrote → is nothing', () => {
  const rollout = syncedRollout({ ...cluster(2), daemonSet: atMost('1') });
  const before = rollout.memory();
  for (const text of [
    '{"failed":[],"brokenBefore":[],"kept":[],"takenDown":[["n01"]]}',
    '',
    '{}',
    '[]',
    'null',
    '{"failed":[1],"brokenBefore":[],"kept":[]}',
    '{"failed":"x"}',
  ]) {
    rollout.remember(text, T0);
  }
  assert.equal(rollout.memory(), before);
  rollout.remember(JSON.stringify({ failed: ['n01', 'n99'], brokenBefore: ['n02'], kept: ['n01'] }), T0);
  assert.equal(rollout.counts().available, 2, 'what is available is neither failed nor broken');
  assert.equal(rollout.select(ALL, T0).length, 1);
});

const NO_SCHEDULE = { taints: [{ key: 'k', value: '', effect: 'NoSchedule' }] };
const NO_EXECUTE = { taints: [{ key: 'k', value: '', effect: 'NoExecute' }] };
const BROKEN = { isReady: false, readyChangedAtMs: T0 - 5 * SECOND };
const LEAVING = { isTerminating: true, deletionAtMs: T0 + 25 * SECOND, deletionGraceMs: 30 * SECOND };

for (const [what, taint, changes, unavailable] of [
  ['keeps new pods away, the old pod is not available', NO_SCHEDULE, BROKEN, 1],
  ['keeps new pods away, the old pod is on its way out', NO_SCHEDULE, LEAVING, 1],
  ['keeps new pods away, the old pod is available', NO_SCHEDULE, {}, 0],
  ['sends pods away, the old pod is not available', NO_EXECUTE, BROKEN, 1],
  ['sends pods away, the old pod is on its way out', NO_EXECUTE, LEAVING, 0],
] as const) {
  test(`trust 5: restarted beside a taint that ${what} → ${unavailable === 1 ? 'the node may have kept its place' : 'left out'}`, () => {
    const { nodes, pods } = cluster(5);
    const setup = {
      nodes: [node('n01', taint), ...nodes.slice(1)],
      pods: [pod('n01', 'old', changes), ...pods.slice(1)],
    };
    const rollout = syncedRollout({ ...setup, daemonSet: atMost('1') });
    assert.equal(rollout.counts().unavailable, unavailable);
    assert.equal(rollout.select(ALL, T0).length, 1 - unavailable);
    rollout.upsertPod(pod('n01', 'old', { isReady: true }), T0 + SECOND);
    rollout.upsertPod(pod('n01', 'old', BROKEN), T0 + 2 * SECOND);
    rollout.remember('{"failed":[],"brokenBefore":[],"kept":[]}', T0 + 3 * SECOND);
    assert.equal(rollout.counts().unavailable, 0, 'this process saw that the taint was there first');
  });
}

test('trust 5: a deleted pod is still on its way out when a taint comes that sends pods away → remembered', () => {
  const first = syncedRollout({ ...cluster(5), daemonSet: atMost('1') });
  first.select(ALL, T0);
  carryOut(first, 'n01', T0);
  const tainted = node('n01', NO_EXECUTE);
  first.upsertPod(pod('n01', 'old', LEAVING), T0 + 1);
  first.upsertNode(tainted, T0 + 2);
  const { nodes, pods } = cluster(5);
  const second = syncedRollout({
    nodes: [tainted, ...nodes.slice(1)],
    pods: [pod('n01', 'old', LEAVING), ...pods.slice(1)],
    daemonSet: atMost('1'),
  });
  second.remember(first.memory() ?? '', T0 + 3);
  assert.deepEqual([second.counts().unavailable, second.select(ALL, T0 + 4)], [1, []]);
});

test('trust 5: taken down by a version that was undone, its pod gone since → remembered, until the node is Ready again', () => {
  const away = node('n01', { isReady: false, readyChangedAtMs: T0 + 2 * SECOND });
  const { nodes, pods } = cluster(5);
  const first = syncedRollout({ nodes, pods, daemonSet: atMost('1') });
  first.select(ALL, T0);
  carryOut(first, 'n01', T0);
  first.removePod(pod('n01', 'old'), T0 + SECOND);
  first.upsertPod(pod('n01', 'new', { isReady: false }), T0 + SECOND);
  first.upsertNode(away, T0 + 2 * SECOND);
  const undone = [revision('new', 2), revision('old', 3)];
  for (const each of undone) first.upsertRevision(each, T0 + 3 * SECOND);
  first.removePod(pod('n01', 'new'), T0 + 3 * SECOND);
  const memory = first.memory() ?? '';
  const second = syncedRollout({
    revisions: undone,
    nodes: [away, ...nodes.slice(1)],
    pods: pods.slice(1),
    daemonSet: atMost('1'),
  });
  second.remember(memory, T0 + 4 * SECOND);
  assert.equal(second.counts().failed, 0, 'the old version is not to blame');
  assert.equal(second.memory(), memory);
  second.upsertRevision(revision('new', 4), T0 + 5 * SECOND);
  assert.deepEqual([second.counts().failed, second.select(ALL, T0 + 5 * SECOND)], [1, []]);
  second.upsertNode(node('n01'), T0 + 6 * SECOND);
  assert.match(second.memory() ?? '', /"takenDown":\[\]/);
});
