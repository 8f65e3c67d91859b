import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { World } from './world.ts';

/** A small generator (mulberry32), so that a world is repeated by its seed. */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

const HOUR_MS = 3_600_000;

const arbWorld = fc.record({
  seed: fc.integer(),
  nodeCount: fc.integer({ min: 1, max: 25 }),
  allowed: fc.integer({ min: 1, max: 6 }),
  minReadySeconds: fc.constantFrom(0, 0, 5),
  lostShare: fc.constantFrom(0, 0.1, 0.5),
  hasNodeFlaps: fc.boolean(),
});

test('rollout in a world: late watches, lost requests, nodes that go away → budget held, everything done, each pod once', () => {
  fc.assert(
    fc.property(arbWorld, (options) => {
      const world = new World({ ...options, badShare: 0, random: generator(options.seed) });
      world.run(6 * HOUR_MS);
      assert.deepEqual(world.violations, []);
      assert.ok(world.worstUnavailable <= options.allowed, `${world.worstUnavailable} were unavailable`);
      assert.equal(world.rollout.counts().settled, options.nodeCount);
      assert.equal(world.deleteCount, options.nodeCount);
      assert.ok([...world.pods.values()].every(({ revisionHash }) => revisionHash === 'new'));
      assert.equal(world.rollout.takeNotices().filter(({ type }) => type === 'completed').length > 0, true);
      assert.equal(world.rollout.nextWakeMs(), undefined);
    }),
    { numRuns: 200 },
  );
});

test('rollout in a world: a version that does not start → stops at the budget by itself', () => {
  fc.assert(
    fc.property(arbWorld, fc.constantFrom(0.3, 1), (options, badShare) => {
      const world = new World({ ...options, badShare, hasNodeFlaps: false, random: generator(options.seed) });
      world.run(6 * HOUR_MS);
      assert.ok(world.worstUnavailable <= options.allowed, `${world.worstUnavailable} were unavailable`);
      const { failed, settled } = world.rollout.counts();
      if (badShare === 1) assert.equal(failed, Math.min(options.allowed, options.nodeCount));
      assert.ok(settled === options.nodeCount || failed === options.allowed || failed + settled === options.nodeCount);
    }),
    { numRuns: 100 },
  );
});
