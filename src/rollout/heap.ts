/** How a heap orders its items and where each item remembers its place; -1 means that it is in no heap. */
export interface HeapRules<T> {
  readonly isBefore: (left: T, right: T) => boolean;
  readonly placeOf: (item: T) => number;
  readonly setPlace: (item: T, place: number) => void;
}

/**
 * A binary min-heap whose items know their place, so that one can be moved or removed in O(log n) and nothing stale is
 * ever left inside: its size is the number of items that belong there.
 */
export class Heap<T> {
  readonly #rules: HeapRules<T>;
  readonly #items: T[] = [];

  constructor(rules: HeapRules<T>) {
    this.#rules = rules;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  has(item: T): boolean {
    const place = this.#rules.placeOf(item);
    // An index below 0 is no element: the engine looks for a property of that name, slowly.
    return place >= 0 && this.#items[place] === item;
  }

  /** Adds the item, or moves it after its order changed. */
  put(item: T): void {
    const place = this.has(item) ? this.#rules.placeOf(item) : this.#items.length;
    this.#set(place, item);
    this.#siftDown(this.#siftUp(place));
  }

  remove(item: T): void {
    if (!this.has(item)) return;
    const place = this.#rules.placeOf(item);
    this.#rules.setPlace(item, -1);
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#set(place, last);
    this.#siftDown(this.#siftUp(place));
  }

  #set(place: number, item: T): void {
    this.#items[place] = item;
    this.#rules.setPlace(item, place);
  }

  #siftUp(from: number): number {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#swapUnlessOrdered(parent, place)) break;
      place = parent;
    }
    return place;
  }

  #siftDown(from: number): void {
    let place = from;
    for (;;) {
      const left = 2 * place + 1;
      const right = left + 1;
      const least = this.#isBeforeAt(right, left) ? right : left;
      if (!this.#swapUnlessOrdered(place, least)) return;
      place = least;
    }
  }

  #swapUnlessOrdered(upper: number, lower: number): boolean {
    if (!this.#isBeforeAt(lower, upper)) return false;
    const a = this.#items[upper] as T;
    this.#set(upper, this.#items[lower] as T);
    this.#set(lower, a);
    return true;
  }

  #isBeforeAt(left: number, right: number): boolean {
    if (left >= this.#items.length) return false;
    return this.#rules.isBefore(this.#items[left] as T, this.#items[right] as T);
  }
}
