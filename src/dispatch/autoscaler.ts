/**
 * How many lanes the load wants, within limits. Pure; fed with one sample every few seconds.
 *
 * More lanes help in one case only: the lanes' own CPU is what work waits for. Then their event loops are busy *and* work
 * waits. Work that waits while the event loops are idle waits for the API server or for the rate limit, and
 * another lane would only wait along with the others.
 */

export interface LoadSample {
  /** Busy share of the lanes' event loops since the last sample, mean over the lanes, 0 to 1. */
  readonly utilization: number;
  /** How long what was taken since the last sample had waited for a lane, mean; or the oldest wait, if longer. */
  readonly queueWaitMs: number;
  readonly tasksPerSecond: number;
  /** Share of the outcomes since the last sample that were `throttled`, 0 to 1. */
  readonly throttledShare: number;
  /** Work waited for a token of the client-side rate limit, with lanes free for it. */
  readonly isRateLimited: boolean;
}

export interface LaneLimits {
  /** `autoLaneCount` of the cluster as it is now. */
  readonly min: number;
  readonly max: number;
}

/**
 * Why the number is what it is.
 *
 * - `cluster`: the minimum for a cluster of this size, or the maximum for this machine, moved.
 * - `lanes-busy`: grown.
 * - `no-gain`: taken back, because as much was done with fewer lanes.
 * - `lanes-idle`: shrunk.
 * - `api-server`, `rate-limit`: work waits, but not for lanes.
 * - `at-max`: lanes are busy, and there are as many as there may be.
 * - `steady`: nothing to do.
 */
export type ScaleReason =
  | 'cluster'
  | 'lanes-busy'
  | 'no-gain'
  | 'lanes-idle'
  | 'api-server'
  | 'rate-limit'
  | 'at-max'
  | 'steady';

/** A growth that has to show what it is good for. */
interface Trial {
  readonly startedAtMs: number;
  readonly lanesBefore: number;
  readonly tasksPerSecondBefore: number;
}

export interface ScalerState {
  readonly lanes: number;
  readonly busySinceMs: number | undefined;
  readonly idleSinceMs: number | undefined;
  readonly trial: Trial | undefined;
  /** No growth before that time. */
  readonly growAgainAtMs: number;
  /** Growths in a row that were taken back. */
  readonly vainGrowths: number;
}

export interface ScaleDecision {
  readonly state: ScalerState;
  readonly lanes: number;
  readonly reason: ScaleReason;
}

/** An event loop this busy adds its own waiting to each request: at 0.75 about three times the service time (1 / (1 - 0.75) - 1). */
const BUSY_UTILIZATION = 0.75;
/** Under this, waiting is the batch size and not a lack of lanes. */
const BUSY_WAIT_MS = 20;
/** One burst is over sooner than a thread is warm. */
const GROW_AFTER_MS = 10_000;
/** Lanes are idle when one less would still be below this; far from BUSY_UTILIZATION, so that n and n - 1 do not alternate. */
const IDLE_UTILIZATION = 0.4;
/** A thread kept for nothing costs some megabytes; one missing at the next wave of a rollout costs time. Waves are minutes apart. */
const SHRINK_AFTER_MS = 5 * 60_000;
/** How long a growth has to show a gain, counted from when the new threads got their first work. */
const TRIAL_MS = 15_000;
const GAIN_MIN = 0.1;
/** Doubled with every growth in a row that gained nothing: 10, 20, 40, 80 minutes. */
const NO_GAIN_HOLD_MS = 10 * 60_000;
const NO_GAIN_DOUBLINGS_MAX = 3;
/** Above this share the API server is refusing work for its own sake, not by accident. */
const THROTTLED_MIN = 0.01;

export function startScaler(lanes: number): ScalerState {
  return { lanes, busySinceMs: undefined, idleSinceMs: undefined, trial: undefined, growAgainAtMs: 0, vainGrowths: 0 };
}

export interface ScaleInput {
  readonly sample: LoadSample;
  readonly limits: LaneLimits;
}

export function scaleLanes(before: ScalerState, input: ScaleInput, nowMs: number): ScaleDecision {
  const { sample, limits } = input;
  const clamped = Math.max(limits.min, Math.min(limits.max, before.lanes));
  if (clamped !== before.lanes) return changed(before, clamped, 'cluster');
  const bottleneck = bottleneckOf(sample);
  const state = noteLoad(before, sample, nowMs);
  if (state.trial !== undefined) return judgeTrial(state, state.trial, { sample, bottleneck, nowMs });
  if (bottleneck !== undefined && bottleneck !== 'lanes-busy') return { state, lanes: state.lanes, reason: bottleneck };
  if (lastedMs(state.busySinceMs, nowMs) >= GROW_AFTER_MS) return grow(state, input, nowMs);
  if (lastedMs(state.idleSinceMs, nowMs) >= SHRINK_AFTER_MS && state.lanes > limits.min) {
    // The next step down needs as long again.
    return changed(state, state.lanes - 1, 'lanes-idle');
  }
  return { state, lanes: state.lanes, reason: 'steady' };
}

/** What work waits for; undefined when it does not wait. */
function bottleneckOf(sample: LoadSample): 'api-server' | 'rate-limit' | 'lanes-busy' | undefined {
  if (sample.throttledShare >= THROTTLED_MIN) return 'api-server';
  if (sample.isRateLimited) return 'rate-limit';
  if (sample.queueWaitMs < BUSY_WAIT_MS) return undefined;
  return sample.utilization >= BUSY_UTILIZATION ? 'lanes-busy' : 'api-server';
}

function noteLoad(state: ScalerState, sample: LoadSample, nowMs: number): ScalerState {
  const isBusy = bottleneckOf(sample) === 'lanes-busy';
  const isIdle = state.lanes > 1 && (sample.utilization * state.lanes) / (state.lanes - 1) < IDLE_UTILIZATION;
  return {
    ...state,
    busySinceMs: isBusy ? (state.busySinceMs ?? nowMs) : undefined,
    idleSinceMs: isIdle ? (state.idleSinceMs ?? nowMs) : undefined,
  };
}

/** By a half: from 2 to 8 in four steps, and no step overshoots by more than the work of the one before. */
function grow(state: ScalerState, input: ScaleInput, nowMs: number): ScaleDecision {
  if (state.lanes >= input.limits.max) return { state, lanes: state.lanes, reason: 'at-max' };
  if (nowMs < state.growAgainAtMs) return { state, lanes: state.lanes, reason: 'no-gain' };
  const lanes = Math.min(input.limits.max, state.lanes + Math.ceil(state.lanes / 2));
  const trial: Trial = {
    startedAtMs: nowMs,
    lanesBefore: state.lanes,
    tasksPerSecondBefore: input.sample.tasksPerSecond,
  };
  return changed({ ...state, trial }, lanes, 'lanes-busy');
}

/** A growth stays if more gets done, or if nothing waits any more. */
function judgeTrial(
  state: ScalerState,
  trial: Trial,
  now: { sample: LoadSample; bottleneck: ReturnType<typeof bottleneckOf>; nowMs: number },
): ScaleDecision {
  if (now.nowMs - trial.startedAtMs < TRIAL_MS) return { state, lanes: state.lanes, reason: 'lanes-busy' };
  const judged: ScalerState = { ...state, trial: undefined, busySinceMs: undefined };
  const hasGained = now.sample.tasksPerSecond >= trial.tasksPerSecondBefore * (1 + GAIN_MIN);
  if (hasGained || now.bottleneck === undefined) {
    return { state: { ...judged, vainGrowths: 0 }, lanes: state.lanes, reason: 'steady' };
  }
  const holdMs = NO_GAIN_HOLD_MS * 2 ** Math.min(state.vainGrowths, NO_GAIN_DOUBLINGS_MAX);
  const held = { ...judged, vainGrowths: state.vainGrowths + 1, growAgainAtMs: now.nowMs + holdMs };
  return changed(held, trial.lanesBefore, 'no-gain');
}

function changed(state: ScalerState, lanes: number, reason: ScaleReason): ScaleDecision {
  const next: ScalerState = { ...state, lanes, busySinceMs: undefined, idleSinceMs: undefined };
  return { state: reason === 'cluster' ? { ...next, trial: undefined } : next, lanes, reason };
}

function lastedMs(sinceMs: number | undefined, nowMs: number): number {
  return sinceMs === undefined ? 0 : nowMs - sinceMs;
}
