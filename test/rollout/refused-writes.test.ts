import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OutcomeCode } from '../../src/protocol/outcome.ts';
import { Candidates } from '../../src/rollout/candidates.ts';
import { type RefusedWrites, refusedWrites } from '../../src/rollout/refused-writes.ts';
import type { Rollout } from '../../src/rollout/rollout.ts';
import { newSlot, type Slot } from '../../src/rollout/slot-state.ts';
import { cluster, daemonSet, slot as keyOf, outcome, revision, syncedRollout, T0 } from './records.ts';
import { ALL } from './scenario-moves.ts';

type Said = Pick<RefusedWrites, 'action' | 'code' | 'message'>;

function slotOf(node: string, said: Said | undefined): Slot {
  const slot = newSlot(keyOf(node), node, new Candidates().enterZone(''));
  if (said === undefined) return slot;
  const answer = { code: said.code, text: said.message };
  slot.refusal = { action: said.action, uid: 'u', count: 1, untilMs: 0, answer };
  return slot;
}

/** All of them sorted, one kind after the other. */
function simply(slots: readonly Slot[]): RefusedWrites[] {
  const byName = slots.toSorted((left, right) => (left.nodeName < right.nodeName ? -1 : 1));
  return ['delete', 'force-delete', 'mark'].flatMap((action) =>
    ['forbidden', 'rejected'].flatMap((code): RefusedWrites[] => {
      const own = byName.filter(({ refusal }) => refusal?.action === action && refusal.answer.code === code);
      const [first] = own;
      if (first?.refusal === undefined) return [];
      const nodes = own.slice(0, 5).map(({ nodeName }) => nodeName);
      const { answer } = first.refusal;
      return [{ action: first.refusal.action, code: answer.code, count: own.length, nodes, message: answer.text }];
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

/** All that is asked for is answered so. */
function answerAll(rollout: Rollout, nowMs: number, code: OutcomeCode): number {
  const asked = rollout.select(ALL, nowMs);
  for (const key of asked) {
    const task = rollout.taskFor(key, nowMs);
    assert.ok(task);
    rollout.onSent(key, nowMs);
    rollout.onOutcome(outcome(task, code), nowMs);
  }
  return asked.length;
}

for (const [code, refused] of [
  ['done', 0],
  ['gone', 0],
  ['unknown', 1],
  ['throttled', 1],
] as const) {
  const counts = refused === 0 ? 'not refused any more' : 'refused, for all that is known';
  test(`refused writes: a mark is tried again, and the answer is ${code} → ${counts}`, () => {
    const annotations = { 'apps.openyurt.io/update-strategy': 'OTA' };
    const rollout = syncedRollout({ ...cluster(1), daemonSet: daemonSet({ annotations }) });
    assert.equal(answerAll(rollout, T0, 'rejected'), 1);
    assert.equal(rollout.counts().refused, 1);
    assert.equal(answerAll(rollout, T0 + 1000, code), 1);
    assert.equal(rollout.counts().refused, refused);
  });
}

test('refused writes: a deletion, and the old revision becomes the newest again → not wanted, so not refused; and back', () => {
  const { nodes, pods } = cluster(1);
  const unready = pods.map((old) => ({ ...old, isReady: false, readyChangedAtMs: undefined }));
  const rollout = syncedRollout({ nodes, pods: unready });
  answerAll(rollout, T0, 'rejected');
  assert.equal(rollout.counts().refused, 1);
  rollout.upsertRevision(revision('old', 3), T0 + 1);
  assert.deepEqual([rollout.counts().refused, rollout.refusals()], [0, []]);
  rollout.upsertRevision(revision('old', 1, { resourceVersion: '2' }), T0 + 2);
  assert.equal(rollout.counts().refused, 1);
  rollout.removeNode('n01', T0 + 3);
  assert.equal(rollout.counts().refused, 0, 'nor on a node that is gone');
});
