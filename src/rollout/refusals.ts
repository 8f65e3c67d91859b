import { isWriteRefused, type Outcome } from '../protocol/outcome.ts';

/** So many deletions refused in a row: it is not about single pods. */
export const REFUSED_IN_A_ROW_MAX = 10;
/** Then one is tried in this time, until one is accepted. */
export const TRY_EVERY_MS = 1000;

/**
 * A deletion that was refused gives its place to the next one. When all are refused that would go on through the whole cluster
 * and begin again, a flood; so they are counted, and let through one by one.
 */
export class Refusals {
  #inARow = 0;
  #nextTryMs = Number.NEGATIVE_INFINITY;
  #wakeMs: number | undefined;

  onOutcome(outcome: Outcome): void {
    const { action, code } = outcome;
    if (action !== 'delete') return;
    if (isWriteRefused(outcome)) this.#inARow += 1;
    else if (code === 'done' || code === 'gone') this.#inARow = 0;
  }

  onAsked(nowMs: number): void {
    this.#nextTryMs = nowMs + TRY_EVERY_MS;
  }

  /** How many deletions may be asked for now. */
  room(nowMs: number): number {
    if (this.#inARow < REFUSED_IN_A_ROW_MAX) return Number.POSITIVE_INFINITY;
    return nowMs < this.#nextTryMs ? 0 : 1;
  }

  /** Somebody waits for the next try. */
  onHeldBack(): void {
    this.#wakeMs = this.#nextTryMs;
  }

  get wakeMs(): number | undefined {
    return this.#wakeMs;
  }

  tick(nowMs: number): void {
    if (this.#wakeMs !== undefined && this.#wakeMs <= nowMs) this.#wakeMs = undefined;
  }
}
