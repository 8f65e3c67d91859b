import type { Answer, StepInput } from './step.ts';

/** Until when a task's requests may leave, both on the clock of the process. */
export interface DepartureLimits {
  /** The leader's right to write ends here. */
  readonly writeUntilMs: number;
  /** The task's time is over. */
  readonly deadlineMs: number;
}

export type Departure =
  | { readonly kind: 'leave'; readonly timeoutMs: number }
  | Extract<StepInput, { readonly kind: 'fenced' | 'too-late' }>;

/**
 * Whether a request may leave now, and how long it may take. The time-out of a write ends with the right to write, so that
 * one that waits for a socket does not leave late.
 */
export function departure(isWrite: boolean, limits: DepartureLimits, nowMs: number): Departure {
  if (isWrite && nowMs >= limits.writeUntilMs) return { kind: 'fenced' };
  const endMs = isWrite ? Math.min(limits.deadlineMs, limits.writeUntilMs) : limits.deadlineMs;
  return endMs > nowMs ? { kind: 'leave', timeoutMs: endMs - nowMs } : { kind: 'too-late' };
}

/** A write that waited for a socket until the lease was over did not leave because of that. */
export function returned(
  isWrite: boolean,
  answer: Answer,
  at: DepartureLimits & { readonly nowMs: number },
): StepInput {
  const hasNotLeft = answer.kind === 'failure' && !answer.wasSent;
  return isWrite && hasNotLeft && at.nowMs >= at.writeUntilMs ? { kind: 'fenced' } : answer;
}
