import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdaptivePace } from '../../src/rollout/adaptive-pace.ts';
import { MaxPace } from '../../src/rollout/pace.ts';
import { type ClusterModel, type ModelResult, runModel } from './pace-model.ts';

/** 2,000 nodes; 60 pods a second are recreated, whatever is deleted. */
const CLUSTER: ClusterModel = {
  nodes: 2000,
  budget: 200,
  seed: 7,
  terminationMs: 250,
  startupMs: 1000,
  sigma: 0.3,
  latencyMs: 20,
  recreation: { kind: 'queue', perSecond: 60 },
};

function adaptive(changes: Partial<ClusterModel>): ModelResult {
  return runModel({ ...CLUSTER, ...changes }, new AdaptivePace());
}

function fixed(window: number, changes: Partial<ClusterModel>): ModelResult {
  return runModel({ ...CLUSTER, ...changes, fixedWindow: window }, new MaxPace());
}

/** Between two times. */
function between({ samples }: ModelResult, fromMs: number, toMs: number) {
  const chosen = samples.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  const inFlight = chosen.map((sample) => sample.inFlight);
  const first = chosen[0];
  const last = chosen.at(-1);
  assert.ok(first && last, 'no samples');
  return {
    inFlightMax: Math.max(...inFlight),
    inFlightMean: inFlight.reduce((sum, count) => sum + count, 0) / inFlight.length,
    perSecond: ((last.completed - first.completed) / (last.atMs - first.atMs)) * 1000,
  };
}

/** Wall time and pod-seconds against a window that is known to be good. */
function assertLike(result: ModelResult, good: ModelResult, factors: { wall: number; podSeconds: number }): void {
  const wall = result.wallMs / good.wallMs;
  const podSeconds = result.podSeconds / good.podSeconds;
  assert.ok(wall <= factors.wall, `wall time × ${wall.toFixed(3)}`);
  assert.ok(podSeconds <= factors.podSeconds, `pod-seconds × ${podSeconds.toFixed(3)}`);
}

test('pace: re-creation is the bottleneck → as fast as the whole budget, at the cost of the smallest such window', () => {
  const whole = fixed(200, {});
  assertLike(adaptive({}), { ...whole, podSeconds: fixed(84, {}).podSeconds }, { wall: 1.08, podSeconds: 1.2 });
});

for (const startupMs of [3000, 10_000, 120_000]) {
  test(`pace: start-up takes ${startupMs / 1000} s → the whole budget, and it is reached at once`, () => {
    const result = adaptive({ startupMs });
    assertLike(result, fixed(200, { startupMs }), { wall: 1.05, podSeconds: 1.05 });
    const filled = result.samples.find(({ inFlight }) => inFlight >= 190);
    assert.ok(filled !== undefined && filled.atMs < 6000, `filled at ${filled?.atMs} ms`);
  });
}

test('pace: start-up takes 1 s → never near the whole budget', () => {
  const { inFlightMax } = between(adaptive({}), 0, 30_000);
  assert.ok(inFlightMax < 140, `${inFlightMax} in flight`);
});

test('pace: everything shares two CPUs → up to where a pod is back in 0.75 s, whichever step costs', () => {
  for (const share of [
    { terminate: 0.1, recreate: 0.8, start: 0.1 },
    { terminate: 0.3, recreate: 0.4, start: 0.3 },
    { terminate: 0.15, recreate: 0.15, start: 0.7 },
  ]) {
    const changes = {
      terminationMs: 0,
      startupMs: 0,
      recreation: { kind: 'shared', perSecond: 67, half: 5, share },
    } as const;
    const result = adaptive(changes);
    const { inFlightMean } = between(result, 10_000, 30_000);
    assert.ok(inFlightMean > 40 && inFlightMean < 55, `${inFlightMean.toFixed(1)} in flight with ${share.recreate}`);
    assertLike(result, fixed(46, changes), { wall: 1.03, podSeconds: 1.08 });
  }
});

test('pace: re-creation slows down, then is fast again → the window follows both ways', () => {
  const result = adaptive({
    nodes: 5000,
    startupMs: 500,
    changes: [
      { atMs: 20_000, change: { recreation: { kind: 'queue', perSecond: 15 } } },
      { atMs: 60_000, change: { recreation: { kind: 'queue', perSecond: 120 } } },
    ],
  });
  const slow = between(result, 35_000, 60_000);
  assert.ok(slow.perSecond > 14 && slow.inFlightMean < 30, JSON.stringify(slow));
  const fast = between(result, 70_000, 80_000);
  assert.ok(fast.perSecond > 105 && fast.inFlightMean < 160, JSON.stringify(fast));
});

test('pace: start-up becomes ten times slower in the middle → more in flight, not less', () => {
  const changes = [{ atMs: 15_000, change: { startupMs: 10_000 } }];
  const result = adaptive({ changes });
  assertLike(result, fixed(200, { changes }), { wall: 1.35, podSeconds: 1.05 });
});

test('pace: all in lockstep, so that they come back in bursts → as fast as the whole budget', () => {
  const changes = { sigma: 0, startupMs: 10_000 };
  assertLike(adaptive(changes), fixed(200, changes), { wall: 1.1, podSeconds: 1.05 });
});

test('pace: some start-ups take ten times as long as most → they hold nobody up', () => {
  for (const [startupMs, sigma] of [
    [1000, 0.8],
    [120_000, 1],
  ] as const) {
    const changes = { sigma, startupMs, nodes: 1500 };
    const result = adaptive(changes);
    const doneMs = (run: ModelResult) => run.samples.find(({ completed }) => completed >= 1425)?.atMs ?? Infinity;
    assert.ok(doneMs(result) <= 1.15 * doneMs(fixed(200, changes)), `${doneMs(result)} ms for 95 %`);
  }
});

test('pace: a registry is the bottleneck → as many as it serves, not the whole budget', () => {
  // 20 pods a second get through the start, whatever is asked of it.
  const share = { terminate: 0.02, recreate: 0.02, start: 0.96 };
  const changes = {
    terminationMs: 0,
    startupMs: 300,
    recreation: { kind: 'shared', perSecond: 20, half: 2, share },
  } as const;
  const result = adaptive(changes);
  const { inFlightMean, perSecond } = between(result, 20_000, 90_000);
  assert.ok(inFlightMean < 75, `${inFlightMean.toFixed(1)} in flight`);
  assert.ok(perSecond > 15, `${perSecond.toFixed(1)} pods/s`);
});

test('pace: a twentieth of the new pods never start → they take no place in the window', () => {
  const changes = { failing: 0.05, nodes: 1500 };
  assertLike(adaptive(changes), fixed(200, changes), { wall: 1.1, podSeconds: 1 });
});

test('pace: a twentieth of the old pods never go → they take no place in the window', () => {
  const changes = { stuck: 0.05, nodes: 1500 };
  assertLike(adaptive(changes), fixed(200, changes), { wall: 1.15, podSeconds: 1 });
});

test('pace: the first old pods do not go → others are tried, and the rollout goes on', () => {
  const changes = { stuck: 1, changes: [{ atMs: 1000, change: { stuck: 0 } }] };
  const result = adaptive(changes);
  assert.ok(result.wallMs < 60_000, `${result.wallMs} ms`);
  const whileStuck = between(result, 0, 4900);
  assert.ok(whileStuck.inFlightMax <= 20, `${whileStuck.inFlightMax} in flight`);
});

test('pace: the DaemonSet controller is down for a minute → few pods are missing meanwhile, full speed after', () => {
  const changes = [
    { atMs: 10_000, change: { recreation: { kind: 'queue', perSecond: 1 / 60 } } },
    { atMs: 70_000, change: { recreation: { kind: 'queue', perSecond: 60 } } },
  ] as const;
  const result = adaptive({ changes });
  const { inFlightMax } = between(result, 15_000, 70_000);
  assert.ok(inFlightMax < 80, `${inFlightMax} in flight while nothing comes back`);
  assert.ok(result.wallMs < 140_000, `${result.wallMs} ms`);
});

test('pace: fewer nodes than the window → all of them at once', () => {
  assert.equal(adaptive({ nodes: 12, budget: 12 }).samples[0]?.inFlight, 12);
  assert.equal(adaptive({ nodes: 300, budget: 1 }).peak, 1);
});

test('pace: pods take half a minute to end → the window still opens', () => {
  const changes = { terminationMs: 30_000, sigma: 0.1 };
  assertLike(adaptive(changes), fixed(200, changes), { wall: 1.4, podSeconds: 1.05 });
});

test('pace: re-creations are not told → completions alone do', () => {
  assertLike(adaptive({ isBlind: true }), fixed(84, {}), { wall: 1.2, podSeconds: 1.35 });
  const startupMs = 10_000;
  assertLike(adaptive({ isBlind: true, startupMs }), fixed(200, { startupMs }), { wall: 1.3, podSeconds: 1.05 });
});

test('pace: any of twenty seeds → within bounds', () => {
  const whole = fixed(200, {});
  const small = fixed(84, {});
  for (let seed = 1; seed <= 20; seed += 1) {
    const result = adaptive({ seed });
    assertLike(result, { ...whole, podSeconds: small.podSeconds }, { wall: 1.1, podSeconds: 1.3 });
  }
});

test('pace: max → the whole budget, always', () => {
  const pace = new MaxPace();
  assert.equal(pace.window({ budget: 200, inFlight: 0, pending: 0, failed: 0, waiting: 0, nowMs: 0 }), 200);
  assert.deepEqual(pace.status(), {
    phase: 'max',
    window: 200,
    reason: 'pace is max: the whole budget',
    ratePerSecond: 0,
    undisturbedMs: undefined,
  });
});

test('pace: status → window, rate and reason in words', () => {
  const pace = new AdaptivePace();
  const { samples } = runModel({ ...CLUSTER, untilMs: 20_000 }, pace);
  const { phase, window, reason, ratePerSecond, undisturbedMs } = pace.status(20_000);
  assert.equal(phase, 'steady');
  assert.ok(Math.abs(window - (samples.at(-1)?.window ?? 0)) < 10, `${window}`);
  assert.ok(ratePerSecond > 50 && ratePerSecond < 70, `${ratePerSecond}`);
  assert.ok(undisturbedMs !== undefined && undisturbedMs > 1000 && undisturbedMs < 1600, `${undisturbedMs}`);
  assert.match(reason, /^\d+ of 200: \d\d pods\/s come back, 1\.\d\d s each \(1\.\d\d s when none waits\)$/);
});

test('pace: only pods are left that do not come back → the reason says for how long, and how long it took before', () => {
  const pace = new AdaptivePace();
  runModel({ ...CLUSTER, untilMs: 20_000 }, pace);
  const { phase, reason, ratePerSecond } = pace.status(93_000);
  assert.deepEqual([phase, ratePerSecond], ['stalled', 0]);
  const words =
    /^\d+ of 200: nothing has come back for 73 s, before that 1\.\d\d s each; one more is tried now and then$/;
  assert.match(reason, words);
});

test('pace: fewer are in flight than the window lets go, others failed → no word of more that are tried', () => {
  const pace = new AdaptivePace();
  runModel({ ...CLUSTER, untilMs: 20_000 }, pace);
  pace.window({ budget: 200, inFlight: 2, pending: 2, failed: 2, waiting: 9, nowMs: 20_000 });
  const { phase, reason } = pace.status(50_000);
  assert.equal(phase, 'stalled');
  assert.match(reason, /^\d+ of 200: nothing has come back for 30 s, before that 1\.\d\d s each; 2 nodes failed$/);
});

test('pace: the last ones do not come back, and nobody waits → no word of more that are tried', () => {
  const pace = new AdaptivePace();
  runModel({ ...CLUSTER, untilMs: 20_000 }, pace);
  const use = { budget: 200, inFlight: 80, pending: 80, failed: 0, nowMs: 20_000 };
  for (const waiting of [1, 0]) {
    const window = pace.window({ ...use, waiting });
    assert.ok(window <= 81, `${window}`);
    assert.equal(/tried now and then/.test(pace.status(50_000).reason), waiting > 0);
  }
});

test('pace: the whole budget is out and nothing came back yet → no word of a window that opens', () => {
  const pace = new AdaptivePace();
  for (let node = 0; node < 5; node += 1) pace.onDeparture(0);
  pace.window({ budget: 5, inFlight: 5, pending: 5, failed: 0, waiting: 9, nowMs: 1000 });
  assert.equal(pace.status(1000).reason, 'the whole budget of 5: nothing has come back yet');
});
