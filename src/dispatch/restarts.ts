/**
 * When a dead lane is replaced, and when to stop believing in it. Pure.
 *
 * 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, then 10 s: the first replacement is there in about the time a thread needs to start, and a
 * lane that cannot live costs one start every 10 s.
 */
const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 10_000;
/** A lane that lived this long starts over with its first delay. */
const STABLE_MS = 60_000;
/** Deaths in a row after which the lane counts as unhealthy: by then it was down for 3 s out of a few more. */
const DEATHS_MAX = 5;

export interface Restarts {
  /** Deaths, each within STABLE_MS of its start. */
  readonly deathsInARow: number;
  readonly deaths: number;
  readonly startedAtMs: number;
}

export function firstStart(nowMs: number): Restarts {
  return { deathsInARow: 0, deaths: 0, startedAtMs: nowMs };
}

export function died(restarts: Restarts, nowMs: number): { restarts: Restarts; delayMs: number } {
  const wasStable = nowMs - restarts.startedAtMs >= STABLE_MS;
  const before = wasStable ? 0 : restarts.deathsInARow;
  const delayMs = Math.min(RESTART_MAX_MS, RESTART_MIN_MS * 2 ** Math.min(before, 10));
  return {
    restarts: {
      deathsInARow: before + 1,
      deaths: restarts.deaths + 1,
      startedAtMs: nowMs + delayMs,
    },
    delayMs,
  };
}

export function isUnhealthy(restarts: Restarts, nowMs: number): boolean {
  return restarts.deathsInARow >= DEATHS_MAX && nowMs - restarts.startedAtMs < STABLE_MS;
}
