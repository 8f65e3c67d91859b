import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DelayEvent, DelayLimit } from '../../src/rollout/pace-delay-limit.ts';
import { RecentMedian } from '../../src/rollout/pace-recent-median.ts';
import { Tally } from '../../src/rollout/pace-tally.ts';

function newLimit(): DelayLimit {
  const options = { sampleCount: 10, undisturbedShare: 0.5, isSkewed: false, startShare: 0.5, gain: 0.4 };
  return new DelayLimit({ start: 20, ...options });
}

/** Events a tenth of a second apart. */
function observe(limit: DelayLimit, count: number, event: Partial<DelayEvent>, fromMs = 0): void {
  for (let index = 1; index <= count; index += 1) {
    const nowMs = fromMs + index * 100;
    limit.observe({ delayMs: 100, allowanceMs: 100, roundMs: 200, underWay: 0, isLimiting: true, ...event, nowMs });
  }
}

test('delay limit: short delays at the start → one more for each', () => {
  const limit = newLimit();
  observe(limit, 30, {});
  assert.equal(limit.limit, 50);
  assert.equal(limit.isStarting, true);
  assert.equal(limit.undisturbedMs, 100);
});

test('delay limit: not what holds others back → it does not grow', () => {
  const limit = newLimit();
  observe(limit, 30, { isLimiting: false });
  assert.equal(limit.limit, 20);
  observe(limit, 10, { delayMs: 180 }, 3000);
  assert.equal(limit.isStarting, false);
  const before = limit.limit;
  observe(limit, 100, { delayMs: 110, isLimiting: false }, 4000);
  assert.equal(limit.limit, before);
});

test('delay limit: delay between the undisturbed one and the target → grows, at the target → stays, above → shrinks', () => {
  for (const [delayMs, direction] of [
    [150, 1],
    [200, 0],
    [250, -1],
  ] as const) {
    const limit = newLimit();
    observe(limit, 20, {});
    observe(limit, 10, { delayMs: 180 }, 2000);
    assert.equal(limit.isStarting, false);
    const before = limit.limit;
    observe(limit, 5, { delayMs }, 3000);
    assert.equal(Math.sign(limit.limit - before), direction, `${delayMs} ms`);
  }
});

test('delay limit: much lower and the delay as long as before → that delay is the undisturbed one', () => {
  const limit = newLimit();
  observe(limit, 40, {});
  observe(limit, 60, { delayMs: 1000 }, 4000);
  assert.equal(limit.undisturbedMs, 1000);
  assert.equal(limit.isStarting, true);
  assert.ok(limit.limit >= 20, `${limit.limit}`);
});

test('delay limit: much lower and the delay shorter → it goes on, and never under its least', () => {
  const limit = newLimit();
  observe(limit, 40, {});
  for (let index = 1; index <= 400; index += 1) {
    observe(limit, 1, { delayMs: 40 * limit.limit }, 4000 + index * 100);
  }
  assert.equal(limit.undisturbedMs, 100);
  assert.ok(limit.limit >= 4 && limit.limit <= 6, `${limit.limit}`);
});

test('recent median: of the last few, in any order', () => {
  const recent = new RecentMedian();
  assert.equal(recent.of(3), undefined);
  for (const value of [9, 1, 5, 7, 3]) recent.add(value);
  assert.equal(recent.of(3), 5);
  assert.equal(recent.of(100), 5);
  assert.equal(recent.of(1), 3);
  assert.equal(recent.of(5, 0.25), 3);
  for (let index = 0; index < 1000; index += 1) recent.add(index);
  assert.equal(recent.of(101), 949);
});

test('tally: events since a time → to within a bucket, for a quarter of an hour', () => {
  const tally = new Tally();
  assert.equal(tally.since(0), 0);
  for (let nowMs = 0; nowMs < 2_000_000; nowMs += 100) tally.add(nowMs);
  assert.equal(tally.since(2_000_000), 0);
  assert.equal(tally.since(1_999_000), 10);
  assert.equal(tally.since(1_400_000), 6000);
  assert.ok(tally.since(0) < 11_000, `${tally.since(0)} are remembered`);
});
