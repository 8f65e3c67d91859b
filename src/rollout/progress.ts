import type { Counters } from './counters.ts';
import type { Block } from './definition.ts';
import type { Facts } from './facts.ts';
import type { RolloutNotice } from './notices.ts';

interface Run {
  readonly hash: string;
  readonly startedAtMs: number;
  readonly isResumed: boolean;
}

/** Notices when a rollout starts, completes, or is overtaken by a newer target. A pause ends and begins none of them. */
export class Progress {
  readonly #notices: RolloutNotice[];
  #run: Run | undefined;
  #completedHash: string | undefined;

  constructor(notices: RolloutNotice[]) {
    this.#notices = notices;
  }

  update(facts: Facts, block: Block | undefined, at: { counters: Counters; nowMs: number }): void {
    const { strategy, target } = facts;
    if (strategy === undefined || target === undefined) {
      this.#run = undefined;
      return;
    }
    if (block?.code === 'paused') {
      this.#completeIfDone(facts, at);
      return;
    }
    if (block !== undefined) return;
    if (this.#run !== undefined && this.#run.hash !== target.hash) {
      this.#notices.push({ type: 'superseded', fromHash: this.#run.hash, toHash: target.hash });
      this.#run = undefined;
    }
    const { counters, nowMs } = at;
    const total = counters.of('outdated');
    if (this.#run === undefined && total > 0) {
      const isResumed = this.#completedHash === target.hash;
      this.#run = { hash: target.hash, startedAtMs: nowMs, isResumed };
      this.#notices.push({ type: 'started', strategy, hash: target.hash, total, isResumed });
    }
    this.#completeIfDone(facts, at);
  }

  /** What was in flight may have been the last. */
  #completeIfDone({ strategy, target }: Facts, { counters, nowMs }: { counters: Counters; nowMs: number }): void {
    if (strategy === undefined || this.#run === undefined || this.#run.hash !== target?.hash) return;
    if (isDone(strategy, counters)) this.#complete(this.#run, counters, nowMs);
  }

  #complete({ hash, startedAtMs, isResumed }: Run, counters: Counters, nowMs: number): void {
    const durationMs = nowMs - startedAtMs;
    const left = { skippedNotReady: counters.of('skipped'), brokenBefore: counters.of('brokenBefore') };
    this.#notices.push({ type: 'completed', hash, durationMs, ...left, isResumed });
    this.#completedHash = hash;
    this.#run = undefined;
  }
}

function isDone(strategy: 'AdvancedRollingUpdate' | 'OTA', counters: Counters): boolean {
  if (counters.of('outdated') > 0) return false;
  return strategy === 'OTA' || (counters.of('open') === 0 && counters.of('failed') === 0);
}
