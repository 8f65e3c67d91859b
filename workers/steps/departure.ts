import { rightLeftMs, type WriteRight } from '../../src/protocol/write-right.ts';
import type { Answer, StepInput } from './step.ts';

/** Until when a task's requests may leave: writes as long as the leader's right lasts. */
export interface DepartureLimits extends WriteRight {
  /** The task's time is over, on the clock of the process. */
  readonly deadlineMs: number;
}

export type Departure =
  | { readonly kind: 'leave'; readonly timeoutMs: number }
  | Extract<StepInput, { readonly kind: 'fenced' | 'too-late' }>;

/**
 * Whether a request may leave now, and how long it may take. The time-out of a write ends with the right to write, so that
 * one that waits for a socket does not leave late.
 */
export function departure(isWrite: boolean, limits: DepartureLimits, nowMs: number, wallMs: number): Departure {
  const rightMs = isWrite ? rightLeftMs(limits, nowMs, wallMs) : Number.POSITIVE_INFINITY;
  if (rightMs <= 0) return { kind: 'fenced' };
  const timeoutMs = Math.min(rightMs, limits.deadlineMs - nowMs);
  return timeoutMs > 0 ? { kind: 'leave', timeoutMs } : { kind: 'too-late' };
}

/** A write that waited for a socket until the lease was over did not leave because of that. */
export function returned(
  isWrite: boolean,
  answer: Answer,
  at: DepartureLimits & { readonly nowMs: number; readonly wallMs: number },
): StepInput {
  const hasNotLeft = answer.kind === 'failure' && !answer.wasSent;
  return isWrite && hasNotLeft && rightLeftMs(at, at.nowMs, at.wallMs) <= 0 ? { kind: 'fenced' } : answer;
}
