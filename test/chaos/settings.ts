import { randomInt } from 'node:crypto';

/** Fewer while developing: `CHAOS_NODES=100 npm run test:chaos`. */
export const NODES = Number(process.env.CHAOS_NODES ?? 500);
/** What is drawn is printed and can be drawn again; the timing of real processes cannot. */
export const SEED = Number(process.env.CHAOS_SEED ?? randomInt(1, 1_000_000));

/** A number of nodes, as so many percent of all of them. */
export function percent(share: number): number {
  return Math.ceil((NODES * share) / 100);
}

/** In [0, 1), repeatable (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  between(min: number, max: number): number {
    return min + this.next() * (max - min);
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.next() * items.length)];
  }

  /** So many different ones of the items, or all of them. */
  sample<T>(items: readonly T[], count: number): T[] {
    const left = [...items];
    const taken: T[] = [];
    while (taken.length < count && left.length > 0)
      taken.push(...left.splice(Math.floor(this.next() * left.length), 1));
    return taken;
  }
}
