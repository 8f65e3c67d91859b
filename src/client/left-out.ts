import type { Unreadable } from './pod-facts.ts';

/** So many unusable objects in one answer are no accident, and each one costs time and memory. */
export const LEFT_OUT_MAX = 10_000;
/** Nobody needs more of those that have no name than a few, to tell what is wrong. */
const NAMELESS_MAX = 10;

/** The objects of one list that cannot be used. */
export class LeftOut {
  readonly #objects: Unreadable[] = [];
  #namelessCount = 0;

  /** Those with a name, and the first others. */
  get objects(): readonly Unreadable[] {
    return this.#objects;
  }

  /** False: it is one too many. */
  add({ message, object }: Unreadable): boolean {
    if (object !== undefined) return this.#objects.push({ message, object }) <= LEFT_OUT_MAX;
    this.#namelessCount += 1;
    if (this.#namelessCount <= NAMELESS_MAX) this.#objects.push({ message });
    return true;
  }

  get namelessCount(): number {
    return this.#namelessCount;
  }
}
