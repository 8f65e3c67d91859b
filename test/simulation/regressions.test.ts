import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MUTANTS } from './mutant-list.ts';
import { runSeed } from './run.ts';

/**
 * Seeds that found a bug of the program, with its cause. `mutant` plants the same bug again: should a seed have lost its
 * meaning, because what happens in it has changed, `npm run sim:mutants -- --only <mutant>` says which seed finds it now.
 */
interface Regression {
  readonly seed: number;
  readonly cause: string;
  readonly mutant: string;
}

const REGRESSIONS: readonly Regression[] = [
  {
    seed: 30,
    cause:
      'pods of a new template were told before their revision, taken for old ones, and deleted as soon as they were created',
    mutant: 'ahead-means-old',
  },
  {
    seed: 330,
    cause:
      'a deletion that was not wanted any more (OTA since) was taken back, and its slot not looked at until the next event',
    mutant: 'taken-back-in-silence',
  },
  {
    seed: 611,
    cause: 'a failure that was still to be said when its DaemonSet opted out was due for ever: a pump each millisecond',
    mutant: 'said-for-ever',
  },
  {
    seed: 208,
    cause:
      'after a rollback, with clocks that step and a late watch of revisions, new pods of one node were taken for old ones and deleted without end',
    mutant: 'repeats-at-once',
  },
];

for (const { seed, cause, mutant } of REGRESSIONS) {
  test(`simulation: seed ${seed} (${cause}) → holds`, () => {
    assert.equal(runSeed(seed).failure?.message, undefined);
    assert.ok(MUTANTS.some(({ name }) => name === mutant));
  });
}
