import type { Outcome } from '../protocol/outcome.ts';
import { type Answer, type Ask, deletionCostOf, NEVER, type Replacements, type Slot } from './slot-state.ts';

/**
 * A slot whose pods were deleted for the same target again and again waits, because the deletions do not help: the pods that
 * come are taken for old ones, by a mistake of ours or of others (two writers who
 * change the template to and fro).
 *
 * Deletions 1 and 2 for a target are free: one more happens when the DaemonSet controller was late. Then 10, 20, 40, 80, 160 s,
 * and 5 min: at most seven in any 10 min, then twelve an hour.
 */
const REPEATS_FREE = 1;
const REPEAT_MIN_MS = 10_000;
const REPEAT_MAX_MS = 5 * 60_000;
/** Nothing deleted for this long: what comes is not a repetition. Longer than the longest wait, so that waiting ends nothing. */
const FORGET_AFTER_MS = 2 * REPEAT_MAX_MS;

/** 1, 2, 4 … 60 s after a write that the API server refused for good: RBAC or a webhook may be mended at any time. */
const REFUSED_MIN_MS = 1000;
const REFUSED_MAX_MS = 60_000;

/** 2^16 times the least is more than any maximum; without a bound the power would become Infinity. */
const DOUBLINGS_MAX = 16;

/** A deletion of ours, for this target, has taken effect. */
export function noteReplacement(slot: Slot, hash: string, nowMs: number): void {
  const before = slot.replacements;
  if (before === undefined || nowMs - before.atMs >= FORGET_AFTER_MS) {
    slot.replacements = { hash, otherHash: undefined, repeatCount: 0, atMs: nowMs };
    return;
  }
  const otherHash = before.hash === hash ? before.otherHash : before.hash;
  const repeatCount = isTried(before, hash) ? before.repeatCount + 1 : 0;
  slot.replacements = { hash, otherHash, repeatCount, atMs: nowMs };
}

/** Until when the slot waits before its pod is deleted for that target; -NEVER: it need not. */
export function repeatUntilMs({ replacements }: Slot, hash: string | undefined): number {
  if (replacements === undefined || hash === undefined || !isTried(replacements, hash)) return -NEVER;
  const { repeatCount, atMs } = replacements;
  if (repeatCount < REPEATS_FREE) return -NEVER;
  return atMs + doubled(REPEAT_MIN_MS, repeatCount - REPEATS_FREE, REPEAT_MAX_MS);
}

/** How many times a pod of the node was deleted for these targets, without a long pause. */
export function timesReplaced({ replacements }: Slot): number {
  return replacements === undefined ? 0 : 1 + replacements.repeatCount;
}

interface RefusedAnswer {
  readonly outcome: Outcome;
  /** Its words. */
  readonly answer: Answer;
  readonly nowMs: number;
}

/** The API server refused what was asked of the pod. Nothing was written, so the slot gives its place back. */
export function noteRefusal(slot: Slot, action: Ask['action'], refused: RefusedAnswer): void {
  const { answer, nowMs } = refused;
  const { uid, retryAfterMs } = refused.outcome;
  const { refusal: before } = slot;
  const count = before?.uid === uid && before.action === action ? before.count + 1 : 1;
  const untilMs = nowMs + Math.max(retryAfterMs, doubled(REFUSED_MIN_MS, count - 1, REFUSED_MAX_MS));
  slot.refusal = { action, uid, count, untilMs, answer };
}

/** Until when the slot waits before that is tried again; -NEVER: it need not. */
export function refusedUntilMs({ refusal }: Slot, action: Ask['action']): number {
  return refusal?.action === action ? refusal.untilMs : -NEVER;
}

/** Whether the pod that was refused is gone, or on its way out without us. */
export function isRefusalOver({ refusal, pods }: Slot): boolean {
  if (refusal === undefined) return false;
  const wasTerminating = refusal.action === 'force-delete';
  return !pods.some(({ record }) => record.uid === refusal.uid && record.isTerminating === wasTerminating);
}

/** Those that were refused come after all others, the one that has waited longest first: deletion costs are 32-bit numbers. */
export function orderCost(slot: Slot, action: Ask['action']): number {
  const { refusal } = slot;
  if (refusal?.action === action) return 2 ** 32 + refusal.untilMs;
  return action === 'delete' ? deletionCostOf(slot) : 0;
}

/** The last two targets are remembered, for those that take turns. */
function isTried(replacements: Replacements, hash: string): boolean {
  return replacements.hash === hash || replacements.otherHash === hash;
}

function doubled(minMs: number, doublings: number, maxMs: number): number {
  return Math.min(maxMs, minMs * 2 ** Math.min(doublings, DOUBLINGS_MAX));
}
