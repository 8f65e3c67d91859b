import { NEVER } from './slot-state.ts';

/** A rise counts when it has lasted this long. */
const RISES_AFTER_MS = 60_000;

/**
 * How many nodes a percentage is of. While replacements are in flight it falls at once and rises only to what it was at least in
 * the last minute, so a node that flaps does not make the budget flap.
 */
export class BudgetBase {
  #value = 0;
  #lowest = 0;
  #sinceMs = 0;
  #isHeld = false;

  /** The base now that so many nodes could be counted. */
  of(count: number): number {
    return this.#isHeld ? Math.min(this.#value, count) : count;
  }

  /** Takes in how many there are now, and whether anything is in flight. */
  observe(count: number, isBusy: boolean, nowMs: number): void {
    if (!isBusy || !this.#isHeld || count < this.#value) {
      this.#isHeld = isBusy;
      this.#set(count, count, nowMs);
      return;
    }
    this.#lowest = Math.min(this.#lowest, count);
    if (nowMs >= this.#sinceMs + RISES_AFTER_MS) this.#set(this.#lowest, count, nowMs);
  }

  /** When it may rise though nothing happens; NEVER: it does not. */
  wakeMs(count: number): number {
    return this.#isHeld && count > this.#value ? this.#sinceMs + RISES_AFTER_MS : NEVER;
  }

  #set(value: number, lowest: number, nowMs: number): void {
    this.#value = value;
    this.#lowest = lowest;
    this.#sinceMs = nowMs;
  }
}
