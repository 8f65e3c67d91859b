/** The base rises only to what it was at least for so long; the program looks now and then. */
const HELD_MS = 60_000 - 2000;

/** The base of percentages as one process may use it: what it was told from one decision to the next. */
export class BudgetBase {
  /** In order of time; what came before the last minute is forgotten but for the last of it. */
  #samples: { readonly atMs: number; readonly base: number }[] = [];

  add(base: number, nowMs: number): void {
    this.#samples = this.#samples.slice(
      Math.max(
        0,
        this.#samples.findLastIndex(({ atMs }) => atMs <= nowMs - HELD_MS),
      ),
    );
    if (this.#samples.at(-1)?.base !== base) this.#samples.push({ atMs: nowMs, base });
  }

  forget(): void {
    this.#samples = this.#samples.slice(-1);
  }

  /** The least of the last minute. */
  get held(): number {
    return Math.min(...this.#samples.map(({ base }) => base));
  }
}
