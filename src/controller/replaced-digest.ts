import { counted, Spacing, type SpacingOptions, someOf } from './digest.ts';
import { REASONS, type Statement } from './statements.ts';

/** Of the events about one DaemonSet. */
const SPACING: SpacingOptions = { gatherMs: 2000, minMs: 30_000, maxMs: 5 * 60_000, quietMs: 10 * 60_000 };
/** More names are not shown. */
const NAMES_KEPT = 10;

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
  readonly #spacing = new Spacing(SPACING);

  /** What is to be said of those before, if this one is for another revision. */
  add({ node, toHash, isForced }: Deleted, nowMs: number): Statement | undefined {
    const before = toHash === this.#toHash ? undefined : this.flush(nowMs);
    this.#toHash = toHash;
    this.#count += 1;
    if (isForced) this.#forcedCount += 1;
    if (this.#nodes.length < NAMES_KEPT) this.#nodes.push(node);
    this.#spacing.came(nowMs);
    return before;
  }

  /** When there is something to say; Infinity: not until the next one. */
  get dueMs(): number {
    return this.#spacing.dueMs;
  }

  /** What is to be said now, due or not; undefined: nothing. */
  flush(nowMs: number): Statement | undefined {
    if (this.#count === 0) return undefined;
    const message = this.#sentence();
    this.#count = 0;
    this.#forcedCount = 0;
    this.#nodes = [];
    this.#spacing.said(nowMs);
    return { level: 'info', reason: REASONS.replaced, message, topic: message };
  }

  #sentence(): string {
    const forced = this.#forcedCount === 0 ? '' : `, ${this.#forcedCount} of them by force`;
    const where = someOf(this.#nodes, this.#count);
    return `${counted(this.#count, 'pod')} deleted for revision ${this.#toHash}${forced}: on ${where}`;
  }
}
