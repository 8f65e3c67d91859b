import type { LogFields, LogLevel } from '../controller/ports.ts';
import type { LaneReason } from '../server/metric-names.ts';

/** The number of lanes was changed, or was kept for another reason than before. */
export interface LaneDecision {
  readonly atMs: number;
  readonly from: number;
  readonly to: number;
  readonly reason: LaneReason;
}

const KEPT_MAX = 20;
/** Two reasons may alternate from one sample to the next; each is logged this often at most. */
const LOG_INTERVAL_MS = 60_000;

/** Remembers, counts and logs what was decided about the number of lanes. */
export class LaneDecisions {
  readonly #log: (level: LogLevel, message: string, fields: LogFields) => void;
  readonly #latest: LaneDecision[] = [];
  readonly #counts = new Map<LaneReason, number>();
  readonly #loggedAtMs = new Map<LaneReason, number>();

  constructor(log: (level: LogLevel, message: string, fields: LogFields) => void) {
    this.#log = log;
  }

  /** What was new, oldest first. */
  get latest(): readonly LaneDecision[] {
    return this.#latest;
  }

  /** How often it was decided, by reason: every few seconds with `auto`, else when a number was set. */
  get counts(): ReadonlyMap<LaneReason, number> {
    return this.#counts;
  }

  add(decision: LaneDecision): void {
    const { from, to, reason } = decision;
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    const before = this.#latest.at(-1);
    if (from === to && before?.reason === reason) return;
    this.#latest.push(decision);
    if (this.#latest.length > KEPT_MAX) this.#latest.shift();
    // A change is logged when it is done.
    if (from === to && before !== undefined) this.#logKept(decision);
  }

  /** Nothing to do is no news; that work waits and more threads would not help is. */
  #logKept({ atMs, to, reason }: LaneDecision): void {
    const isRecent = atMs - (this.#loggedAtMs.get(reason) ?? Number.NEGATIVE_INFINITY) < LOG_INTERVAL_MS;
    if (!isRecent) this.#loggedAtMs.set(reason, atMs);
    const level = reason === 'steady' || isRecent ? 'debug' : 'info';
    this.#log(level, 'worker threads kept', { workers: to, reason });
  }
}
