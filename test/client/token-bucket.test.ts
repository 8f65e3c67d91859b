import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TokenBucket } from '../../src/client/token-bucket.ts';

test('token bucket: burst, then qps → as many as that', () => {
  const bucket = new TokenBucket(10, 3);
  assert.deepEqual(
    [0, 0, 0, 0].map((at) => bucket.tryTake(at)),
    [true, true, true, false],
  );
  assert.equal(bucket.nextAtMs(0), 100);
  assert.equal(bucket.tryTake(99), false);
  assert.equal(bucket.tryTake(100), true);
  assert.equal(bucket.tryTake(100), false);
});

test('token bucket: qps 0 → everything', () => {
  const bucket = new TokenBucket(0, 1);
  for (let i = 0; i < 1000; i++) assert.equal(bucket.tryTake(5), true);
  assert.equal(bucket.nextAtMs(5), 5);
});

test('token bucket: time that runs backwards → no tokens from it', () => {
  const bucket = new TokenBucket(1, 1);
  assert.equal(bucket.tryTake(1000), true);
  assert.equal(bucket.tryTake(0), false);
  assert.equal(bucket.tryTake(1000), false);
  assert.equal(bucket.tryTake(2000), true);
});

test('token bucket: not a number, negative, or no burst → RangeError', () => {
  for (const [qps, burst] of [
    [-1, 1],
    [Number.NaN, 1],
    [1, 0],
  ] as const) {
    assert.throws(() => new TokenBucket(qps, burst), RangeError);
  }
});

test('token bucket: any times → never more than burst + qps × time; at nextAtMs there is one', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 200 }),
      (qps, burst, steps) => {
        const bucket = new TokenBucket(qps, burst);
        let nowMs = 0;
        let taken = 0;
        for (const step of steps) {
          nowMs += step;
          if (bucket.tryTake(nowMs)) taken++;
          assert.ok(taken <= burst + (qps * nowMs) / 1000 + 1e-6);
        }
        assert.equal(bucket.tryTake(bucket.nextAtMs(nowMs) + 1e-6), true);
      },
    ),
  );
});
