import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { rateLimit, TokenBucket } from '../../src/protocol/token-bucket.ts';

function shared(qps: number, burst: number, count: number): readonly TokenBucket[] {
  const { memory } = rateLimit(qps, burst);
  return Array.from({ length: count }, () => new TokenBucket(qps, burst, memory));
}

test('trust 20: buckets that share a memory → one takes what another then has not', () => {
  const [a, b] = shared(10, 5, 2) as [TokenBucket, TokenBucket];
  a.charge(3, 1000);
  assert.equal(b.available(1000), 2);
  b.charge(2, 1000);
  assert.equal(a.available(1000), 0);
  assert.equal(a.available(1100), 1);
});

test('trust 20: two wait for the next token → one after the other, in the order in which they asked', () => {
  const [a, b, c] = shared(10, 1, 3) as [TokenBucket, TokenBucket, TokenBucket];
  a.charge(1, 1000);
  assert.equal(b.nextAtMs(1000), 1100);
  assert.equal(c.nextAtMs(1000), 1200);
  assert.equal(b.nextAtMs(1050), 1100, 'asking again changes nothing');
  assert.deepEqual([a.available(1100), b.available(1100), c.available(1100)], [0, 1, 0]);
  b.charge(1, 1100);
  assert.equal(c.available(1200), 1);
});

test('trust 20: a token that was reserved and not taken → none beyond the burst', () => {
  const [a, b] = shared(10, 2, 2) as [TokenBucket, TokenBucket];
  a.charge(2, 1000);
  b.nextAtMs(1000);
  assert.equal(b.available(9000), 2);
  b.charge(2, 9000);
  assert.deepEqual([a.available(9000), b.available(9000)], [0, 0]);
});

test('trust 20: more is taken than there is → later ones wait for it', () => {
  const [a, b] = shared(10, 1, 2) as [TokenBucket, TokenBucket];
  a.charge(3, 1000);
  assert.equal(b.nextAtMs(1000), 1300);
});

test('trust 20: a clock that was far ahead → the others wait for seconds, not until then', () => {
  const [a, b] = shared(10, 1, 2) as [TokenBucket, TokenBucket];
  a.charge(1, 3_600_000);
  const nextAtMs = b.nextAtMs(1000);
  assert.ok(nextAtMs < 1000 + 11_000, `${nextAtMs}`);
});

test('trust 20: any number of threads, any pauses → never more than burst + qps × time, and everybody gets on', () => {
  const step = fc.record({
    who: fc.nat({ max: 3 }),
    passMs: fc.nat({ max: 40 }),
    wanted: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(step, { minLength: 50, maxLength: 300, size: 'max' }),
      (qps, burst, steps) => {
        const buckets = shared(qps, burst, 4);
        let nowMs = 0;
        let taken = 0;
        for (const { who, passMs, wanted } of steps) {
          nowMs += passMs;
          const bucket = buckets[who] as TokenBucket;
          const count = Math.min(wanted, bucket.available(nowMs));
          bucket.charge(count, nowMs);
          taken += count;
          if (count === 0) assert.ok(bucket.nextAtMs(nowMs) > nowMs);
          assert.ok(taken <= burst + (qps * nowMs) / 1000 + 1e-6, `${taken} after ${nowMs} ms`);
        }
        // Those that wait all the time: each of them gets its share.
        const got = [0, 0, 0, 0];
        const endMs = nowMs + (40 * 1000) / qps + 1000;
        for (const bucket of buckets) bucket.nextAtMs(nowMs);
        for (; nowMs <= endMs; nowMs += 1) {
          for (const [index, bucket] of buckets.entries()) {
            if (bucket.available(nowMs) >= 1) {
              bucket.charge(1, nowMs);
              got[index] = (got[index] ?? 0) + 1;
            }
            bucket.nextAtMs(nowMs);
          }
        }
        assert.ok(Math.min(...got) >= 5, got.join());
      },
    ),
    { numRuns: 50 },
  );
});
