import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodRecord } from '../../src/kube/records.ts';
import type { Rollout } from '../../src/rollout/rollout.ts';
import {
  budget,
  cluster,
  daemonSet,
  node,
  pod,
  reasons,
  revision,
  type Setup,
  slot,
  syncedRollout,
  T0,
} from './records.ts';
import { ALL, carryOut, replace } from './scenario-moves.ts';

const atMost = (text: string) => daemonSet({ annotations: budget(text) });

interface Row {
  readonly name: string;
  /** Nodes of the zone whose pod was replaced a minute before, and how many of them go away together. */
  readonly recent: number;
  readonly goneRecent: number;
  readonly others: number;
  readonly goneOthers: number;
  /** How much later the others go. */
  readonly laterMs?: number;
  readonly isBlamed: boolean;
}

const ROWS: readonly Row[] = [
  { name: 'nobody else goes', recent: 4, goneRecent: 4, others: 10, goneOthers: 0, isBlamed: true },
  { name: 'all of the site go', recent: 4, goneRecent: 4, others: 10, goneOthers: 10, isBlamed: false },
  { name: 'half of both go', recent: 4, goneRecent: 2, others: 10, goneOthers: 5, isBlamed: false },
  { name: 'half of the others', recent: 4, goneRecent: 4, others: 10, goneOthers: 5, isBlamed: false },
  { name: 'less than half of the others', recent: 4, goneRecent: 4, others: 10, goneOthers: 4, isBlamed: true },
  { name: 'one of the others, by chance', recent: 4, goneRecent: 4, others: 50, goneOthers: 1, isBlamed: true },
  { name: 'no others are left', recent: 4, goneRecent: 4, others: 0, goneOthers: 0, isBlamed: true },
  { name: 'a minute later', recent: 4, goneRecent: 4, others: 10, goneOthers: 10, laterMs: 60_000, isBlamed: false },
  { name: 'much later', recent: 4, goneRecent: 4, others: 10, goneOthers: 10, laterMs: 121_000, isBlamed: true },
];

const ZONES = [{ 'topology.kubernetes.io/zone': 'a' }, {}] as const;

for (const row of ROWS) {
  for (const labels of ZONES) {
    test(`trust 3: ${row.name}${'topology.kubernetes.io/zone' in labels ? ', in its zone' : ''} → ${row.isBlamed ? '' : 'not '}the update’s`, () => {
      const { nodes, pods } = cluster(row.recent + row.others);
      const placed = nodes.map((each) => node(each.name, { labels }));
      // A site elsewhere, where everything is well.
      const elsewhere = node('z', { labels: { 'topology.kubernetes.io/zone': 'z' } });
      const rollout = syncedRollout({
        nodes: [...placed, elsewhere],
        pods: [...pods, pod('z', 'new')],
        daemonSet: atMost(String(row.recent)),
      });
      const recent = rollout.select(ALL, T0).map((key) => key.slice(-3));
      assert.equal(recent.length, row.recent);
      for (const name of recent) {
        carryOut(rollout, name, T0);
        replace(rollout, name, T0 + 1000);
      }
      const goneMs = T0 + 60_000;
      const others = nodes.map(({ name }) => name).filter((name) => !recent.includes(name));
      for (const name of recent.slice(0, row.goneRecent)) {
        rollout.upsertNode(node(name, { labels, isReady: false }), goneMs);
      }
      for (const name of others.slice(0, row.goneOthers)) {
        rollout.upsertNode(node(name, { labels, isReady: false }), goneMs + (row.laterMs ?? 5000));
      }
      rollout.tick(goneMs + 126_000);
      assert.equal(rollout.counts().failed, row.isBlamed ? row.goneRecent : 0);
      // Who is back is blamed for nothing.
      for (const name of recent) rollout.upsertNode(node(name, { labels }), goneMs + 200_000);
      assert.equal(rollout.counts().failed, 0);
    });
  }
}

test('trust 3: a version that takes its nodes down, then another one → the blame ends; the bad one again → it is back', () => {
  const rollout = syncedRollout({ ...cluster(5), daemonSet: atMost('1') });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  replace(rollout, 'n01', T0 + 1000);
  rollout.upsertNode(node('n01', { isReady: false }), T0 + 60_000);
  assert.deepEqual(rollout.select(ALL, T0 + 61_000), []);
  rollout.upsertRevision(revision('better', 3), T0 + 70_000);
  assert.equal(rollout.counts().failed, 0);
  assert.equal(rollout.select(ALL, T0 + 71_000).length, 1);
  rollout.upsertRevision(revision('new', 4), T0 + 80_000);
  assert.equal(rollout.counts().failed, 1);
});

test('trust 3: failed by its deadline, then its node goes away → keeps its place', () => {
  const rollout = syncedRollout({ ...cluster(3), daemonSet: atMost('1') });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  rollout.removePod(pod('n01', 'old'), T0);
  rollout.upsertPod(pod('n01', 'new', { isReady: false }), T0);
  rollout.tick(T0 + 700_000);
  rollout.upsertNode(node('n01', { isReady: false }), T0 + 800_000);
  assert.equal(rollout.counts().failed, 1);
  assert.deepEqual(rollout.select(ALL, T0 + 900_000), []);
});

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
  for (const text of ['', '{}', '[]', 'null', '{"failed":[1],"brokenBefore":[],"kept":[]}', '{"failed":"x"}']) {
    rollout.remember(text, T0);
  }
  assert.equal(rollout.memory(), before);
  rollout.remember(JSON.stringify({ failed: ['n01', 'n99'], brokenBefore: ['n02'], kept: ['n01'] }), T0);
  assert.equal(rollout.counts().available, 2, 'what is available is neither failed nor broken');
  assert.equal(rollout.select(ALL, T0).length, 1);
});

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
