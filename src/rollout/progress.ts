import type { Block } from './definition.ts';
import type { Facts } from './facts.ts';
import type { RolloutNotice } from './notices.ts';

/** What progress is measured with; node counts. */
export interface ProgressCounts {
  readonly ready: number;
  readonly settled: number;
  readonly outdated: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Run {
  readonly hash: string;
  readonly startedAtMs: number;
  readonly isResumed: boolean;
}

/** Notices when a rollout starts, completes, or is overtaken by a newer target. */
export class Progress {
  readonly #notices: RolloutNotice[];
  #run: Run | undefined;
  #completedHash: string | undefined;

  constructor(notices: RolloutNotice[]) {
    this.#notices = notices;
  }

  update(facts: Facts, block: Block | undefined, at: { counts: ProgressCounts; nowMs: number }): void {
    const { strategy, target } = facts;
    if (strategy === undefined || target === undefined) {
      this.#run = undefined;
      return;
    }
    if (block !== undefined) return;
    if (this.#run !== undefined && this.#run.hash !== target.hash) {
      this.#notices.push({ type: 'superseded', fromHash: this.#run.hash, toHash: target.hash });
      this.#run = undefined;
    }
    const { counts, nowMs } = at;
    if (this.#run === undefined && counts.outdated > 0) {
      const isResumed = this.#completedHash === target.hash;
      this.#run = { hash: target.hash, startedAtMs: nowMs, isResumed };
      this.#notices.push({ type: 'started', strategy, hash: target.hash, total: counts.outdated, isResumed });
    }
    if (this.#run !== undefined && isDone(strategy, counts)) this.#complete(this.#run, counts, nowMs);
  }

  #complete({ hash, startedAtMs, isResumed }: Run, counts: ProgressCounts, nowMs: number): void {
    const durationMs = nowMs - startedAtMs;
    this.#notices.push({ type: 'completed', hash, durationMs, skippedNotReady: counts.skipped, isResumed });
    this.#completedHash = hash;
    this.#run = undefined;
  }
}

function isDone(strategy: 'AdvancedRollingUpdate' | 'OTA', counts: ProgressCounts): boolean {
  if (counts.outdated > 0) return false;
  return strategy === 'OTA' || (counts.settled === counts.ready && counts.failed === 0);
}
