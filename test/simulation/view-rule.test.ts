import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NODES_VIEW, podsView } from '../../src/controller/view-losses.ts';
import { daemonSetKey, slotKey } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';
import { type Delivery, ViewRule } from './view-rule.ts';

const AGENT = daemonSetKey('default', 'agent');
const OTHER = daemonSetKey('default', 'other');

/** What the network brings the pods of one DaemonSet, and when; then what may be decided. */
function history(deliveries: readonly (readonly [atMs: number, what: Delivery])[]) {
  const process = { nowMs: 0 };
  const rule = new ViewRule(process);
  rule.open(NODES_VIEW)('event');
  const take = rule.open(podsView(AGENT));
  for (const [atMs, what] of deliveries) {
    process.nowMs = atMs;
    take(what);
  }
  const judge = (atMs: number, action: 'delete' | 'observe' = 'delete', key = AGENT): string => {
    process.nowMs = atMs;
    const task: Task = { slot: slotKey(key, 'n1'), namespace: 'default', pod: 'p', uid: 'u', action };
    return rule.judge(task);
  };
  return { judge };
}

test('view rule: failing → stale 61 s after the first failure, for its DaemonSet and not for reads; an event ends it', () => {
  const { judge } = history([
    [1000, 'failed'],
    [50_000, 'failed'],
  ]);
  assert.equal(judge(61_999), '');
  assert.equal(judge(62_000), 'pods of default/agent have failed for 61000 ms');
  assert.equal(judge(62_000, 'observe'), '');
  assert.equal(judge(62_000, 'delete', OTHER), '');
  const over = history([
    [1000, 'failed'],
    [61_000, 'event'],
  ]);
  assert.equal(over.judge(62_000), '');
});

test('view rule: failing, and accepted or heard meanwhile → a second of an open watch confirms, less or a page does not', () => {
  const verdict = (...deliveries: (readonly [number, Delivery])[]) =>
    history([[0, 'failed'], ...deliveries]).judge(61_000) !== '';
  assert.equal(verdict([40_000, 'accepted'], [40_999, 'ended']), true);
  assert.equal(verdict([40_000, 'accepted'], [41_000, 'failed']), false);
  assert.equal(verdict([60_000, 'accepted']), false);
  assert.equal(verdict([60_001, 'accepted']), true);
  assert.equal(verdict([60_000, 'page']), true);
});

test('view rule: silent → stale after 151 s; nodes are everybody’s', () => {
  const { judge } = history([[100_000, 'page']]);
  assert.equal(judge(150_999), '');
  assert.equal(judge(151_000), 'nodes have been silent for 151000 ms');
  assert.match(judge(151_000, 'delete', OTHER), /^nodes/);
});

test('view rule: a turn that finds it stale, and an event → stale for another second; counted once', () => {
  const process = { nowMs: 0 };
  const rule = new ViewRule(process);
  const take = rule.open(podsView(AGENT));
  take('failed');
  process.nowMs = 61_000;
  assert.deepEqual([rule.onTurn(), rule.onTurn()], [1, 0]);
  take('event');
  const task: Task = { slot: slotKey(AGENT, 'n1'), namespace: 'default', pod: 'p', uid: 'u', action: 'delete' };
  process.nowMs = 61_999;
  assert.equal(rule.judge(task), 'pods of default/agent were stale 999 ms ago');
  process.nowMs = 62_000;
  assert.equal(rule.judge(task), '');
});
