/**
 * Lets so many lists of one kind be under way at a time; the others wait in their order. One that has not ended in time (nobody
 * answers, or it has to wait before it is tried again) holds up nobody any longer.
 */
export class ListGate<Key> {
  readonly #options: { readonly max: number; readonly turnMs: number };
  readonly #open = new Map<Key, NodeJS.Timeout>();
  readonly #waiting = new Map<Key, () => void>();

  constructor(options: { readonly max: number; readonly turnMs: number }) {
    this.#options = options;
  }

  /** `begin` is called in its turn, which may be now. Whoever waits keeps its place, with what it has to begin last. */
  enter(key: Key, begin: () => void): void {
    this.#waiting.set(key, begin);
    this.#admit();
  }

  /** It is over, one way or the other. */
  leave(key: Key): void {
    clearTimeout(this.#open.get(key));
    if (this.#open.delete(key)) this.#admit();
  }

  /** Nobody wants it any more. */
  forget(key: Key): void {
    this.#waiting.delete(key);
    this.leave(key);
  }

  isWaiting(key: Key): boolean {
    return this.#waiting.has(key);
  }

  #admit(): void {
    for (const [key, begin] of this.#waiting) {
      if (this.#open.size >= this.#options.max) return;
      this.#waiting.delete(key);
      clearTimeout(this.#open.get(key));
      this.#open.set(key, setTimeout(() => this.leave(key), this.#options.turnMs).unref());
      begin();
    }
  }
}
