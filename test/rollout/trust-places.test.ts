import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeRecord, Taint } from '../../src/kube/records.ts';
import type { Rollout } from '../../src/rollout/rollout.ts';
import { budget, cluster, daemonSet, node, pod, reasons, revision, slot, syncedRollout, T0 } from './records.ts';
import { ALL, carryOut, replace } from './scenario-moves.ts';

const UNREACHABLE = [
  { key: 'node.kubernetes.io/unreachable', value: '', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unreachable', value: '', effect: 'NoExecute' },
];
const KINDS: readonly (readonly [string, readonly Taint[]])[] = [
  ['unreachable', UNREACHABLE],
  ['network-unavailable', [{ key: 'node.kubernetes.io/network-unavailable', value: '', effect: 'NoSchedule' }]],
  ['of OpenYurt', [{ key: 'node.openyurt.io/unschedulable', value: '', effect: 'NoSchedule' }]],
  ['somebody’s, NoExecute', [{ key: 'dedicated', value: 'gpu', effect: 'NoExecute' }]],
];

function atMost(count: number): Rollout {
  const daemonSetAtMost = daemonSet({ annotations: budget(String(count)) });
  return syncedRollout({ ...cluster(20), daemonSet: daemonSetAtMost });
}

/** Everything that is asked for is deleted, and its node goes the way that `fate` says. */
function run(rollout: Rollout, fate: (name: string, atMs: number) => void): string[] {
  const gone: string[] = [];
  for (let atMs = T0; atMs < T0 + 3_600_000; atMs += 10_000) {
    for (const key of rollout.select(ALL, atMs)) {
      const name = key.slice(key.lastIndexOf('/') + 1);
      carryOut(rollout, name, atMs);
      rollout.upsertPod(pod(name, 'old', { isTerminating: true }), atMs);
      fate(name, atMs);
      gone.push(name);
    }
  }
  return gone;
}

for (const [kind, taints] of KINDS) {
  test(`trust 1: the new version takes its nodes down, which get a taint (${kind}) → stops at the budget`, () => {
    const rollout = atMost(2);
    const gone = run(rollout, (name, atMs) => {
      rollout.removePod(pod(name, 'old', { isTerminating: true }), atMs + 1000);
      rollout.upsertNode(node(name, { isReady: false, taints, readyChangedAtMs: atMs + 2000 }), atMs + 2000);
    });
    assert.equal(gone.length, 2);
    assert.equal(rollout.counts().failed, 2);
    const types = rollout.takeNotices().map(({ type }) => type);
    assert.ok(types.includes('node-failed') && !types.includes('completed'), `${types}`);
  });

  test(`trust 1: Ready nodes get a taint (${kind}) before the new pod is created → in the budget until the pod is there`, () => {
    const rollout = atMost(3);
    const gone = run(rollout, (name, atMs) => {
      rollout.upsertNode(node(name, { taints }), atMs + 500);
      rollout.removePod(pod(name, 'old', { isTerminating: true }), atMs + 1000);
    });
    assert.equal(gone.length, 3);
    assert.deepEqual([rollout.counts().unavailable, rollout.counts().eligible], [3, 20]);
    const [first = ''] = gone;
    rollout.upsertNode(node(first), T0 + 3_600_000);
    rollout.upsertPod(pod(first, 'new', { createdAtMs: T0 + 3_600_000 }), T0 + 3_601_000);
    assert.equal(rollout.select(ALL, T0 + 3_700_000).length, 1);
  });
}

test('trust 1: a node that never had the pod and cannot get it → left out; its old pod, too', () => {
  const { nodes, pods } = cluster(3);
  const taints = [{ key: 'dedicated', value: '', effect: 'NoSchedule' }];
  const rollout = syncedRollout({
    nodes: [node('n01', { taints }), node('n02', { taints }), ...nodes.slice(2)],
    pods: pods.slice(1),
    daemonSet: daemonSet({ annotations: budget('1') }),
  });
  const { eligible, unavailable } = rollout.counts();
  assert.deepEqual([eligible, unavailable], [1, 0]);
  assert.deepEqual(rollout.select(ALL, T0), [slot('n03')]);
  rollout.removePod(pod('n02', 'old'), T0 + 1);
  assert.equal(rollout.counts().unavailable, 0, 'what went though it could not come again is nobody’s');
});

test('trust 1: deletion sent, then a taint, then refused → the node with its old pod is left alone again', () => {
  const rollout = atMost(1);
  rollout.select(ALL, T0);
  const task = rollout.taskFor(slot('n01'), T0);
  assert.ok(task);
  rollout.onSent(slot('n01'), T0);
  rollout.upsertNode(node('n01', { taints: [{ key: 'k', value: '', effect: 'NoSchedule' }] }), T0 + 1);
  assert.deepEqual(rollout.select(ALL, T0 + 1), [], 'it may be deleted at any moment');
  const refused = { slot: task.slot, action: task.action, uid: task.uid, code: 'forbidden' as const };
  rollout.onOutcome(
    { ...refused, httpStatus: 403, message: '', retryAfterMs: 0, durationMs: 1, isTerminating: false },
    T0 + 2,
  );
  assert.equal(reasons(rollout, T0 + 2).n01, 'would-not-be-recreated');
  assert.deepEqual(rollout.select(ALL, T0 + 2), [slot('n02')]);
});

test('trust 8: label exclude → no DaemonSet is updated there; "false" is none', () => {
  const label = (value: string): Partial<NodeRecord> => ({ labels: { 'daemonpodupdater.io/exclude': value } });
  const rollout = syncedRollout({
    nodes: [node('n01', label('')), node('n02', label('true')), node('n03', label('false'))],
    pods: cluster(3).pods,
    daemonSet: daemonSet({ annotations: budget('3') }),
  });
  assert.deepEqual(rollout.select(ALL, T0), [slot('n03')]);
  assert.match(rollout.plan(T0)[0]?.message ?? '', /label daemonpodupdater.io\/exclude/);
  rollout.upsertNode(node('n01'), T0 + 1);
  assert.deepEqual(rollout.select(ALL, T0 + 1), [slot('n01')]);
});

for (const cordoned of [
  { isUnschedulable: true } as const,
  { taints: [{ key: 'node.kubernetes.io/unschedulable', value: '', effect: 'NoSchedule' }] },
]) {
  test(`trust 8: cordoned by ${Object.keys(cordoned)} → updated, unless the DaemonSet skips those`, () => {
    for (const [value, expected] of [
      ['update', ['n01', 'n02']],
      ['skip', ['n02']],
    ] as const) {
      const rollout = syncedRollout({
        nodes: [node('n01', cordoned), node('n02')],
        pods: cluster(2).pods,
        daemonSet: daemonSet({ annotations: budget('2', { 'daemonpodupdater.io/cordoned': value }) }),
      });
      assert.deepEqual(rollout.select(ALL, T0), expected.map(slot), value);
    }
  });
}

test('trust 8: cordoned while its pod is replaced, and the DaemonSet skips those → keeps its place', () => {
  const annotations = budget('1', { 'daemonpodupdater.io/cordoned': 'skip' });
  const rollout = syncedRollout({ ...cluster(3), daemonSet: daemonSet({ annotations }) });
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  rollout.removePod(pod('n01', 'old'), T0 + 1);
  rollout.upsertNode(node('n01', { isUnschedulable: true }), T0 + 2);
  assert.deepEqual(rollout.select(ALL, T0 + 3), []);
  rollout.upsertPod(pod('n01', 'new'), T0 + 4);
  assert.deepEqual(rollout.select(ALL, T0 + 5), [slot('n02')]);
});

test('trust 4: percentages are of what can be reached → 90 of 100 away, 10 %: one at a time', () => {
  const { nodes, pods } = cluster(100);
  const away = nodes.map((each, index) => (index < 90 ? node(each.name, { isReady: false }) : each));
  const rollout = syncedRollout({ nodes: away, pods, daemonSet: daemonSet({ annotations: budget('10%') }) });
  assert.equal(rollout.counts().allowed, 1);
  assert.equal(rollout.select(ALL, T0).length, 1);
});

test('trust 4: most nodes go away in the middle → what is asked and does not fit any more is given back', () => {
  const rollout = syncedRollout({ ...cluster(100), daemonSet: daemonSet({ annotations: budget('10%') }) });
  const asked = rollout.select(ALL, T0);
  assert.equal(asked.length, 10);
  for (let index = 11; index <= 100; index += 1) {
    rollout.upsertNode(node(`n${String(index).padStart(2, '0')}`, { isReady: false }), T0 + 1);
  }
  assert.equal(asked.filter((key) => rollout.taskFor(key, T0 + 2) !== undefined).length, 1);
});

test('trust 9: a Failed leftover beside a healthy pod → the node is available, and the healthy pod is the one to go', () => {
  const leftover = pod('n01', 'old', { uid: 'evicted', phase: 'Failed', isReady: false });
  const rollout = syncedRollout({
    nodes: [node('n01')],
    pods: [leftover, pod('n01', 'old')],
    daemonSet: daemonSet({ annotations: budget('1') }),
  });
  assert.equal(rollout.counts().unavailable, 0);
  assert.deepEqual(rollout.select(ALL, T0), [slot('n01')]);
  assert.equal(rollout.taskFor(slot('n01'), T0)?.uid, 'n01-old');
  rollout.upsertRevision(revision('old', 3), T0 + 1);
  assert.equal(rollout.taskFor(slot('n01'), T0 + 1), undefined);
  assert.equal(reasons(rollout, T0 + 1).n01, 'current');
});

test('trust 9: deadline → minReadySeconds and the grace period of the old pod are added', () => {
  const setup = { ...cluster(2), daemonSet: daemonSet({ annotations: budget('1'), minReadySeconds: 30 }) };
  const rollout = syncedRollout(setup);
  rollout.select(ALL, T0);
  carryOut(rollout, 'n01', T0);
  rollout.upsertPod(pod('n01', 'old', { isTerminating: true, deletionGraceMs: 900_000 }), T0);
  rollout.tick(T0 + 900_000 + 629_999);
  assert.equal(rollout.counts().failed, 0, 'it may still be ending');
  rollout.removePod(pod('n01', 'old'), T0 + 900_000);
  rollout.upsertPod(pod('n01', 'new', { isReady: false }), T0 + 901_000);
  rollout.tick(T0 + 900_000 + 629_999);
  assert.equal(rollout.counts().failed, 0);
  rollout.tick(T0 + 900_000 + 630_000);
  assert.equal(rollout.counts().failed, 1);
});

test('trust 2: failed nodes are not under way → a limit of the process counts the others alone', () => {
  const rollout = syncedRollout({ ...cluster(20), daemonSet: daemonSet({ annotations: budget('8') }) });
  const limit = { count: Number.POSITIVE_INFINITY, window: 3 };
  for (const key of rollout.select(limit, T0)) {
    const name = key.slice(-3);
    carryOut(rollout, name, T0);
    rollout.removePod(pod(name, 'old'), T0);
    rollout.upsertPod(pod(name, 'new', { isReady: false }), T0);
  }
  assert.deepEqual(rollout.select(limit, T0 + 599_999), []);
  assert.equal(rollout.select(limit, T0 + 600_000).length, 3, 'three failed, none is under way');
  assert.equal(rollout.replacementsInFlight, 3);
  assert.equal(
    rollout.select({ count: Number.POSITIVE_INFINITY, window: 250 }, T0 + 600_001).length,
    2,
    'eight in all',
  );
});

test('trust 2: current pods that crash later → in the budget, but no replacement is under way', () => {
  const rollout = syncedRollout({ ...cluster(10), daemonSet: daemonSet({ annotations: budget('4') }) });
  for (const key of rollout.select(ALL, T0)) {
    carryOut(rollout, key.slice(-3), T0);
    replace(rollout, key.slice(-3), T0 + 1000);
  }
  for (const name of ['n01', 'n02']) rollout.upsertPod(pod(name, 'new', { isReady: false }), T0 + 2000);
  const { inFlight, unavailable } = rollout.counts();
  assert.deepEqual([inFlight, unavailable], [0, 2]);
  assert.equal(reasons(rollout, T0 + 2000).n01, 'unavailable');
  assert.equal(rollout.select(ALL, T0 + 2000).length, 2);
});
