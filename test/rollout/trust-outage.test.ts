import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budget, cluster, daemonSet, node, pod, revision, syncedRollout, T0 } from './records.ts';
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

test('trust 3: another node that went is gone, and one of its name is there in the same moment → that one has not gone with it', () => {
  const rollout = syncedRollout({ ...cluster(2), daemonSet: atMost('1') });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  replace(rollout, 'n01', T0 + 1000);
  const goneMs = T0 + 60_000;
  rollout.upsertNode(node('n02', { isReady: false }), goneMs);
  rollout.removeNode('n02', goneMs);
  rollout.upsertNode(node('n02', { isReady: false, uid: 'another' }), goneMs);
  rollout.upsertNode(node('n01', { isReady: false }), goneMs);
  assert.equal(rollout.counts().failed, 1);
});
