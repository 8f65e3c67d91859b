import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_ELECTION_TIMINGS } from '../../src/election/lease.ts';
import { ElectionWorld } from './model-lease-store.ts';

const MINUTE_MS = 60_000;

/** Any two rates within [0.85, 1.2] differ by less than 15/10, which is what the timings tolerate. */
const clockRate = fc.double({ min: 0.85, max: 1.2, noNaN: true });
const world = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  timings: fc.constant(DEFAULT_ELECTION_TIMINGS),
  clockRates: fc.array(clockRate, { minLength: 2, maxLength: 3 }),
  lossProbability: fc.double({ min: 0, max: 0.5, noNaN: true }),
  slowProbability: fc.double({ min: 0, max: 0.5, noNaN: true }),
  pauseProbability: fc.double({ min: 0, max: 0.1, noNaN: true }),
  releaseProbability: fc.constantFrom(0, 0.002),
});

test('election: drifting clocks, lost, slow and late requests, pauses → two never may write at the same time', () => {
  let terms = 0;
  fc.assert(
    fc.property(world, (options) => {
      const run = new ElectionWorld(options);
      run.runUntil(15 * MINUTE_MS);
      terms += run.terms;
      assert.deepEqual(run.overlaps, []);
    }),
    { numRuns: 500, verbose: true },
  );
  assert.ok(terms > 1000, `the runs must hold many terms of office, had ${terms}`);
});

test('election: faults end → within a lease, its retries and a pause there is exactly one leader', () => {
  fc.assert(
    fc.property(world, (options) => {
      const run = new ElectionWorld({ ...options, releaseProbability: 0 });
      run.runUntil(5 * MINUTE_MS);
      run.isFaulty = false;
      // 30 s pause and 25 s delay under way, the lease on a slow clock, three jittered retries.
      run.runUntil(7 * MINUTE_MS);
      assert.equal(run.leaders(), 1);
    }),
    { numRuns: 200, verbose: true },
  );
});
