import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OutcomeCode } from '../../src/protocol/outcome.ts';
import type { Task } from '../../src/protocol/task.ts';
import { Rollout } from '../../src/rollout/rollout.ts';
import { budget, DS_UID, daemonSet, KEY, node, outcome, pod, revision, slot, T0 } from './records.ts';
import { Reference } from './reference.ts';

/** The system and its reference, fed with the same. */
class Pair {
  readonly rollout = new Rollout({ key: KEY, namespace: 'kube-system', name: 'agent', uid: DS_UID });
  readonly reference = new Reference();
  readonly tasks = new Map<string, Task>();
  nowMs = T0;

  event(change: (nowMs: number) => void): void {
    this.reference.settle(this.nowMs);
    change(this.nowMs);
    this.reference.settle(this.nowMs);
  }

  compare(): void {
    const { nowMs, rollout, reference } = this;
    rollout.tick(nowMs);
    reference.settle(nowMs);
    assert.deepEqual({ ...rollout.counts() }, reference.counts(nowMs));
    const plan = rollout.plan(nowMs);
    assert.deepEqual(
      Object.fromEntries(plan.map(({ node: name, reason }) => [name, reason])),
      reference.reasons(nowMs),
    );
    assert.equal(rollout.blocked() !== undefined, reference.isBlocked);
    const wakeMs = rollout.nextWakeMs();
    assert.ok(wakeMs === undefined || wakeMs > nowMs, 'a wake-up in the past would never end');
    // Looking must not change anything.
    assert.deepEqual({ ...rollout.counts() }, reference.counts(nowMs));
  }
}

type Step = (pair: Pair) => void;

/** Steps print as what they do, so that a counterexample can be read. */
function steps<T>(name: string, arbitrary: fc.Arbitrary<T>, make: (value: T) => Step): fc.Arbitrary<Step> {
  return arbitrary.map((value) =>
    Object.assign((pair: Pair) => make(value)(pair), { [fc.toStringMethod]: () => `${name} ${JSON.stringify(value)}` }),
  );
}

const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5'];
const HASHES = ['red', 'blue'];
const arbName = fc.constantFrom(...NAMES);

const arbNode = steps(
  'node',
  fc.record({
    name: arbName,
    isReady: fc.boolean(),
    isTainted: fc.integer({ max: 5, min: 0 }),
    zone: fc.constantFrom('', 'a'),
  }),
  ({ name, isReady, isTainted, zone }) =>
    ({ rollout, reference, nowMs }) => {
      const record = node(name, {
        isReady,
        taints: isTainted === 0 ? [{ key: 'k', value: '', effect: 'NoSchedule' }] : [],
        labels: zone === '' ? {} : { 'topology.kubernetes.io/zone': zone },
        readyChangedAtMs: T0 - 60_000,
      });
      rollout.upsertNode(record, nowMs);
      reference.upsertNode(record, nowMs);
    },
);

/** The node of a slot that is asked goes NotReady, or comes back. */
const arbNodeFlips = steps('nodeflips', fc.nat(), (pick) => ({ rollout, reference, nowMs }) => {
  const asked = [...reference.asks.keys()].sort();
  const names = asked.length > 0 ? asked : NAMES;
  const before = reference.nodes.get(names[pick % names.length] ?? '')?.record;
  if (before === undefined) return;
  const record = { ...before, isReady: !before.isReady };
  rollout.upsertNode(record, nowMs);
  reference.upsertNode(record, nowMs);
});

const arbNodeGone = steps('nodegone', arbName, (name) => ({ rollout, reference, nowMs }) => {
  rollout.removeNode(name, nowMs);
  reference.removeNode(name);
});

const arbPod = steps(
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
const arbPodLife = steps(
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
          ? { isTerminating: true }
          : { isReady: what === 'ready' && record.phase === 'Running', readyChangedAtMs: nowMs };
      const next = { ...record, ...changes };
      rollout.upsertPod(next, nowMs);
      reference.upsertPod(next, nowMs);
    },
);

const arbRevision = steps(
  'revision',
  fc.record({ hash: fc.constantFrom(...HASHES), isGone: fc.integer({ min: 0, max: 15 }) }),
  ({ hash, isGone }) =>
    ({ rollout, reference, nowMs }) => {
      const newest = [...reference.revisions.values()].reduce(
        (most, { revision: number }) => Math.max(most, number),
        0,
      );
      const record = revision(hash, newest + 1, { createdAtMs: T0 - 3_600_000 });
      if (isGone === 0) {
        rollout.removeRevision(record, nowMs);
        reference.revisions.delete(record.uid);
        return;
      }
      rollout.upsertRevision(record, nowMs);
      reference.revisions.set(record.uid, record);
    },
);

const arbDaemonSet = steps(
  'daemonset',
  fc.record({
    strategy: fc.constantFrom(...Array(8).fill('AdvancedRollingUpdate'), 'OTA', 'OTA', '?'),
    allowed: fc.integer({ min: 1, max: 4 }),
    minReadySeconds: fc.constantFrom(0, 0, 20),
    isBehind: fc.integer({ min: 0, max: 9 }),
    generation: fc.integer({ min: 1, max: 1000 }),
    isTerminating: fc.integer({ min: 0, max: 20 }),
  }),
  ({ strategy, allowed, minReadySeconds, isBehind, generation, isTerminating }) =>
    (pair) => {
      const record = daemonSet({
        annotations: budget(String(allowed), {
          'apps.openyurt.io/update-strategy': strategy,
          'daemonpodupdater.io/progress-deadline-seconds': '120',
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

const arbSynced = steps('synced', fc.integer({ min: 0, max: 2 }), (value) => ({ rollout, reference, nowMs }) => {
  rollout.setSynced(value > 0, nowMs);
  reference.isSynced = value > 0;
});

const arbTime = steps(
  'time',
  fc.constantFrom(1, 1, 1, 1000, 1000, 15_000, 15_000, 30_000, 60_000, 130_000, 400_000),
  (ms) => (pair) => {
    pair.nowMs += ms;
  },
);

const arbSelect = steps(
  'select',
  fc.record({ count: fc.integer({ min: 0, max: 5 }), window: fc.constantFrom(0, 1, 2, Number.POSITIVE_INFINITY) }),
  (limit) =>
    ({ rollout, reference, nowMs }) => {
      rollout.tick(nowMs);
      assert.deepEqual(rollout.select(limit, nowMs), reference.select(limit, nowMs).map(slot));
    },
);

const arbTask = steps(
  'task',
  fc.record({ any: arbName, pick: fc.nat(), isSent: fc.integer({ min: 0, max: 4 }) }),
  ({ any, pick, isSent }) =>
    ({ rollout, reference, nowMs, tasks }) => {
      const asked = [...reference.asks.keys()].sort();
      const name = asked[pick % (asked.length + 1)] ?? any;
      const task = rollout.taskFor(slot(name), nowMs);
      assert.deepEqual(Reference.describe(task), reference.taskFor(name, nowMs));
      if (task === undefined || isSent === 0) return;
      rollout.onSent(task.slot, nowMs);
      reference.onSent(name);
      tasks.set(name, task);
    },
);

const CODES: OutcomeCode[] = [
  ...(['done', 'done', 'done', 'gone', 'throttled', 'conflict', 'forbidden'] as const),
  ...(['rejected', 'fenced', 'dry-run', 'unknown', 'unknown'] as const),
];

const arbOutcome = steps(
  'outcome',
  fc.record({
    pick: fc.nat(),
    code: fc.constantFrom(...CODES),
    isTerminating: fc.boolean(),
    isAgain: fc.nat({ max: 9 }),
  }),
  ({ pick, code, isTerminating, isAgain }) =>
    ({ rollout, reference, nowMs, tasks }) => {
      const name = [...tasks.keys()].sort()[pick % Math.max(1, tasks.size)] ?? '';
      const task = tasks.get(name);
      if (task === undefined) return;
      if (isAgain > 0) tasks.delete(name);
      const answer = outcome(task, code, { isTerminating });
      assert.equal(rollout.onOutcome(answer, nowMs).then, reference.onOutcome(name, answer, nowMs));
    },
);

const arbRelease = steps('release', arbName, (name) => ({ rollout, reference, nowMs }) => {
  rollout.release(slot(name), nowMs);
  reference.release(name, nowMs);
});

const arbStep: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: arbNode, weight: 4 },
  { arbitrary: arbNodeFlips, weight: 4 },
  { arbitrary: arbNodeGone, weight: 1 },
  { arbitrary: arbPod, weight: 8 },
  { arbitrary: arbPodLife, weight: 8 },
  { arbitrary: arbRevision, weight: 2 },
  { arbitrary: arbDaemonSet, weight: 3 },
  { arbitrary: arbSynced, weight: 1 },
  { arbitrary: arbTime, weight: 6 },
  { arbitrary: arbSelect, weight: 10 },
  { arbitrary: arbTask, weight: 12 },
  { arbitrary: arbOutcome, weight: 8 },
  { arbitrary: arbRelease, weight: 1 },
);

/** Steps are functions; what fast-check prints of a failure is the seed, which repeats it. */
test('rollout: any sequence of events → counts, plan, selection and tasks as computed from scratch', () => {
  fc.assert(
    fc.property(fc.array(arbStep, { minLength: 10, maxLength: 100, size: 'max' }), (steps) => {
      const pair = new Pair();
      pair.event(() => {
        const record = daemonSet({
          annotations: budget('2', { 'daemonpodupdater.io/progress-deadline-seconds': '120' }),
        });
        pair.rollout.setDaemonSet(record, pair.nowMs);
        pair.reference.daemonSet = record;
        const first = revision('red', 1, { createdAtMs: T0 - 3_600_000 });
        pair.rollout.upsertRevision(first, pair.nowMs);
        pair.reference.revisions.set(first.uid, first);
        for (const name of NAMES) {
          pair.rollout.upsertNode(node(name), pair.nowMs);
          pair.reference.upsertNode(node(name), pair.nowMs);
          const old = pod(name, 'blue', { uid: `${name}-blue-0` });
          pair.rollout.upsertPod(old, pair.nowMs);
          pair.reference.upsertPod(old, pair.nowMs);
        }
        pair.rollout.setSynced(true, pair.nowMs);
        pair.reference.isSynced = true;
      });
      for (const step of steps) {
        pair.event(() => step(pair));
        pair.compare();
      }
    }),
    { numRuns: 1000 },
  );
});
