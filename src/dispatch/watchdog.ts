/**
 * Whether a thread that does not answer a ping is to be given up. Pure.
 *
 * It counts the main thread's own turns instead of time: when the whole process was stopped or starved, the clock has moved but
 * the turns have not, and killing every lane for it would be the worst answer.
 */
export interface Silence {
  /** Pings are looked at once an interval; this many looks found no answer to the same ping. */
  readonly looks: number;
  readonly intervalMs: number;
  readonly deadlineMs: number;
  /** Busy share of the thread's event loop since the ping left, 0 to 1. */
  readonly utilization: number;
}

/** An event loop that turns at all is below this; one in an endless loop is at 1. */
const BLOCKED_MIN = 0.9;

/** A silent thread with an idle event loop is not stuck but cut off (or never started); it gets more time, as that is rare. */
const IDLE_FACTOR = 4;

export function isStuck(silence: Silence): boolean {
  const silentMs = silence.looks * silence.intervalMs;
  if (silence.utilization >= BLOCKED_MIN) return silentMs >= silence.deadlineMs;
  return silentMs >= silence.deadlineMs * IDLE_FACTOR;
}
