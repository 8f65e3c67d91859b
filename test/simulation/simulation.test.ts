import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstDifference } from './determinism.ts';
import { MUTANTS } from './mutant-list.ts';
import { hunt, misfits } from './mutants.ts';
import { runSeed } from './run.ts';
import { commandOf, KINDS } from './spec.ts';

/** As many as it takes for every kind of trouble to happen, and some; `npm run sim` has as many as one wants. */
const SEEDS = 80;
const GROUP = 20;

const happened = new Set<string>();
let [deletes, marks] = [0, 0];

for (let first = 1; first <= SEEDS; first += GROUP) {
  test(`simulation: seeds ${first} to ${first + GROUP - 1} → every rule holds, and everything settles`, () => {
    for (let seed = first; seed < first + GROUP; seed += 1) {
      const report = runSeed(seed);
      const { failure } = report;
      assert.equal(failure, undefined, `${failure?.rule}: ${failure?.message}\nrepeat: ${commandOf(seed)}`);
      for (const kind of report.tally.keys()) happened.add(kind);
      deletes += report.deletes;
      marks += report.marks;
    }
  });
}

test('simulation: those seeds → deletions, marks and every kind of trouble did happen, two leaders and stale views too', () => {
  assert.ok(deletes > 200 && marks > 200, `${deletes} deletions, ${marks} marks`);
  assert.deepEqual([...happened].sort(), [...KINDS, 'both-lead', 'stale-view'].sort());
});

test('simulation: the same seed twice → the same happenings; another seed → others', () => {
  for (const seed of [2, 4, 20, 91]) assert.equal(firstDifference(seed), '', commandOf(seed));
  assert.notEqual(runSeed(2).hash, runSeed(3).hash);
});

test('planted bugs: what they change → is what the program exports', async () => {
  assert.deepEqual((await Promise.all(MUTANTS.map(misfits))).flat(), []);
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
});

/** One for the checker's knowledge, one for its rules about writes and about the view each, one for the calm phase; `npm run sim:mutants` has all. */
for (const [name, first] of [
  ['no-uid-precondition', 1],
  ['unavailable-all-at-once', 1],
  ['page-confirms', 1],
  ['failed-in-limits', 1],
  ['gone-is-retried', 21],
] as const) {
  test(`planted bug: ${name} → found by the rule that is meant to`, async () => {
    const mutant = MUTANTS.find((candidate) => candidate.name === name);
    assert.ok(mutant !== undefined);
    const verdict = await hunt(mutant, 50, first);
    assert.equal(verdict.rule, mutant.rule, verdict.problem);
  });
}
