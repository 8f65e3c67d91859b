const KEPT = 512;
/** The order of many values is made anew only when so large a share of them is new: it is asked for after each. */
const STALE_SHARE = 1 / 16;

/** So few are sorted sooner by hand. */
const INSERTED_MAX = 40;

/** Quantiles, the median above all, of the last few values: a handful of stragglers does not move it. */
export class RecentMedian {
  readonly #values: number[] = [];
  #next = 0;
  #sorted = new Float64Array(0);
  #addedSince = 0;

  add(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % KEPT;
    this.#addedSince += 1;
  }

  /** The value that `share` of the last `count` (at most 512) are below, by and large; undefined before the first value. */
  of(count: number, share = 0.5): number | undefined {
    const length = Math.min(count, this.#values.length);
    const changed = this.#addedSince + Math.abs(length - this.#sorted.length);
    if (changed > 0 && changed >= length * STALE_SHARE) this.#sort(length);
    return this.#sorted[Math.floor(this.#sorted.length * share)];
  }

  #sort(length: number): void {
    if (this.#sorted.length !== length) this.#sorted = new Float64Array(length);
    const sorted = this.#sorted;
    for (let index = 0; index < length; index += 1) {
      sorted[index] = this.#values[(this.#next - 1 - index + KEPT) % KEPT] ?? 0;
    }
    if (length > INSERTED_MAX) sorted.sort();
    else sortByInsertion(sorted);
    this.#addedSince = 0;
  }
}

function sortByInsertion(values: Float64Array): void {
  for (let index = 1; index < values.length; index += 1) {
    const value = values[index] ?? 0;
    let place = index;
    for (; place > 0 && (values[place - 1] ?? 0) > value; place -= 1) values[place] = values[place - 1] ?? 0;
    values[place] = value;
  }
}
