import assert from 'node:assert/strict';

/**
 * A first-in, first-out set: O(1) push, shift and delete.
 *
 * A Set alone would do, but `set.values().next()` starts over at the first bucket and walks past every deleted entry, so
 * emptying a large set from the front is quadratic. One iterator kept alive continues where it stopped, and it sees what is pushed later.
 */
export class Fifo<T> {
  readonly #items = new Set<T>();
  /** Stands before the first item that is left; undefined when there is none. */
  #front: SetIterator<T> | undefined;

  get size(): number {
    return this.#items.size;
  }

  has(item: T): boolean {
    return this.#items.has(item);
  }

  /** Keeps its place when it is already in. */
  push(item: T): void {
    this.#items.add(item);
  }

  shift(): T | undefined {
    if (this.#items.size === 0) return undefined;
    this.#front ??= this.#items.values();
    const next = this.#front.next();
    assert.ok(next.done !== true, 'what was shifted is deleted, so all that is left lies ahead');
    this.delete(next.value);
    return next.value;
  }

  delete(item: T): boolean {
    const wasIn = this.#items.delete(item);
    if (this.#items.size === 0) this.#front = undefined;
    return wasIn;
  }

  values(): Iterable<T> {
    return this.#items.values();
  }
}
