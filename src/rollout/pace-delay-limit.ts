import { RecentMedian } from './pace-recent-median.ts';

export interface DelayLimitOptions {
  /** How many may be waiting before anything is known. */
  readonly start: number;
  /** Delays that make one median, at least. */
  readonly sampleCount: number;
  /** Which quantile of as many delays can be called undisturbed. */
  readonly undisturbedShare: number;
  /** Whether a few delays are many times as long as most: then the median moves the limit, and not each of them. */
  readonly isSkewed: boolean;
  /** The start is over when the delay has used up this share of the allowance. */
  readonly startShare: number;
  /** Of each event, on the limit; small enough that what was changed a round ago does not make it swing. */
  readonly gain: number;
}

/** One delay that was observed, and what it is held against. */
export interface DelayEvent {
  readonly delayMs: number;
  /** More than the undisturbed delay by this much is still fine. */
  readonly allowanceMs: number;
  /** From a change of the limit to its effect, when the delay is as long as it may be. */
  readonly roundMs: number;
  /** How many are under way; the quick ones of those that left together come first, so a median is one of so many. */
  readonly underWay: number;
  /** Whether the limit was what held others back; an unused limit does not grow. */
  readonly isLimiting: boolean;
  readonly nowMs: number;
}

/** The limit stays above this, so that there is always something to observe. */
const LIMIT_MIN = 4;
/** A limit this much smaller must have made the delay shorter, or waiting was not what made it long. */
const PROOF_LIMIT = 0.6;
const PROOF_DELAY = 0.75;
/** Of one event, in units of a round; coming down is more urgent. */
const GROWTH_MAX = 1;
const SHRINKAGE_MAX = 2.5;

/**
 * How many may be under way at a stage so that the delay there stays at what it is undisturbed, plus an allowance: a
 * short queue keeps the stage busy, a long one only makes things wait.
 *
 * It starts by doubling every round until the delay is half-way to the target; then each delay moves it in proportion to its
 * distance from the target. The undisturbed delay is the least median seen. When the limit has come down a lot and the
 * delay has not, the cluster itself became slower: then that delay is the undisturbed one.
 */
export class DelayLimit {
  readonly #options: DelayLimitOptions;
  readonly #delays = new RecentMedian();
  #recentMs: number | undefined;
  #limit: number;
  #baseMs: number | undefined;
  #baseCount = 1;
  #recentCount = 1;
  #sinceBlock = 0;
  #isStarting = true;
  #anchor: { readonly limit: number; readonly delayMs: number } | undefined;
  #loweredAtMs = 0;
  #proofs = 0;
  #setAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: DelayLimitOptions) {
    this.#options = options;
    this.#limit = options.start;
  }

  get limit(): number {
    return this.#limit;
  }

  get isStarting(): boolean {
    return this.#isStarting;
  }

  /** Undefined until there were enough to tell. */
  get undisturbedMs(): number | undefined {
    return this.#baseMs;
  }

  get recentMs(): number | undefined {
    return this.#recentMs;
  }

  /** By how much, as a share, the recent median can differ from the undisturbed one by chance (twice the standard error). */
  get uncertainty(): number {
    const lower = this.#delays.of(this.#recentCount, 0.25) ?? 1;
    const upper = this.#delays.of(this.#recentCount, 0.75) ?? 1;
    // Of the logarithms, whose quartiles are 1.35 standard deviations apart; a median's error is 1.25 times a mean's.
    const deviation = Math.log(upper / Math.max(1, lower)) / 1.35;
    return 2 * 1.25 * deviation * Math.sqrt(1 / this.#baseCount + 1 / this.#recentCount);
  }

  /** Comes down at once from what is under way. Those that left before this tell nothing about it. */
  lower(limit: number, underWay: number, nowMs: number): void {
    this.#setAtMs = nowMs;
    this.#anchor = { limit: underWay, delayMs: this.#recentMs ?? 0 };
    this.#loweredAtMs = nowMs;
    this.#proofs = 0;
    this.#limit = Math.max(LIMIT_MIN, limit);
  }

  /** Takes a delay that was observed while little was under way. */
  learnUndisturbed(delayMs: number, sampleCount: number): void {
    if (this.#baseMs !== undefined && this.#baseMs <= delayMs) return;
    this.#baseMs = delayMs;
    this.#baseCount = sampleCount;
  }

  observe(event: DelayEvent): void {
    const sampleCount = Math.max(this.#options.sampleCount, event.underWay);
    this.#delays.add(event.delayMs);
    const recentMs = this.#delays.of(sampleCount) ?? event.delayMs;
    this.#recentMs = recentMs;
    this.#recentCount = sampleCount;
    this.#sinceBlock += 1;
    if (this.#sinceBlock >= sampleCount) {
      this.#sinceBlock = 0;
      this.learnUndisturbed(this.#delays.of(sampleCount, this.#options.undisturbedShare) ?? recentMs, sampleCount);
    }
    const targetMs = this.targetMs(event.allowanceMs) ?? event.delayMs + event.allowanceMs;
    if (this.#isStarting) this.#start(event, recentMs, targetMs);
    else this.#hold(event, targetMs - (this.#options.isSkewed ? recentMs : event.delayMs));
    this.#prove(event, recentMs, targetMs);
  }

  targetMs(allowanceMs: number): number | undefined {
    return this.#baseMs === undefined ? undefined : this.#baseMs + allowanceMs;
  }

  /** It has come down far enough to see whether that helps; it stays there meanwhile. */
  get #isProving(): boolean {
    return this.#anchor !== undefined && this.#limit <= Math.max(LIMIT_MIN, this.#anchor.limit * PROOF_LIMIT);
  }

  #start(event: DelayEvent, recentMs: number, targetMs: number): void {
    if (recentMs > targetMs - (1 - this.#options.startShare) * event.allowanceMs && this.#baseMs !== undefined)
      this.#isStarting = false;
    else if (event.isLimiting) this.#limit += 1;
  }

  #hold(event: DelayEvent, roomMs: number): void {
    const error = roomMs / Math.max(1, event.roundMs);
    const step = this.#options.gain * Math.min(GROWTH_MAX, Math.max(-SHRINKAGE_MAX, error));
    if (step > 0 && !event.isLimiting) return;
    if (step < 0 && (this.#isProving || event.nowMs - event.delayMs < this.#setAtMs)) return;
    this.#limit = Math.max(LIMIT_MIN, this.#limit + step);
  }

  /** Once the limit is much lower, and a whole median is of those that left after that: did it help? */
  #prove(event: DelayEvent, recentMs: number, targetMs: number): void {
    if (recentMs <= targetMs) {
      this.#anchor = undefined;
      return;
    }
    // It goes on rising for a while: what is lowered shows a round later.
    this.#anchor = {
      limit: Math.max(this.#limit, this.#anchor?.limit ?? 0),
      delayMs: Math.max(recentMs, this.#anchor?.delayMs ?? 0),
    };
    if (!this.#isProving) {
      this.#loweredAtMs = event.nowMs;
      this.#proofs = 0;
      return;
    }
    if (event.nowMs - event.delayMs >= this.#loweredAtMs) this.#proofs += 1;
    if (this.#proofs < Math.max(this.#options.sampleCount, event.underWay)) return;
    if (recentMs > this.#anchor.delayMs * PROOF_DELAY) {
      this.#baseMs = recentMs;
      this.#baseCount = this.#recentCount;
      this.#isStarting = true;
    }
    this.#anchor = undefined;
  }
}
