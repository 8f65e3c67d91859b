import type { RolloutCounts } from '../rollout/counts.ts';
import type { RolloutNotice } from '../rollout/notices.ts';
import { REASONS, type Statement } from './statements.ts';

/** A Normal event at each of these shares of a rollout. */
const STEPS = [0.25, 0.5, 0.75] as const;

/** How far the news about a rollout have come. */
export class RolloutProgress {
  /** How its start is announced. */
  readonly start: Statement;
  readonly #hash: string;
  readonly #doneWord: string;
  readonly #total: number;
  #nextStep = 0;

  constructor(notice: Extract<RolloutNotice, { type: 'started' }>, { allowed }: RolloutCounts) {
    const { hash, total, strategy, isResumed } = notice;
    const verb = strategy === 'OTA' ? 'marking' : 'replacing';
    const bound = strategy === 'OTA' ? '' : `, at most ${allowed} unavailable`;
    const again = isResumed ? ' (nodes that were away came back)' : '';
    this.#hash = hash;
    this.#doneWord = strategy === 'OTA' ? 'marked' : 'done';
    this.#total = total;
    this.start = {
      level: 'info',
      reason: REASONS.started,
      topic: `${hash}${again}`,
      message: `${verb} ${total} pods for revision ${hash}${bound}${again}`,
      fields: { revision: hash, podCount: total, strategy, maxUnavailable: allowed },
    };
  }

  /** The largest step that was reached since the last call. */
  next(counts: RolloutCounts): Statement | undefined {
    const left = counts.waiting + counts.inFlight + counts.skippedNotReady;
    const share = this.#total === 0 ? 0 : 1 - left / this.#total;
    let step: number | undefined;
    while (share >= (STEPS[this.#nextStep] ?? Number.POSITIVE_INFINITY)) {
      step = STEPS[this.#nextStep];
      this.#nextStep += 1;
    }
    if (step === undefined) return undefined;
    const message = `${Math.round(step * 100)} % of ${this.#total} pods ${this.#doneWord} for revision ${this.#hash}`;
    const fields = { revision: this.#hash, unavailable: counts.unavailable, failed: counts.failed };
    return { level: 'info', reason: REASONS.progress, message, topic: message, fields };
  }
}

/** `strategy`: under OTA pods are marked, and have the revision when the owner of the node wants it. */
export function completedStatement(
  notice: Extract<RolloutNotice, { type: 'completed' }>,
  strategy: RolloutCounts['strategy'],
): Statement {
  const { hash, skippedNotReady, brokenBefore, durationMs } = notice;
  const away = skippedNotReady === 0 ? '' : `; NotReady, and updated when they are back: ${skippedNotReady}`;
  const rest = brokenBefore === 0 ? away : `${away}; broken before, and not available now: ${brokenBefore}`;
  return {
    level: 'info',
    reason: REASONS.completed,
    topic: `${hash}${rest}`,
    message: `${strategy === 'OTA' ? 'all pods are marked for' : 'all Ready nodes have'} revision ${hash} after ${Math.round(durationMs / 1000)} s${rest}`,
    fields: { revision: hash, durationMs: Math.round(durationMs), skippedNotReady, brokenBefore },
  };
}
