import { AdaptivePace } from './adaptive-pace.ts';
import { BIT } from './classify.ts';
import { MaxPace, type Pace, type PaceStatus, type PaceUse } from './pace.ts';
import { NEVER, type Slot } from './slot-state.ts';

/** So long without anything in flight that what was learned may not hold any more. */
const IDLE_MS = 60_000;

type PaceKind = 'adaptive' | 'max';

/**
 * Tells the pace what becomes of the deletions that were decided here. Those of others, and of an earlier process, are in
 * flight too, but when they began was not seen. A new target and a long pause begin with a new pace.
 */
export class PaceFeed {
  /** When the old pod was gone, of each slot that was asked to go and is in flight; NEVER: not yet. */
  readonly #goneAtMs = new Map<Slot, number>();
  #kind: PaceKind = 'adaptive';
  #hash: string | undefined;
  #pace: Pace = new AdaptivePace();
  #busyAtMs = Number.NEGATIVE_INFINITY;
  #wakeMs: number | undefined;

  /** The window for a rollout to `hash`; the budget itself when the pace does not hold anything back. */
  window(policy: { readonly kind: PaceKind; readonly hash: string | undefined }, use: PaceUse): number {
    const { kind, hash } = policy;
    const isIdle = use.inFlight === 0 && use.nowMs - this.#busyAtMs > IDLE_MS;
    if (kind !== this.#kind || hash !== this.#hash || isIdle) {
      this.#kind = kind;
      this.#hash = hash;
      this.#pace = newPace(kind);
    }
    if (use.inFlight > 0 || isIdle) this.#busyAtMs = use.nowMs;
    return this.#pace.window(use);
  }

  /** Somebody else decides from now on: nothing is told any more of what is in flight, and it would seem to have stalled. */
  forget(): void {
    this.#hash = undefined;
    this.#pace = newPace(this.#kind);
  }

  /** Deletions whose end is waited for. */
  get size(): number {
    return this.#goneAtMs.size;
  }

  /** Somebody waits for a larger window. */
  onHeldBack(nowMs: number): void {
    const wakeMs = this.#pace.nextWakeMs(nowMs);
    this.#wakeMs = wakeMs === NEVER ? undefined : wakeMs;
  }

  get wakeMs(): number | undefined {
    return this.#wakeMs;
  }

  /** The window has to be asked for again by now; by whom is not the pace's business. */
  tick(nowMs: number): void {
    if (this.#wakeMs !== undefined && this.#wakeMs <= nowMs) this.#wakeMs = undefined;
  }

  status(nowMs: number): PaceStatus {
    return this.#pace.status(nowMs);
  }

  onDeparture(slot: Slot, nowMs: number): void {
    this.#goneAtMs.set(slot, NEVER);
    this.#pace.onDeparture(nowMs);
  }

  /** After each change of a slot, which was `before` (bits of classify.ts). */
  onChange(slot: Slot, before: number, nowMs: number): void {
    const goneAtMs = this.#goneAtMs.get(slot);
    if (goneAtMs === undefined) return;
    const { mask, replacingSinceMs } = slot;
    const isReplacing = replacingSinceMs !== NEVER;
    if (isReplacing && (before & BIT.pending) !== 0 && (mask & (BIT.pending | BIT.updated)) === BIT.updated) {
      const delayMs = Math.max(0, nowMs - goneAtMs);
      this.#pace.onRecreated({ delayMs, sinceDeletionMs: nowMs - replacingSinceMs }, nowMs);
    }
    if ((mask & BIT.inFlight) !== 0) {
      if (goneAtMs === NEVER && slot.pods.length === 0) this.#goneAtMs.set(slot, nowMs);
      return;
    }
    this.#goneAtMs.delete(slot);
    if (isReplacing && (mask & BIT.settled) !== 0) this.#pace.onCompletion(nowMs - replacingSinceMs, nowMs);
  }
}

function newPace(kind: PaceKind): Pace {
  return kind === 'max' ? new MaxPace() : new AdaptivePace();
}
