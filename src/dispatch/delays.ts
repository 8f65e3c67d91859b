import type { SlotKey } from '../protocol/slot.ts';
import { MinHeap } from './min-heap.ts';

interface Delay {
  readonly slot: SlotKey;
  readonly readyAtMs: number;
  /** Breaks ties: first in, first out. */
  readonly sequence: number;
}

/** Slots that wait for a time. A slot has one time; setting it again replaces it. */
export class Delays {
  /** May hold superseded entries, which are skipped; never more of them than there are valid ones (plus a few). */
  #heap = newHeap();
  /** Exactly the entries that count. */
  readonly #current = new Map<SlotKey, Delay>();
  #sequence = 0;

  get size(): number {
    return this.#current.size;
  }

  has(slot: SlotKey): boolean {
    return this.#current.has(slot);
  }

  set(slot: SlotKey, readyAtMs: number): void {
    const delay: Delay = { slot, readyAtMs, sequence: this.#sequence++ };
    this.#current.set(slot, delay);
    this.#heap.push(delay);
    if (this.#heap.size > 2 * this.#current.size + 64) this.#compact();
  }

  nextAtMs(): number | undefined {
    return this.#first()?.readyAtMs;
  }

  /** One slot whose time has come, earliest first. */
  shiftReady(nowMs: number): SlotKey | undefined {
    const first = this.#first();
    if (first === undefined || first.readyAtMs > nowMs) return undefined;
    this.#heap.pop();
    this.#current.delete(first.slot);
    return first.slot;
  }

  #first(): Delay | undefined {
    for (;;) {
      const first = this.#heap.peek();
      if (first === undefined || this.#current.get(first.slot) === first) return first;
      this.#heap.pop();
    }
  }

  #compact(): void {
    this.#heap = newHeap();
    for (const delay of this.#current.values()) this.#heap.push(delay);
  }
}

function newHeap(): MinHeap<Delay> {
  return new MinHeap<Delay>((a, b) =>
    a.readyAtMs === b.readyAtMs ? a.sequence < b.sequence : a.readyAtMs < b.readyAtMs,
  );
}
