import type { SlotBudget } from '../rollout/sweep.ts';

/** One takes about a microsecond and a half: together a few milliseconds. */
const SLOTS_A_TURN = 2000;

/** Shares out how many slots are looked at in one turn of the controller, after changes that concern every node of somebody. */
export class SlotTurns {
  readonly budget: SlotBudget;
  readonly #slotsATurn: number;
  #first = 0;

  constructor(slotsATurn = SLOTS_A_TURN) {
    this.#slotsATurn = slotsATurn;
    this.budget = { left: slotsATurn };
  }

  /** Everybody in the order in which they may take from the budget: whoever is first finds most of it, so that goes round. */
  begin<T>(everybody: Iterable<T>): readonly T[] {
    const all = [...everybody];
    this.#first = all.length === 0 ? 0 : (this.#first + 1) % all.length;
    this.budget.left = this.#slotsATurn;
    return [...all.slice(this.#first), ...all.slice(0, this.#first)];
  }

  /** What changes until the next turn may take as much again, so that small ones are looked at where they come in. */
  end(): void {
    this.budget.left = this.#slotsATurn;
  }
}
