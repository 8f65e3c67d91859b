const KEPT = 512;

/** The median of the last few values: a handful of stragglers does not move it. */
export class RecentMedian {
  readonly #values: number[] = [];
  #next = 0;

  add(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % KEPT;
  }

  /** The value that `share` of the last `count` (at most 512) are below; undefined before the first value. */
  of(count: number, share = 0.5): number | undefined {
    const length = Math.min(count, this.#values.length);
    const sorted = new Float64Array(length);
    for (let index = 0; index < length; index += 1) {
      sorted[index] = this.#values[(this.#next - 1 - index + KEPT) % KEPT] ?? 0;
    }
    return sorted.sort()[Math.floor(length * share)];
  }
}
