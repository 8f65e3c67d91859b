import type { Change, Definition } from './definition.ts';
import { type Observation, observePlace } from './observe.ts';
import type { SlotBook } from './slot-book.ts';
import type { Slot } from './slot-state.ts';

/** How many slots may be looked at before others get a turn; shared by all rollouts of a process. */
export interface SlotBudget {
  left: number;
}

export const NO_SLOT_LIMIT: SlotBudget = Object.freeze({ left: Number.POSITIVE_INFINITY });

/**
 * Looks at every slot anew after a change of what they are judged against, a part at a time. Events that come meanwhile are
 * judged by the new state; a slot that is looked at twice is the same as one that is looked at once.
 */
export class Sweep {
  readonly #book: SlotBook;
  readonly #definition: Definition;
  readonly #budget: SlotBudget;
  #left: Iterator<Slot> | undefined = undefined;
  #hasPlacement = false;

  constructor(book: SlotBook, definition: Definition, budget: SlotBudget) {
    this.#book = book;
    this.#definition = definition;
    this.#budget = budget;
  }

  get isUnfinished(): boolean {
    return this.#left !== undefined;
  }

  /** As many slots as may be looked at now; `advance` goes on with the others. */
  apply(change: Change, at: Observation): void {
    if (change === 'none') return;
    if (change === 'deadlines') {
      this.#book.refreshReplacing(at);
      return;
    }
    // Those that were looked at before the change have to be looked at after it.
    this.#hasPlacement = change === 'placement' || (this.isUnfinished && this.#hasPlacement);
    this.#left = this.#book.all();
    this.advance(at);
  }

  advance(at: Observation): void {
    while (this.#left !== undefined && this.#budget.left > 0) {
      const { value: slot } = this.#left.next();
      if (slot === undefined) this.#left = undefined;
      else this.#look(slot, at);
    }
    this.#definition.isBeingApplied = this.isUnfinished;
  }

  #look(slot: Slot, at: Observation): void {
    if (this.#budget !== NO_SLOT_LIMIT) this.#budget.left -= 1;
    if (this.#hasPlacement) observePlace(slot, this.#definition.rule);
    this.#book.refresh(slot, at);
  }
}
