import { type IntOrPercent, scaleIntOrPercent } from '../kube/int-or-percent.ts';
import { NEVER } from './slot-state.ts';

/** A rise counts when it has lasted this long. */
const RISES_AFTER_MS = 60_000;

/**
 * How many nodes a percentage is of. It falls at once and rises only to what it was at least in the last minute, so a node that
 * flaps does not make the budget flap, and who comes back is not counted upon before it has stayed.
 */
export class BudgetBase {
  #value: number | undefined;
  #lowest = 0;
  #sinceMs = 0;

  /** The base now that so many nodes can be counted. */
  of(count: number): number {
    return this.#value === undefined ? count : Math.min(this.#value, count);
  }

  observe(count: number, nowMs: number): void {
    if (this.#value === undefined || count < this.#value) {
      this.#set(count, count, nowMs);
      return;
    }
    this.#lowest = Math.min(this.#lowest, count);
    if (nowMs >= this.#sinceMs + RISES_AFTER_MS) this.#set(this.#lowest, count, nowMs);
  }

  /** When it may rise though nothing happens; NEVER: it does not. */
  wakeMs(count: number): number {
    return this.#value !== undefined && count > this.#value ? this.#sinceMs + RISES_AFTER_MS : NEVER;
  }

  #set(value: number, lowest: number, nowMs: number): void {
    this.#value = value;
    this.#lowest = lowest;
    this.#sinceMs = nowMs;
  }
}

/** The bound on U; `baseCount` is what a percentage is of. Never less than one. */
export function allowedUnavailable(maxUnavailable: IntOrPercent, baseCount: number): number {
  return Math.max(1, scaleIntOrPercent(maxUnavailable, baseCount));
}
