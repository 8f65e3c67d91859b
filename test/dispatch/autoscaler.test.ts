import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LoadSample, type ScaleReason, scaleLanes, startScaler } from '../../src/dispatch/autoscaler.ts';

const LIMITS = { min: 2, max: 8 };
const INTERVAL_MS = 5000;
/** Tasks a second one lane can do before its event loop is full. */
const LANE_CAPACITY = 1000;

interface Load {
  readonly tasksPerSecond: number;
  /** What the API server does at most. */
  readonly serverCapacity?: number;
  readonly throttledShare?: number;
  readonly isRateLimited?: boolean;
}

/** What lanes would show under a load: a queueing model of a few lines, not the scaler's own rules. */
function sampleOf(load: Load, lanes: number): LoadSample {
  const capacity = Math.min(lanes * LANE_CAPACITY, load.serverCapacity ?? Infinity);
  const tasksPerSecond = Math.min(load.tasksPerSecond, capacity);
  return {
    utilization: Math.min(1, tasksPerSecond / (lanes * LANE_CAPACITY)),
    queueWaitMs: load.tasksPerSecond > capacity || load.isRateLimited === true ? 500 : 2,
    tasksPerSecond,
    throttledShare: load.throttledShare ?? 0,
    isRateLimited: load.isRateLimited ?? false,
  };
}

function run(shape: (second: number) => Load, seconds: number, start = 2, limits = LIMITS) {
  let state = startScaler(start);
  const history: number[] = [];
  const reasons: ScaleReason[] = [];
  for (let nowMs = 0; nowMs < seconds * 1000; nowMs += INTERVAL_MS) {
    const decision = scaleLanes(state, { sample: sampleOf(shape(nowMs / 1000), state.lanes), limits }, nowMs);
    state = decision.state;
    if (decision.lanes !== history.at(-1)) history.push(decision.lanes);
    if (decision.reason !== reasons.at(-1)) reasons.push(decision.reason);
  }
  return { history, reasons };
}

const HOUR = 3600;
const shapes: {
  name: string;
  shape: (second: number) => Load;
  start?: number;
  history: number[];
  reason: ScaleReason;
}[] = [
  { name: 'steady and light', shape: () => ({ tasksPerSecond: 500 }), history: [2], reason: 'steady' },
  {
    name: 'a burst of 8 s every minute',
    shape: (s) => ({ tasksPerSecond: s % 60 < 8 ? 9000 : 100 }),
    history: [2],
    reason: 'steady',
  },
  {
    name: 'a load for 5 lanes, without end',
    shape: () => ({ tasksPerSecond: 4200 }),
    history: [2, 3, 5],
    reason: 'lanes-busy',
  },
  {
    name: 'more than the machine can do',
    shape: () => ({ tasksPerSecond: 50_000 }),
    history: [2, 3, 5, 8],
    reason: 'at-max',
  },
  {
    name: 'a ramp up over half an hour and down again',
    shape: (s) => ({ tasksPerSecond: s < 1800 ? s * 2 : Math.max(0, (3600 - s) * 2) }),
    history: [2, 3, 5, 4, 3],
    reason: 'lanes-idle',
  },
  {
    name: 'the API server is slow',
    shape: () => ({ tasksPerSecond: 9000, serverCapacity: 200 }),
    history: [2],
    reason: 'api-server',
  },
  {
    name: 'the API server throttles while lanes are busy',
    shape: () => ({ tasksPerSecond: 9000, throttledShare: 0.2 }),
    history: [2],
    reason: 'api-server',
  },
  {
    name: 'the rate limit is what work waits for',
    shape: () => ({ tasksPerSecond: 1900, isRateLimited: true }),
    history: [2],
    reason: 'rate-limit',
  },
  {
    name: 'lanes are busy, but the API server cannot do more',
    shape: () => ({ tasksPerSecond: 9000, serverCapacity: 2000 }),
    history: [2, 3, 2, 3, 2, 3, 2],
    reason: 'no-gain',
  },
  {
    name: 'idle with more lanes than the cluster needs',
    shape: () => ({ tasksPerSecond: 0 }),
    start: 6,
    history: [6, 5, 4, 3, 2],
    reason: 'lanes-idle',
  },
];
for (const { name, shape, start = 2, history, reason } of shapes) {
  test(`autoscaler: ${name} → ${history.join(', ')}`, () => {
    const seen = run(shape, HOUR, start);
    assert.deepEqual(seen.history, history);
    assert.ok(seen.reasons.includes(reason), `${seen.reasons}`);
  });
}

test('autoscaler: the load lies between n and n + 1 lanes for hours → no flapping', () => {
  const { history } = run((s) => ({ tasksPerSecond: 2000 + 300 * Math.sin(s / 50) }), 4 * HOUR);
  assert.ok(history.length <= 3, `${history}`);
});

test('autoscaler: the cluster grew past a lane, or the limit fell → follows at once and says so', () => {
  const sample = sampleOf({ tasksPerSecond: 0 }, 2);
  const grown = scaleLanes(startScaler(2), { sample, limits: { min: 4, max: 8 } }, 0);
  assert.deepEqual([grown.lanes, grown.reason], [4, 'cluster']);
  const cut = scaleLanes(grown.state, { sample, limits: { min: 2, max: 3 } }, 1);
  assert.deepEqual([cut.lanes, cut.reason], [3, 'cluster']);
});
