import { REASONS, type Statement } from './statements.ts';

/** Time for others that leave together. */
const GATHER_MS = 2000;
/** Between two events about a DaemonSet; doubles each time, and begins anew after a quiet spell. */
const REPEAT_MIN_MS = 30_000;
const REPEAT_MAX_MS = 5 * 60_000;
const QUIET_MS = 2 * REPEAT_MAX_MS;
const NAMES_MAX = 10;

export interface Deleted {
  readonly node: string;
  /** The revision that it was deleted for. */
  readonly toHash: string;
  readonly isForced: boolean;
}

/** The deletions for one DaemonSet since they were last said: how many, and a few names. One event for each would be too many. */
export class ReplacedDigest {
  #toHash = '';
  #count = 0;
  #forcedCount = 0;
  #nodes: string[] = [];
  #dueMs = Number.POSITIVE_INFINITY;
  /** Not before; moves on with each time that something is said. */
  #earliestMs = Number.NEGATIVE_INFINITY;
  #waitMs = REPEAT_MIN_MS;

  /** What is to be said of those before, if this one is for another revision. */
  add({ node, toHash, isForced }: Deleted, nowMs: number): Statement | undefined {
    const before = toHash === this.#toHash ? undefined : this.flush(nowMs);
    if (nowMs - this.#earliestMs >= QUIET_MS) this.#waitMs = REPEAT_MIN_MS;
    this.#toHash = toHash;
    this.#count += 1;
    if (isForced) this.#forcedCount += 1;
    if (this.#nodes.length < NAMES_MAX) this.#nodes.push(node);
    this.#dueMs = Math.min(this.#dueMs, Math.max(nowMs + GATHER_MS, this.#earliestMs));
    return before;
  }

  /** When there is something to say; Infinity: not until the next one. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** What is to be said now, due or not; undefined: nothing. */
  flush(nowMs: number): Statement | undefined {
    if (this.#count === 0) return undefined;
    const message = this.#sentence();
    this.#count = 0;
    this.#forcedCount = 0;
    this.#nodes = [];
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#earliestMs = nowMs + this.#waitMs;
    this.#waitMs = Math.min(REPEAT_MAX_MS, this.#waitMs * 2);
    return { level: 'info', reason: REASONS.replaced, message, topic: message };
  }

  #sentence(): string {
    const pods = this.#count === 1 ? '1 pod' : `${this.#count} pods`;
    const forced = this.#forcedCount === 0 ? '' : `, ${this.#forcedCount} of them by force`;
    const others = this.#count - this.#nodes.length;
    const names = this.#nodes.join(', ');
    return `${pods} deleted for revision ${this.#toHash}${forced}: on ${names}${others === 0 ? '' : ` and ${others} more`}`;
  }
}
