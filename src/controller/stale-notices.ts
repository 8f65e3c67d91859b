import type { DaemonSetKey } from '../protocol/slot.ts';
import type { Followed } from './followed.ts';
import { REASONS, type Statement } from './statements.ts';

/**
 * How long a view has to be stale before it is an event. In an outage of the whole API server nobody leads and no event can be
 * written; whoever leads after it still sees its loss for some seconds.
 */
const SAY_AFTER_MS = 10_000;

/** A view that was stale when the leader looked at it. */
interface Spell {
  readonly sinceMs: number;
  isSaid: boolean;
}

/** What is said about DaemonSets for which nothing new is decided because their view is stale; once, and when it is over. */
export class StaleNotices {
  readonly #spells = new Map<DaemonSetKey, Spell>();

  /** What the leader has to say now. */
  next({ key, staleReason }: Pick<Followed, 'key' | 'staleReason'>, nowMs: number): Statement | undefined {
    const spell = this.#spells.get(key);
    if (staleReason === undefined) {
      this.#spells.delete(key);
      return spell?.isSaid === true ? currentAgain(nowMs - spell.sinceMs) : undefined;
    }
    if (spell === undefined) this.#spells.set(key, { sinceMs: nowMs, isSaid: false });
    if (spell === undefined || spell.isSaid || nowMs < spell.sinceMs + SAY_AFTER_MS) return undefined;
    spell.isSaid = true;
    return { level: 'warn', reason: REASONS.viewStale, message: `nothing new is decided: ${staleReason}` };
  }

  forget(key: DaemonSetKey): void {
    this.#spells.delete(key);
  }

  get nextWakeMs(): number | undefined {
    let wakeMs: number | undefined;
    for (const { isSaid, sinceMs } of this.#spells.values()) {
      const dueMs = sinceMs + SAY_AFTER_MS;
      if (!isSaid && (wakeMs === undefined || dueMs < wakeMs)) wakeMs = dueMs;
    }
    return wakeMs;
  }
}

function currentAgain(durationMs: number): Statement {
  const message = `what is in the cluster is known again after ${Math.round(durationMs / 1000)} s; it goes on`;
  return { level: 'info', reason: REASONS.viewCurrent, message };
}
