import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Outcome } from '../../src/protocol/outcome.ts';
import type { Task, TaskBatch } from '../../src/protocol/task.ts';
import { packBatch, packOutcomes, unpackBatch, unpackOutcomes } from '../../src/protocol/wire.ts';

/** Any text at all: names come from the API server, and no separator may be forbidden to them. */
const text = fc.string({ unit: 'binary', maxLength: 20 });
const base = { slot: text.map((slot) => slot as Task['slot']), namespace: text, pod: text, uid: text };
const task: fc.Arbitrary<Task> = fc.oneof(
  fc.record({ ...base, action: fc.constantFrom('delete' as const, 'force-delete' as const, 'observe' as const) }),
  fc.record({ ...base, action: fc.constant('mark' as const), needsUpgrade: fc.boolean(), hash: text }),
);
const batch: fc.Arbitrary<TaskBatch> = fc.record({
  tasks: fc.array(task, { maxLength: 10 }),
  writeUntilMs: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.double({ noNaN: true })),
  writeUntilWallMs: fc.oneof(fc.constant(undefined), fc.double({ noNaN: true })),
  taskTimeoutMs: fc.nat(),
  isDryRun: fc.boolean(),
});
type Ending = Omit<Outcome, 'slot' | 'action' | 'uid'>;
const ending: fc.Arbitrary<Ending> = fc.record({
  code: fc.constantFrom(
    ...(['done', 'gone', 'throttled', 'conflict', 'forbidden', 'rejected', 'fenced', 'dry-run', 'unknown'] as const),
  ),
  httpStatus: fc.nat(599),
  message: fc.oneof(fc.constant(''), text),
  retryAfterMs: fc.nat(),
  durationMs: fc.double({ noNaN: true, min: 0 }),
  isTerminating: fc.boolean(),
});

test('wire: any batch → the same batch on the other side', () => {
  fc.assert(
    fc.property(fc.nat(), batch, (id, sent) => {
      const wire = structuredClone(packBatch(id, sent));
      assert.equal(wire.id, id);
      // Records made by fast-check have no prototype.
      assert.deepEqual(unpackBatch(wire), structuredClone(sent));
    }),
  );
});

test('wire: outcomes of some tasks in any order → each with what its task says', () => {
  const some = fc.array(fc.tuple(task, ending), { maxLength: 10 }).chain((pairs) =>
    fc.record({
      pairs: fc.constant(pairs),
      order: fc.shuffledSubarray([...pairs.keys()]),
    }),
  );
  fc.assert(
    fc.property(some, ({ pairs, order }) => {
      const outcomes = pairs.map(([{ slot, action, uid }, end]): Outcome => ({ slot, action, uid, ...end }));
      const ended = order.flatMap((index) => {
        const outcome = outcomes[index];
        return outcome === undefined ? [] : [{ index, outcome }];
      });
      const wire = structuredClone(packOutcomes(1, ended));
      const tasks = pairs.map(([sent]) => sent);
      assert.deepEqual(
        unpackOutcomes(wire, tasks),
        ended.map(({ outcome }) => outcome),
      );
    }),
  );
});

test('wire: an outcome of a task that the batch does not hold → an error, not another task’s outcome', () => {
  const [first] = fc.sample(ending, { numRuns: 1, seed: 1 });
  assert.ok(first !== undefined);
  const outcome: Outcome = { slot: 'a/b/c' as Task['slot'], action: 'delete', uid: 'u', ...first };
  assert.throws(() =>
    unpackOutcomes(packOutcomes(1, [{ index: 1, outcome }]), [
      { ...outcome, action: 'delete', namespace: 'a', pod: 'p' },
    ]),
  );
});
