import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refill } from '../../src/rollout/refill.ts';

const T0 = 1_000_000;
const SIZE = 200;

/** Has just given out places. */
function refilled(): Refill {
  const refill = new Refill();
  assert.equal(refill.isDue({ free: SIZE, size: SIZE }, T0), true);
  return refill;
}

test('refill: the first place after a quiet time → at once', () => {
  assert.equal(new Refill().isDue({ free: 1, size: SIZE }, T0), true);
  assert.equal(refilled().isDue({ free: 1, size: SIZE }, T0 + 250), true);
});

test('refill: places one by one soon after the last ones → together, a quarter of a second later', () => {
  const refill = refilled();
  assert.equal(refill.isDue({ free: 1, size: SIZE }, T0 + 20), false);
  assert.equal(refill.isDue({ free: 7, size: SIZE }, T0 + 200), false);
  assert.equal(refill.wakeMs, T0 + 250);
  assert.equal(refill.isDue({ free: 9, size: SIZE }, T0 + 250), true);
  assert.equal(refill.wakeMs, undefined);
});

test('refill: the time comes and nobody asks → no wake-up in the past', () => {
  const refill = refilled();
  refill.isDue({ free: 1, size: SIZE }, T0 + 20);
  refill.tick(T0 + 249);
  assert.equal(refill.wakeMs, T0 + 250);
  refill.tick(T0 + 250);
  assert.equal(refill.wakeMs, undefined);
});

test('refill: a tenth of the window is free → without waiting', () => {
  assert.equal(refilled().isDue({ free: 19, size: SIZE }, T0 + 20), false);
  assert.equal(refilled().isDue({ free: 20, size: SIZE }, T0 + 20), true);
});

test('refill: a small window → every place at once', () => {
  const refill = new Refill();
  for (let afterMs = 0; afterMs < 100; afterMs += 1) {
    assert.equal(refill.isDue({ free: 1, size: 10 }, T0 + afterMs), true);
  }
});

test('refill: nothing free → nothing is held back, and the next place does not wait for the others', () => {
  const refill = refilled();
  assert.equal(refill.isDue({ free: 3, size: SIZE }, T0 + 20), false);
  for (const free of [0, -5]) {
    assert.equal(refill.isDue({ free, size: SIZE }, T0 + 30), false);
    assert.equal(refill.wakeMs, undefined);
  }
  assert.equal(refill.isDue({ free: 1, size: SIZE }, T0 + 260), true);
});
