import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { OutcomeCode } from '../../src/protocol/outcome.ts';
import { makeStuck } from './model-cluster-steps.ts';
import { arbName, HASHES, NAMES, type Pair, steps } from './model-pair.ts';
import { outcome, pod, slot } from './records.ts';
import { Reference } from './reference.ts';

export const arbSelect = steps(
  'select',
  fc.record({ count: fc.integer({ min: 0, max: 5 }), window: fc.constantFrom(0, 1, 2, Number.POSITIVE_INFINITY) }),
  (limit) =>
    ({ rollout, reference, nowMs }) => {
      rollout.tick(nowMs);
      assert.deepEqual(rollout.select(limit, nowMs), reference.select(limit, nowMs).map(slot));
    },
);

export const arbTask = steps(
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

export const arbOutcome = steps(
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

export const arbRelease = steps('release', arbName, (name) => ({ rollout, reference, nowMs }) => {
  rollout.release(slot(name), nowMs);
  reference.release(name, nowMs);
});

/** What is asked is written, or refused, several times in a row; what comes in place of the deleted is old more often than not. */
export const arbAgain = steps(
  'again',
  fc.record({
    pick: fc.nat(),
    times: fc.integer({ min: 1, max: 8 }),
    isRefused: fc.boolean(),
    isNew: fc.nat({ max: 3 }),
    pauseMs: fc.constantFrom(0, 10, 1000, 10_000, 30_000),
  }),
  ({ pick, times, isRefused, isNew, pauseMs }) =>
    (pair) => {
      const code = isRefused ? 'rejected' : 'done';
      for (let time = 0; time < times; time += 1) {
        if (!writeOne(pair, pick, { code, isNew: isNew === 0 })) return;
        pair.nowMs += pauseMs;
      }
    },
);

/** So much is refused in a row that one a second is tried, and some of those are put off. Often all are stuck pods. */
export const arbFlood = steps(
  'flood',
  fc.record({
    stuck: fc.subarray(NAMES),
    graceMs: fc.constantFrom(undefined, 0, 30_000),
    picks: fc.array(fc.nat({ max: 9 }), { minLength: 10, maxLength: 16 }),
    throttled: fc.integer({ min: 0, max: 4 }),
    pauseMs: fc.constantFrom(0, 1000, 1000, 5000),
  }),
  ({ stuck, graceMs, picks, throttled, pauseMs }) =>
    (pair) => {
      makeStuck(pair, stuck, graceMs);
      for (const [time, pick] of picks.entries()) {
        const code = time < picks.length - throttled ? 'rejected' : 'throttled';
        writeOne(pair, pick, { code, isNew: false });
        pair.nowMs += pauseMs;
      }
    },
);

/** What becomes of a write, and what comes in place of a deleted pod. */
interface Fate {
  readonly code: 'done' | 'rejected' | 'throttled';
  readonly isNew: boolean;
}

function writeOne(pair: Pair, pick: number, { code, isNew }: Fate): boolean {
  const { rollout, reference, nowMs } = pair;
  pair.compare();
  const all = { count: Number.POSITIVE_INFINITY, window: Number.POSITIVE_INFINITY };
  assert.deepEqual(rollout.select(all, nowMs), reference.select(all, nowMs).map(slot));
  const asked = [...reference.asks].filter(([, { phase }]) => phase === 'asked');
  const [name] = asked[pick % Math.max(1, asked.length)] ?? [];
  if (name === undefined) return false;
  const task = rollout.taskFor(slot(name), nowMs);
  assert.deepEqual(Reference.describe(task), reference.taskFor(name, nowMs));
  if (task === undefined) return false;
  rollout.onSent(task.slot, nowMs);
  reference.onSent(name);
  const answer = outcome(task, code);
  assert.equal(rollout.onOutcome(answer, nowMs).then, reference.onOutcome(name, answer, nowMs));
  const gone = reference.pods.get(task.uid)?.record;
  if (code !== 'done' || gone === undefined || task.action !== 'delete') return true;
  pair.podCount += 1;
  const hash = HASHES.find((candidate) => (candidate === reference.target?.hash) === isNew) ?? '';
  const next = pod(name, hash, { uid: `${name}-again-${pair.podCount}` });
  for (const side of [rollout, reference]) {
    side.removePod(gone, nowMs);
    reference.settle(nowMs);
    side.upsertPod(next, nowMs);
    reference.settle(nowMs);
  }
  return true;
}
