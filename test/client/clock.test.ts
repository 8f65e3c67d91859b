import assert from 'node:assert/strict';
import { test } from 'node:test';
import { elapsedMs, monotonicMs, wallMs, wallOf } from '../../src/clock.ts';

const HOUR_MS = 3_600_000;

test('trust 18: the wall clock jumps ahead of the monotonic one → that time has passed for what grows old; set back → nothing', (t) => {
  const before = elapsedMs() - monotonicMs();
  let aheadMs = HOUR_MS;
  const { now } = Date;
  t.mock.method(Date, 'now', () => now() + aheadMs);
  const passed = () => Math.round((elapsedMs() - monotonicMs() - before) / 1000);
  assert.equal(passed(), 3_600);
  assert.equal(passed(), 3_600, 'once');
  aheadMs = 0;
  assert.equal(passed(), 3_600, 'it never steps back');
  aheadMs = 60_000;
  assert.equal(passed(), 3_660);
});

test('trust 18: the wall clock is corrected after the start → times for others follow it, the monotonic clock does not', (t) => {
  const startedMs = monotonicMs();
  const { now } = Date;
  t.mock.method(Date, 'now', () => now() - HOUR_MS);
  assert.ok(Math.abs(wallOf(monotonicMs()) - wallMs()) < 1_000);
  assert.ok(monotonicMs() >= startedMs);
});
