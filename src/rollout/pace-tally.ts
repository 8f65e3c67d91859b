import { firstPlace } from './first-place.ts';

const BUCKET_MS = 50;
const KEPT_MS = 15 * 60_000;

/** Counts events so that those since a time can be asked for, in O(log n); forgets what is older than 15 minutes. */
export class Tally {
  #starts: number[] = [];
  /** How many came before each bucket. */
  #before: number[] = [];
  #total = 0;

  add(nowMs: number): void {
    const last = this.#starts.at(-1);
    if (last === undefined || nowMs >= last + BUCKET_MS) {
      this.#starts.push(nowMs);
      this.#before.push(this.#total);
      this.#prune(nowMs);
    }
    this.#total += 1;
  }

  /** To within a bucket of 50 ms. */
  since(fromMs: number): number {
    const before = this.#before[this.#indexOf(fromMs)];
    return before === undefined ? 0 : this.#total - before;
  }

  /** Of the first bucket that starts at `fromMs` or later. */
  #indexOf(fromMs: number): number {
    return firstPlace(this.#starts.length, (place) => (this.#starts[place] ?? 0) < fromMs);
  }

  /** In large steps, because it copies. */
  #prune(nowMs: number): void {
    const old = this.#indexOf(nowMs - KEPT_MS);
    if (old < 1000) return;
    this.#starts = this.#starts.slice(old);
    this.#before = this.#before.slice(old);
  }
}
