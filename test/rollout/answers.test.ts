import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Answers, answerText } from '../../src/rollout/answers.ts';
import { Candidates } from '../../src/rollout/candidates.ts';
import { type Answer, NEVER, newSlot, type Slot } from '../../src/rollout/slot-state.ts';
import { cluster, daemonSet, slot as keyOf, outcome, pod, syncedRollout, T0 } from './records.ts';
import { ALL } from './scenario-moves.ts';

function slotOf(node: string): Slot {
  const slot = newSlot(keyOf(node), node, new Candidates().enterZone(''));
  slot.pods = [{ record: pod(node, 'old'), readySinceMs: NEVER, leaving: undefined }];
  return slot;
}

function said(slot: Slot, message: string, code: 'rejected' | 'forbidden' = 'rejected') {
  const uid = `${slot.nodeName}-old`;
  return outcome({ slot: slot.key, namespace: 'x', pod: '', uid, action: 'delete' }, code, { message });
}

const tell = (answer: Answer, slot: Slot): string => answerText(answer, slot, `${slot.nodeName}-old`);

test('answers: the same to 1,000 nodes but for the names of pod and node → kept once, and told as it was said', () => {
  const answers = new Answers();
  const message = (node: string) => `pods "agent-${node}-old" is protected on ${node}: agent-${node}-old, $& $1`;
  const slots = Array.from({ length: 1000 }, (_, index) => slotOf(`node-${index}`));
  const kept = slots.map((slot) => answers.of(slot, said(slot, message(slot.nodeName))));
  assert.equal(new Set(kept).size, 1);
  for (const [index, slot] of slots.entries()) {
    assert.equal(tell(kept[index] ?? assert.fail(), slot), message(slot.nodeName));
  }
});

test('answers: any four texts, with names in them or not → each told as it was said, equal ones kept once', () => {
  const arbSaid = fc.record({
    node: fc.constantFrom('n1', 'n10', 'a', 'agent'),
    code: fc.constantFrom('rejected', 'forbidden'),
    words: fc.constantFrom('agent-n1-old is kept', 'n1', 'no right', ''),
  });
  fc.assert(
    fc.property(fc.array(arbSaid, { maxLength: 4 }), (answersSaid) => {
      const answers = new Answers();
      const kept = answersSaid.map(({ node, code, words }) => {
        const slot = slotOf(node);
        return { slot, code, words, answer: answers.of(slot, said(slot, words, code)) };
      });
      for (const { slot, code, words, answer } of kept) {
        assert.deepEqual([answer.code, tell(answer, slot)], [code, words]);
        const alike = kept.filter((other) => other.code === code && other.answer.text === answer.text);
        assert.equal(new Set(alike.map((other) => other.answer)).size, 1);
      }
    }),
    { numRuns: 500 },
  );
});

test('answers: a new text each time → four are kept, the newest among them, and the words that come again', () => {
  const answers = new Answers();
  const slot = slotOf('n1');
  const hear = (message: string) => answers.of(slot, said(slot, message));
  const again = hear('again');
  const kept = new Set<Answer>();
  for (let request = 0; request < 100; request += 1) {
    const answer = hear(`request ${request} denied`);
    assert.equal(tell(answer, slot), `request ${request} denied`);
    kept.add(answer);
    assert.equal(hear('again'), again);
    assert.equal(tell(again, slot), 'again');
  }
  assert.equal(kept.size, 3);
  assert.notEqual(answers.of(slot, said(slot, 'again', 'forbidden')), again, 'another code is another kind');
});

test('answers: marks of nine nodes are refused, each with its pod in the text → told with the first node and its pod', () => {
  const annotations = { 'apps.openyurt.io/update-strategy': 'OTA' };
  const rollout = syncedRollout({ ...cluster(9), daemonSet: daemonSet({ annotations }) });
  for (const key of rollout.select(ALL, T0).reverse()) {
    const task = rollout.taskFor(key, T0) ?? assert.fail();
    rollout.onSent(key, T0);
    rollout.onOutcome(outcome(task, 'rejected', { message: `${task.pod} is protected` }), T0);
  }
  const [refused] = rollout.refusals();
  assert.deepEqual([refused?.count, refused?.nodes[0], refused?.message], [9, 'n01', 'agent-n01-old is protected']);
  const plan = rollout.plan(T0);
  assert.match(plan[3]?.message ?? '', /^mark was answered rejected: agent-n04-old is protected \(1 s/);
});
