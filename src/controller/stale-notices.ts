import type { DaemonSetKey } from '../protocol/slot.ts';
import { REASONS, type Statement } from './statements.ts';

/**
 * How long a view has to be stale before it is an event. In an outage of the whole API server nobody leads and no event can be
 * written; whoever leads after it still sees its loss for some seconds.
 */
const SAY_AFTER_MS = 10_000;
/** One cause may hold up thousands of DaemonSets: so many are told at once, and then one in so long. */
const BURST = 50;
const PACE_MS = 100;

/** Why nothing new is decided about a DaemonSet. */
export interface Hold {
  readonly reason: string;
  /** Nobody but this DaemonSet is concerned, so no other line of the log tells it. */
  readonly isOwn: boolean;
  /** Something would be done otherwise. */
  readonly isFelt: boolean;
}

/** What is to be said; without a line in the log if that has one for all who are concerned. */
export interface HoldStatement {
  readonly statement: Statement;
  readonly isOwn: boolean;
}

/** A hold that the leader has seen. */
interface Spell {
  readonly sinceMs: number;
  /** What was said; undefined: nothing yet. */
  said: Hold | undefined;
  /** When it was over, until that is said. */
  overMs: number | undefined;
  /** When it is to be looked at though nothing happens. */
  wakeMs: number;
}

const NEVER = Number.POSITIVE_INFINITY;

/**
 * What is said about DaemonSets for which nothing new is decided because their view is stale or cannot be read; once, and when
 * it is over. Of a trouble that all have, those that have nothing to do are not told. Of the others each has its turn, so
 * that no event is one too many for the recorder.
 */
export class StaleNotices {
  readonly #spells = new Map<DaemonSetKey, Spell>();
  /** When all that was said would have been said at its pace. */
  #pacedMs = Number.NEGATIVE_INFINITY;

  /** What the leader has to say now. */
  next(key: DaemonSetKey, hold: Hold | undefined, nowMs: number): HoldStatement | undefined {
    const spell = this.#spells.get(key);
    if (hold === undefined) return spell && this.#end(key, spell, nowMs);
    if (spell === undefined) {
      this.#spells.set(key, { sinceMs: nowMs, said: undefined, overMs: undefined, wakeMs: nowMs + SAY_AFTER_MS });
      return undefined;
    }
    if (spell.said === undefined && nowMs < spell.sinceMs + SAY_AFTER_MS) return undefined;
    spell.overMs = undefined;
    spell.wakeMs = NEVER;
    if (spell.said !== undefined || !hold.isFelt || !this.#hasTurn(spell, nowMs)) return undefined;
    spell.said = hold;
    const message = `nothing new is decided: ${hold.reason}`;
    return { statement: { level: 'warn', reason: REASONS.viewStale, message }, isOwn: hold.isOwn };
  }

  forget(key: DaemonSetKey): void {
    this.#spells.delete(key);
  }

  get nextWakeMs(): number | undefined {
    let nextMs = NEVER;
    for (const { wakeMs } of this.#spells.values()) nextMs = Math.min(nextMs, wakeMs);
    return nextMs === NEVER ? undefined : nextMs;
  }

  #end(key: DaemonSetKey, spell: Spell, nowMs: number): HoldStatement | undefined {
    spell.overMs ??= nowMs;
    if (spell.said !== undefined && !this.#hasTurn(spell, nowMs)) return undefined;
    this.#spells.delete(key);
    return spell.said && { statement: currentAgain(spell.overMs - spell.sinceMs), isOwn: spell.said.isOwn };
  }

  /** Takes the turn; if it has to be waited for, the spell says until when. */
  #hasTurn(spell: Spell, nowMs: number): boolean {
    spell.wakeMs = this.#pacedMs - (BURST - 1) * PACE_MS;
    if (spell.wakeMs > nowMs) return false;
    spell.wakeMs = NEVER;
    this.#pacedMs = Math.max(this.#pacedMs, nowMs) + PACE_MS;
    return true;
  }
}

function currentAgain(durationMs: number): Statement {
  const message = `what is in the cluster is known again after ${Math.round(durationMs / 1000)} s; it goes on`;
  return { level: 'info', reason: REASONS.viewCurrent, message };
}
