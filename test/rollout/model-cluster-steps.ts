import fc from 'fast-check';
import { arbName, HASHES, NAMES, type Pair, steps } from './model-pair.ts';
import { budget, DS_UID, daemonSet, node, pod, revision, T0 } from './records.ts';

const TAINTS = [
  ...Array(6).fill(undefined),
  { key: 'k', effect: 'NoSchedule' },
  { key: 'k', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule' },
];

export const arbNode = steps(
  'node',
  fc.record({
    name: arbName,
    isReady: fc.boolean(),
    taint: fc.constantFrom(...TAINTS),
    isExcluded: fc.integer({ min: 0, max: 9 }),
    ageMs: fc.constantFrom(86_400_000, 86_400_000, 30_000),
    zone: fc.constantFrom('', 'a'),
  }),
  ({ name, isReady, taint, isExcluded, ageMs, zone }) =>
    ({ rollout, reference, nowMs }) => {
      const record = node(name, {
        isReady,
        taints: taint === undefined ? [] : [{ value: '', ...taint }],
        labels: {
          ...(zone === '' ? {} : { 'topology.kubernetes.io/zone': zone }),
          ...(isExcluded === 0 ? { 'daemonpodupdater.io/exclude': '' } : {}),
        },
        createdAtMs: T0 - ageMs,
        readyChangedAtMs: T0 - 60_000,
      });
      rollout.upsertNode(record, nowMs);
      reference.upsertNode(record, nowMs);
    },
);

/** The node of a slot that is asked goes NotReady, or comes back. */
export const arbNodeFlips = steps('nodeflips', fc.nat(), (pick) => ({ rollout, reference, nowMs }) => {
  const asked = [...reference.asks.keys()].sort();
  const names = asked.length > 0 ? asked : NAMES;
  const before = reference.nodes.get(names[pick % names.length] ?? '')?.record;
  if (before === undefined) return;
  const record = { ...before, isReady: !before.isReady };
  rollout.upsertNode(record, nowMs);
  reference.upsertNode(record, nowMs);
});

/** What a node is now cannot be read; mostly it could before. */
export const arbNodeUnreadable = steps('nodeunreadable', arbName, (name) => ({ rollout, reference, nowMs }) => {
  const known =
    reference.nodes.get(name)?.record ?? node(name, { uid: '', isReady: false, readyChangedAtMs: undefined });
  const record = { ...known, resourceVersion: '', unreadable: 'too large' };
  rollout.upsertNode(record, nowMs);
  reference.upsertNode(record, nowMs);
});

/** The same of a pod; nobody knows of one that never could be read. */
export const arbPodUnreadable = steps('podunreadable', fc.nat(), (pick) => ({ rollout, reference, nowMs }) => {
  const known = [...reference.pods.values()].map(({ record }) => record);
  const pod = known[pick % Math.max(1, known.length)];
  if (pod === undefined) return;
  const record = { ...pod, resourceVersion: '', unreadable: 'too large' };
  rollout.upsertPod(record, nowMs);
  reference.upsertPod(record, nowMs);
});

/** The same of the DaemonSet, or of a revision that nobody could read before. */
export const arbUnreadable = steps(
  'unreadable',
  fc.record({ what: fc.constantFrom('daemonset', 'revision'), isOver: fc.boolean() }),
  ({ what, isOver }) =>
    ({ rollout, reference, nowMs }) => {
      const unread = { ...revision('', 0), uid: '', ownerUid: undefined, unreadable: 'too large' };
      if (what === 'revision' && isOver) {
        rollout.removeRevision(unread, nowMs);
        reference.revisions.delete('');
      } else if (what === 'revision') {
        rollout.upsertRevision(unread, nowMs);
        reference.revisions.set('', unread);
      } else if (reference.daemonSet !== undefined) {
        const { unreadable: _, ...known } = reference.daemonSet;
        reference.daemonSet = isOver ? known : { ...known, unreadable: 'too large' };
        rollout.setDaemonSet(reference.daemonSet, nowMs);
      }
    },
);

export const arbNodeGone = steps('nodegone', arbName, (name) => ({ rollout, reference, nowMs }) => {
  rollout.removeNode(name, nowMs);
  reference.removeNode(name);
});

export const arbPod = steps(
  'pod',
  fc.record({
    name: arbName,
    index: fc.integer({ min: 0, max: 3 }),
    hash: fc.constantFrom(...HASHES),
    isReady: fc.integer({ min: 0, max: 3 }),
    fate: fc.integer({ min: 0, max: 9 }),
    cost: fc.constantFrom(0, 0, 0, -1, 1),
    age: fc.constantFrom(60_000, 7_100_000),
    marked: fc.constantFrom('', 'True red', 'False red', 'True blue', 'False blue'),
  }),
  ({ name, index, hash, isReady, fate, cost, age, marked }) =>
    ({ rollout, reference, nowMs }) => {
      const [status = '', of = ''] = marked.split(' ');
      // Mostly one pod of a hash a node; now and then a second one.
      const uid = `${name}-${hash}-${index === 0 ? 1 : 0}`;
      const record = pod(name, hash, {
        uid,
        isReady: isReady > 0 && fate !== 1,
        isTerminating: fate === 0,
        deletionGraceMs: fate === 0 && cost !== 0 ? 30_000 : undefined,
        deletionAtMs: fate === 0 && age === 60_000 ? T0 - 50_000 : undefined,
        phase: fate === 1 ? 'Failed' : 'Running',
        ownerUid: fate === 2 && index === 0 ? 'other' : DS_UID,
        deletionCost: cost,
        createdAtMs: T0 - age,
        readyChangedAtMs: T0 - age + (fate === 3 ? 1000 : 2000),
        needUpgrade: marked === '' ? undefined : { status, message: `controllerrevision: ${of}` },
      });
      rollout.upsertPod(record, nowMs);
      reference.upsertPod(record, nowMs);
    },
);

/** A pod that is known goes, terminates, or becomes Ready: what mostly happens. */
export const arbPodLife = steps(
  'podlife',
  fc.record({ pick: fc.nat(), what: fc.constantFrom('gone', 'terminating', 'ready', 'unready') }),
  ({ pick, what }) =>
    ({ rollout, reference, nowMs }) => {
      const known = [...reference.pods.values()].sort((a, b) => (a.record.uid < b.record.uid ? -1 : 1));
      const record = known[pick % Math.max(1, known.length)]?.record;
      if (record === undefined) return;
      if (what === 'gone') {
        rollout.removePod(record, nowMs);
        reference.removePod(record, nowMs);
        return;
      }
      const changes =
        what === 'terminating'
          ? { isTerminating: true, deletionGraceMs: pick % 2 === 0 ? 30_000 : undefined }
          : { isReady: what === 'ready' && record.phase === 'Running', readyChangedAtMs: nowMs };
      const next = { ...record, ...changes };
      rollout.upsertPod(next, nowMs);
      reference.upsertPod(next, nowMs);
    },
);

/** The pods of these Ready nodes terminate and stay so, until they may be deleted by force. */
export function makeStuck(pair: Pair, names: readonly string[], deletionGraceMs: number | undefined): void {
  const { rollout, reference, nowMs } = pair;
  for (const name of names) {
    const place = node(name);
    rollout.upsertNode(place, nowMs);
    reference.upsertNode(place, nowMs);
    reference.settle(nowMs);
    for (const { record } of reference.podsOn(name)) {
      if (record.isTerminating) continue;
      const next = { ...record, isTerminating: true, deletionGraceMs };
      rollout.upsertPod(next, nowMs);
      reference.upsertPod(next, nowMs);
      reference.settle(nowMs);
    }
  }
  pair.nowMs += 150_000;
}

export const arbRevision = steps(
  'revision',
  fc.record({ hash: fc.constantFrom(...HASHES), isGone: fc.integer({ min: 0, max: 15 }) }),
  ({ hash, isGone }) =>
    ({ rollout, reference, nowMs }) => {
      const newest = [...reference.revisions.values()].reduce(
        (most, { revision: number }) => Math.max(most, number),
        0,
      );
      const hashBefore = reference.target?.hash;
      const record = revision(hash, newest + 1, { createdAtMs: T0 - 3_600_000 });
      if (isGone === 0) {
        rollout.removeRevision(record, nowMs);
        reference.revisions.delete(record.uid);
        reference.retarget(hashBefore, nowMs);
        return;
      }
      rollout.upsertRevision(record, nowMs);
      reference.revisions.set(record.uid, record);
      reference.retarget(hashBefore, nowMs);
    },
);

export const arbDaemonSet = steps(
  'daemonset',
  fc.record({
    strategy: fc.constantFrom(...Array(8).fill('AdvancedRollingUpdate'), 'OTA', 'OTA', '?'),
    allowed: fc.integer({ min: 1, max: 4 }),
    minReadySeconds: fc.constantFrom(0, 0, 20),
    isBehind: fc.integer({ min: 0, max: 9 }),
    generation: fc.integer({ min: 1, max: 1000 }),
    isTerminating: fc.integer({ min: 0, max: 20 }),
    force: fc.constantFrom('true', 'true', 'false'),
    paused: fc.constantFrom('false', 'false', 'true', 'yes'),
  }),
  ({ strategy, allowed, minReadySeconds, isBehind, generation, isTerminating, force, paused }) =>
    (pair) => {
      const record = daemonSet({
        annotations: budget(String(allowed), {
          'apps.openyurt.io/update-strategy': strategy,
          'daemonpodupdater.io/progress-deadline-seconds': '120',
          'daemonpodupdater.io/force-delete-stuck': force,
          'daemonpodupdater.io/paused': paused,
        }),
        minReadySeconds,
        generation,
        observedGeneration: isBehind === 0 ? generation - 1 : generation,
        isTerminating: isTerminating === 0,
      });
      pair.rollout.setDaemonSet(record, pair.nowMs);
      pair.reference.daemonSet = record;
    },
);

export const arbSynced = steps('synced', fc.integer({ min: 0, max: 2 }), (value) => ({ rollout, reference, nowMs }) => {
  rollout.setSynced(value > 0, nowMs, reference.staleSince === undefined ? undefined : 'stale');
  reference.setSynced(value > 0, nowMs);
});

export const arbStale = steps('stale', fc.boolean(), (isStale) => ({ rollout, reference, nowMs }) => {
  rollout.setSynced(reference.isSynced, nowMs, isStale ? `not heard of at ${nowMs}` : undefined);
  reference.setStale(isStale, nowMs);
});

export const arbTime = steps(
  'time',
  fc.constantFrom(1, 1, 1, 1000, 1000, 15_000, 15_000, 30_000, 60_000, 130_000, 400_000),
  (ms) => (pair) => {
    pair.nowMs += ms;
  },
);
