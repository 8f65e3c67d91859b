/** The share of the window that is refilled at once, without waiting for more. */
const SHARE = 0.1;
/** The shortest time between two refills that are smaller. */
const INTERVAL_MS = 250;

/** Both are counts of replacements. */
export interface Places {
  /** May begin now. */
  readonly free: number;
  /** May be under way at a time. */
  readonly size: number;
}

/**
 * When free places in the window are given out: a tenth of it together, or what there is a quarter of a second after the last.
 * Replacements that end one by one, a hundred a second, would each be followed by one deletion: every program that takes part,
 * from this one to the API server and the DaemonSet controller, then pays for many small steps, and all of it takes longer.
 */
export class Refill {
  #lastMs = Number.NEGATIVE_INFINITY;
  #wakeMs: number | undefined;

  /** When free places are given out though not many are; undefined: none is held back. */
  get wakeMs(): number | undefined {
    return this.#wakeMs;
  }

  tick(nowMs: number): void {
    if (this.#wakeMs !== undefined && this.#wakeMs <= nowMs) this.#wakeMs = undefined;
  }

  isDue({ free, size }: Places, nowMs: number): boolean {
    this.#wakeMs = undefined;
    if (free <= 0) return false;
    if (free < size * SHARE && nowMs < this.#lastMs + INTERVAL_MS) {
      this.#wakeMs = this.#lastMs + INTERVAL_MS;
      return false;
    }
    this.#lastMs = nowMs;
    return true;
  }
}
