import { forEachWrite, type WriteName } from '../protocol/actions/registry.ts';
import { isWriteRefused, type Outcome } from '../protocol/outcome.ts';
import type { SlotKey } from '../protocol/slot.ts';
import { Answers } from './answers.ts';
import { NEVER } from './slot-state.ts';

/** So many writes of a kind refused in a row: it is not about single pods. */
export const REFUSED_IN_A_ROW_MAX = 10;
/** Then one is tried in this time, until one is accepted. */
export const TRY_EVERY_MS = 1000;

/** What became of the writes of one kind. */
interface Account {
  inARow: number;
  lastAsked: SlotKey | undefined;
  nextTryMs: number;
  wakeMs: number;
}

/**
 * A write that was refused gives its place to the next one. When all are refused that would go on through the whole cluster
 * and begin again, a flood; so they are counted, each kind for itself, and let through one by one.
 */
export class Refusals {
  /** What was said. */
  readonly answers = new Answers();
  readonly #accounts: Readonly<Record<WriteName, Account>> = forEachWrite(newAccount);

  onOutcome(outcome: Outcome): void {
    const { action, code } = outcome;
    if (action === 'observe') return;
    const account = this.#accounts[action];
    if (isWriteRefused(outcome)) account.inARow += 1;
    else if (code === 'done' || code === 'gone') account.inARow = 0;
  }

  onAsked(action: WriteName, slot: SlotKey, nowMs: number): void {
    const account = this.#accounts[action];
    account.lastAsked = slot;
    account.nextTryMs = nowMs + TRY_EVERY_MS;
  }

  areRefused(action: WriteName): boolean {
    return this.#accounts[action].inARow >= REFUSED_IN_A_ROW_MAX;
  }

  /** How many may be asked for now. */
  room(action: WriteName, nowMs: number): number {
    if (!this.areRefused(action)) return Number.POSITIVE_INFINITY;
    return nowMs < this.#accounts[action].nextTryMs ? 0 : 1;
  }

  /** … of each kind. */
  tries(nowMs: number): Record<WriteName, number> {
    return forEachWrite((action) => this.room(action, nowMs));
  }

  /**
   * Whether what was asked may still leave. Marks and forced deletions take no place of the budget, so all nodes may have
   * been asked before the first answer; when they are refused only the try leaves, which is the last one that was asked.
   */
  mayLeave(action: WriteName, slot: SlotKey): boolean {
    return !this.areRefused(action) || this.#accounts[action].lastAsked === slot;
  }

  /** Somebody waits for the next try. */
  onHeldBack(action: WriteName): void {
    const account = this.#accounts[action];
    account.wakeMs = account.nextTryMs;
  }

  /** When the next try is due that somebody waits for; NEVER: nobody does. */
  get wakeMs(): number {
    return Math.min(...Object.values(this.#accounts).map(({ wakeMs }) => wakeMs));
  }

  tick(nowMs: number): void {
    if (this.wakeMs > nowMs) return;
    for (const account of Object.values(this.#accounts)) if (account.wakeMs <= nowMs) account.wakeMs = NEVER;
  }
}

function newAccount(): Account {
  return { inARow: 0, lastAsked: undefined, nextTryMs: -NEVER, wakeMs: NEVER };
}
