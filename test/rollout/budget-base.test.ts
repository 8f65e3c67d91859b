import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BudgetBase } from '../../src/rollout/budget-base.ts';

test('trust 4: base, nothing in flight → as many as there are', () => {
  const base = new BudgetBase();
  for (const [count, atMs] of [
    [10, 0],
    [3, 1],
    [12, 2],
  ] as const) {
    base.observe(count, false, atMs);
    assert.equal(base.of(count), count);
  }
});

test('trust 4: base, a node flaps while something is in flight → lower once, and up again when it stayed', () => {
  const base = new BudgetBase();
  base.observe(11, true, 0);
  base.observe(10, true, 1000);
  assert.equal(base.of(10), 10);
  for (let atMs = 2000; atMs < 60_000; atMs += 2000) {
    const count = atMs % 4000 === 0 ? 11 : 10;
    base.observe(count, true, atMs);
    assert.equal(base.of(count), 10);
  }
  base.observe(11, true, 60_500);
  const wakeMs = base.wakeMs(11);
  base.observe(11, true, wakeMs);
  // Within the last minute it still was lower at times.
  assert.equal(base.of(11), 10);
  base.observe(11, true, wakeMs + 60_000);
  assert.equal(base.of(11), 11);
});

test('trust 4: base, most nodes go away while something is in flight → falls at once', () => {
  const base = new BudgetBase();
  base.observe(100, true, 0);
  assert.equal(base.of(10), 10);
  base.observe(10, true, 1);
  base.observe(100, true, 2);
  assert.equal(base.of(100), 10);
});
