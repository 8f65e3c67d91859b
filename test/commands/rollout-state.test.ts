import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LedRollout, stateOf, warningsOf } from '../../src/commands/rollout-state.ts';
import type { RolloutCounts } from '../../src/rollout/counts.ts';

const COUNTS: RolloutCounts = {
  eligible: 1000,
  ready: 990,
  updated: 500,
  available: 890,
  unavailable: 100,
  inFlight: 100,
  reserved: 0,
  skippedNotReady: 10,
  failed: 0,
  waiting: 390,
  repeated: 0,
  refused: 0,
  settled: 500,
  allowed: 100,
  window: 100,
  targetHash: 'h2',
  targetCreatedAtMs: 1_000,
  strategy: 'AdvancedRollingUpdate',
};
const NOW_MS = 31_000;

function led(changes: Partial<NonNullable<LedRollout>> = {}): LedRollout {
  const pace = { phase: 'steady', window: 100, reason: 'enough', ratePerSecond: 49 };
  return { daemonSet: 'edge/agent', allowed: 100, pace, ...changes };
}

const states: readonly { name: string; counts?: Partial<RolloutCounts>; led?: LedRollout; state: string }[] = [
  { name: 'it goes on', led: led(), state: '30s so far, about 10s left' },
  { name: 'no leader is reached', state: '30s so far' },
  {
    name: 'nothing comes back',
    led: led({ pace: { phase: 'stalled', window: 1, reason: 'nothing comes back', ratePerSecond: 0 } }),
    state: '30s so far',
  },
  { name: 'every node has it', counts: { waiting: 0, inFlight: 0, skippedNotReady: 0 }, state: 'done' },
  { name: 'some are away', counts: { waiting: 0, inFlight: 0 }, state: 'done, but for NotReady nodes' },
  { name: 'the view is stale', led: led({ blocked: 'stale: nodes' }), state: 'blocked' },
  { name: 'the newest revision is not known', counts: { targetHash: undefined }, state: 'no revision yet' },
  {
    name: 'failed nodes use the budget up',
    counts: { failed: 100 },
    led: led(),
    state: '30s so far, stopped by failed nodes',
  },
  {
    name: 'the leader has seen them fail, and it cannot be seen from here',
    led: led({ failures: { 'not-created': 60, 'stuck-terminating': 40 } }),
    state: '30s so far, stopped by failed nodes',
  },
  { name: 'only failed nodes are left', counts: { waiting: 0, failed: 100 }, state: '30s so far, failed nodes left' },
  { name: 'deletions are refused', led: led({ refused: 1 }), state: '30s so far, writes are refused' },
];
for (const { name, counts, led: leader, state } of states) {
  test(`state: ${name} → ${state}`, () => {
    assert.equal(stateOf({ ...COUNTS, ...counts }, leader, NOW_MS), state);
  });
}

test('warnings: failed, refused and repeated nodes → what is so and where more is told; the leader knows best', () => {
  const leader = led({ failures: { 'not-created': 3 }, refused: 2, repeated: 1 });
  const [failed = '', refused = '', repeated = '', ...others] = warningsOf('edge/agent', { 'crash-loop': 1 }, leader);
  assert.match(failed, /^edge\/agent: failed nodes: 3 not-created; "daemonpodupdater plan agent -n edge" and/);
  assert.match(refused, /^edge\/agent: the API server refuses writes .* WriteForbidden and WriteRejected/);
  assert.match(repeated, /^edge\/agent: 1 nodes? .* ReplacementRepeated$/);
  assert.deepEqual(others, []);
  assert.match(warningsOf('edge/agent', { 'crash-loop': 1 }, undefined)[0] ?? '', /failed nodes: 1 crash-loop;/);
  assert.deepEqual(warningsOf('edge/agent', {}, led()), []);
});
