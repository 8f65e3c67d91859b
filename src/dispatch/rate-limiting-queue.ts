import type { SlotKey } from '../protocol/slot.ts';
import { backoffMs } from './backoff.ts';
import { DelayingQueue } from './delaying-queue.ts';

/** The delaying queue, with a growing delay for each slot that fails again and again. */
export class RateLimitingQueue {
  readonly delaying: DelayingQueue;
  /** Failures in a row; only slots that have one. */
  readonly #failures = new Map<SlotKey, number>();
  readonly #random: () => number;

  constructor(laneCount: number, random: () => number) {
    this.delaying = new DelayingQueue(laneCount);
    this.#random = random;
  }

  get backingOffCount(): number {
    return this.#failures.size;
  }

  retry(slot: SlotKey, atLeastMs: number, nowMs: number): void {
    const failures = this.#failures.get(slot) ?? 0;
    this.#failures.set(slot, failures + 1);
    this.delaying.addAt(slot, nowMs + backoffMs({ failures, atLeastMs, random: this.#random() }));
  }

  forget(slot: SlotKey): void {
    this.#failures.delete(slot);
  }
}
