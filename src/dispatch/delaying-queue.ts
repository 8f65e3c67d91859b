import type { SlotKey } from '../protocol/slot.ts';
import { Delays } from './delays.ts';
import type { RunReport } from './dispatch-stats.ts';
import { KeyedQueue } from './keyed-queue.ts';

/**
 * The keyed queue, with slots that may be added for a later time. A slot that waits for a time is on no lane and takes no
 * place in one.
 *
 * Unlike client-go's, a request for a slot that waits for its time coalesces with it instead of overtaking: the time is
 * the API server's Retry-After or a backoff, and an event is no reason to ignore either.
 */
export class DelayingQueue {
  readonly queue: KeyedQueue;
  readonly #delays = new Delays();

  constructor(laneCount: number) {
    this.queue = new KeyedQueue(laneCount);
  }

  get delayedCount(): number {
    return this.#delays.size;
  }

  add(slot: SlotKey, nowMs: number): boolean {
    return this.#delays.has(slot) ? false : this.queue.add(slot, nowMs);
  }

  /** Replaces a request that waits for a lane or for another time. */
  addAt(slot: SlotKey, readyAtMs: number): void {
    this.queue.remove(slot);
    this.#delays.set(slot, readyAtMs);
  }

  done(slot: SlotKey, nowMs: number): RunReport {
    return this.queue.done(slot, nowMs);
  }

  /** Queues what has come due; call it before taking. */
  release(nowMs: number): void {
    for (;;) {
      const slot = this.#delays.shiftReady(nowMs);
      if (slot === undefined) return;
      this.queue.add(slot, nowMs);
    }
  }

  nextReleaseMs(): number | undefined {
    return this.#delays.nextAtMs();
  }
}
