import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BudgetBase } from '../../src/rollout/budget-base.ts';

test('trust 4: base, a node flaps → lower once, and up again when it stayed', () => {
  const base = new BudgetBase();
  base.observe(11, 0);
  base.observe(10, 1000);
  assert.equal(base.of(10), 10);
  for (let atMs = 2000; atMs < 60_000; atMs += 2000) {
    const count = atMs % 4000 === 0 ? 11 : 10;
    base.observe(count, atMs);
    assert.equal(base.of(count), 10);
  }
  base.observe(11, 60_500);
  const wakeMs = base.wakeMs(11);
  base.observe(11, wakeMs);
  // Within the last minute it still was lower at times.
  assert.equal(base.of(11), 10);
  base.observe(11, wakeMs + 60_000);
  assert.equal(base.of(11), 11);
});

test('trust 4: base, most nodes go away → falls at once', () => {
  const base = new BudgetBase();
  base.observe(100, 0);
  assert.equal(base.of(10), 10);
  base.observe(10, 1);
  base.observe(100, 2);
  assert.equal(base.of(100), 10);
});
