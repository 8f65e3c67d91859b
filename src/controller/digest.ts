const NAMES_MAX = 10;

export interface SpacingOptions {
  /** Time for others that come together. */
  readonly gatherMs: number;
  /** From one time that it is said to the next; doubles each time. */
  readonly minMs: number;
  readonly maxMs: number;
  /** Without anything to say for so long, the first of these applies again; absent: never. */
  readonly quietMs?: number;
}

/** When what gathers is said: soon, and then less and less often. */
export class Spacing {
  readonly #options: SpacingOptions;
  #dueMs = Number.POSITIVE_INFINITY;
  /** Not before; moves on with each time that it is said. */
  #earliestMs = Number.NEGATIVE_INFINITY;
  #waitMs: number;

  constructor(options: SpacingOptions) {
    this.#options = options;
    this.#waitMs = options.minMs;
  }

  /** Infinity: nothing has come since it was said. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** There is something to say. */
  came(nowMs: number): void {
    const { gatherMs, minMs, quietMs } = this.#options;
    if (quietMs !== undefined && nowMs - this.#earliestMs >= quietMs) this.#waitMs = minMs;
    this.#dueMs = Math.min(this.#dueMs, Math.max(nowMs + gatherMs, this.#earliestMs));
  }

  /** It is said once more, whatever has come. */
  again(): void {
    this.#dueMs = 0;
  }

  said(nowMs: number): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#earliestMs = nowMs + this.#waitMs;
    this.#waitMs = Math.min(this.#options.maxMs, this.#waitMs * 2);
  }
}

/** `1 node`, `3 nodes` */
export function counted(count: number, noun: 'node' | 'pod'): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}

/** `n01, n02 and 7 more`: the first ten of `count` names. */
export function someOf(names: readonly string[], count: number): string {
  const shown = names.slice(0, NAMES_MAX);
  const others = count - shown.length;
  return others === 0 ? shown.join(', ') : `${shown.join(', ')} and ${others} more`;
}
