import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Content, Fields } from '../../src/protocol/actions/action.ts';
import { ACTIONS, type AnyAction, WRITES } from '../../src/protocol/actions/registry.ts';
import type { SlotKey } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';
import { packBatch, unpackBatch } from '../../src/protocol/wire.ts';

const LIMITS = { writeUntilMs: 1, writeUntilWallMs: 2, taskTimeoutMs: 3, isDryRun: false };

/** Tasks of that action with any payload. */
function tasksOf({ name, fields }: AnyAction): fc.Arbitrary<Task> {
  const kinds = Object.entries(fields as Fields);
  const payload = kinds.map(([key, kind]) => [key, kind === 'flag' ? fc.boolean() : fc.string()] as const);
  const pod = { namespace: fc.string(), pod: fc.string(), uid: fc.string({ minLength: 1 }) };
  const slot = fc.string().map((text) => text as SlotKey);
  return fc.record({ slot, ...pod, action: fc.constant(name), ...Object.fromEntries(payload) }) as fc.Arbitrary<Task>;
}

test('actions: names and numbers → each of one action alone', () => {
  for (const key of ['name', 'number'] as const) {
    assert.equal(new Set(ACTIONS.map((action) => action[key])).size, ACTIONS.length, key);
  }
});

test('actions: any tasks of any actions, packed for a thread → the same there', () => {
  const tasks = fc.array(fc.oneof(...ACTIONS.map(tasksOf)), { maxLength: 20 });
  fc.assert(
    fc.property(tasks, (those) => {
      const sent = { tasks: those, ...LIMITS };
      // Records made by fast-check have no prototype.
      assert.deepEqual(unpackBatch(packBatch(1, sent)), structuredClone(sent));
    }),
  );
});

for (const write of WRITES) {
  test(`actions: ${write.name} → its request is bound to the pod's UID`, () => {
    const text = (uid: string): string => {
      const [task] = fc.sample(tasksOf(write), { numRuns: 1, seed: 1 });
      const content: Content = write.content({ ...task, uid } as never, '2026-08-01T10:00:00Z');
      return JSON.stringify(content.body);
    };
    assert.ok(text('one-uid').includes('"uid":"one-uid"'));
    assert.equal(text('one-uid').replace('one-uid', 'another'), text('another'));
  });
}
