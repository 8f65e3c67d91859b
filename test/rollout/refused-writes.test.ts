import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Candidates } from '../../src/rollout/candidates.ts';
import { type RefusedWrites, refusedWrites } from '../../src/rollout/refused-writes.ts';
import { newSlot, type Refusal, type Slot } from '../../src/rollout/slot-state.ts';
import { slot as keyOf } from './records.ts';

type Answer = Pick<Refusal, 'action' | 'code' | 'message'>;

function slotOf(node: string, answer: Answer | undefined): Slot {
  const slot = newSlot(keyOf(node), node, new Candidates().enterZone(''));
  if (answer !== undefined) slot.refusal = { ...answer, uid: 'u', count: 1, untilMs: 0 };
  return slot;
}

/** All of them sorted, one kind after the other. */
function simply(slots: readonly Slot[]): RefusedWrites[] {
  const byName = slots.toSorted((left, right) => (left.nodeName < right.nodeName ? -1 : 1));
  return ['delete', 'force-delete', 'mark'].flatMap((action) =>
    ['forbidden', 'rejected'].flatMap((code): RefusedWrites[] => {
      const own = byName.filter(({ refusal }) => refusal?.action === action && refusal.code === code);
      const [first] = own;
      if (first?.refusal === undefined) return [];
      const nodes = own.slice(0, 5).map(({ nodeName }) => nodeName);
      return [{ action: first.refusal.action, code, count: own.length, nodes, message: first.refusal.message }];
    }),
  );
}

test('refused writes: any slots in any order → each kind with its count, its first nodes, and the words on the first', () => {
  const answer = fc.record({
    action: fc.constantFrom('delete', 'force-delete', 'mark'),
    code: fc.constantFrom('forbidden', 'rejected'),
    message: fc.string({ maxLength: 3 }),
  });
  const some = fc.array(fc.tuple(fc.nat(999), fc.option(answer, { nil: undefined })), { maxLength: 60, size: 'max' });
  const byKind = (groups: readonly RefusedWrites[]) =>
    groups.toSorted((a, b) => (`${a.action} ${a.code}` < `${b.action} ${b.code}` ? -1 : 1));
  fc.assert(
    fc.property(some, (parts) => {
      const slots = [...new Map(parts).entries()].map(([number, given]) => slotOf(`n${number}`, given));
      const groups = refusedWrites(slots);
      assert.deepEqual(byKind(groups), byKind(simply(slots)));
      const counts = groups.map(({ count }) => count);
      assert.deepEqual(
        counts,
        counts.toSorted((a, b) => b - a),
        'most nodes first',
      );
    }),
  );
});
