import type { Unreadable } from './pod-facts.ts';

/** So many unusable objects in one answer are no accident, each one costs time and memory, and what they were cannot be told. */
const LEFT_OUT_MAX = 10_000;
/** Nobody needs more of those that have no name than a few, to tell what is wrong. */
const NAMELESS_MAX = 10;

/** The objects of one list that cannot be used. */
export class LeftOut {
  readonly #objects: Unreadable[] = [];
  #count = 0;
  #namelessCount = 0;

  /** Those with a name, and the first others. */
  get objects(): readonly Unreadable[] {
    return this.#objects;
  }

  /** Why the whole list is refused, when it is one too many. */
  add({ message, object }: Unreadable): string | undefined {
    this.#count += 1;
    if (this.#count > LEFT_OUT_MAX) return `more than ${LEFT_OUT_MAX} objects are unusable`;
    if (object !== undefined) this.#objects.push({ message, object });
    else if (this.#namelessCount < NAMELESS_MAX) {
      this.#namelessCount += 1;
      this.#objects.push({ message });
    }
    return undefined;
  }
}
