import { BIT, BIT_COUNT } from './classify.ts';

/** How many slots have each bit of classify.ts, kept up to date one slot at a time. */
export class Counters {
  readonly #counts = new Int32Array(BIT_COUNT);

  apply(before: number, after: number): void {
    for (let changed = before ^ after; changed !== 0; changed &= changed - 1) {
      const index = 31 - Math.clz32(changed & -changed);
      this.#counts[index] = (this.#counts[index] ?? 0) + ((after >> index) & 1 ? 1 : -1);
    }
  }

  of(bit: keyof typeof BIT): number {
    return this.#counts[31 - Math.clz32(BIT[bit])] ?? 0;
  }
}
