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
    seed: 13,
    cause:
      'pods of a new template were told before their revision, taken for old ones, and deleted as soon as they were created',
    mutant: 'ahead-means-old',
  },
  {
    seed: 345,
    cause:
      'a deletion that was not wanted any more (OTA since) was taken back, and its slot not looked at until the next event',
    mutant: 'taken-back-in-silence',
  },
  {
    seed: 11,
    cause: 'a failure that was still to be said when its DaemonSet opted out was due for ever: a pump each millisecond',
    mutant: 'said-for-ever',
  },
  {
    seed: 216,
    cause:
      'after a rollback, with clocks that step and a late watch of revisions, new pods of one node were taken for old ones and deleted without end',
    mutant: 'repeats-at-once',
  },
  {
    seed: 61,
    cause: 'a window that an earlier process had filled asked to be looked at again at infinity, and the timer stayed',
    mutant: 'woken-at-infinity',
  },
  {
    seed: 5,
    cause: 'a node that its new pod had taken down was free again when somebody else deleted that pod',
    mutant: 'failure-forgotten',
  },
  {
    seed: 4,
    cause: 'nodes that had failed and were gone were kept, and named in later events',
    mutant: 'gone-nodes-named',
  },
  {
    seed: 117,
    cause:
      'a watch that was accepted after a second and ended at once counted as open, and confirmed a view that nothing had come for',
    mutant: 'closed-confirms',
  },
  {
    seed: 753,
    cause: 'all marks were refused, two were throttled, and each took the other one back: their backoffs began anew',
    mutant: 'backoff-begins-anew',
  },
  {
    seed: 123,
    cause: 'a pod that could not be read for a while was forgotten, and the deletion on its way to it',
    mutant: 'unreadable-pod-gone',
  },
];

for (const { seed, cause, mutant } of REGRESSIONS) {
  test(`simulation: seed ${seed} (${cause}) → holds`, () => {
    assert.equal(runSeed(seed).failure?.message, undefined);
    assert.ok(MUTANTS.some(({ name }) => name === mutant));
  });
}
