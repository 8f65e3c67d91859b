import assert from 'node:assert/strict';
import { test } from 'node:test';
import { node, pod, slot, syncedRollout, T0 } from './records.ts';
import { ALL } from './scenario-moves.ts';

test('choice: a finished pod lies beside the old one → the deletion cost that is told is that of the pod that goes', () => {
  const finished = pod('n01', 'old', { uid: 'finished', phase: 'Failed', isReady: false, deletionCost: 7 });
  const rollout = syncedRollout({ nodes: [node('n01')], pods: [finished, pod('n01', 'old', { deletionCost: -3 })] });
  assert.deepEqual(rollout.select(ALL, T0), [slot('n01')]);
  rollout.taskFor(slot('n01'), T0);
  assert.equal(rollout.onSent(slot('n01'), T0)?.choice.deletionCost, -3);
});
