import { NOT_USED, type Pace, type PaceStatus, type PaceUse, type Recreation } from './pace.ts';
import { DelayLimit } from './pace-delay-limit.ts';
import { paceReason } from './pace-reason.ts';
import { RecentMedian } from './pace-recent-median.ts';
import { Tally } from './pace-tally.ts';

/** A pod that is back this soon is not worth giving up speed for. */
const FINE_MS = 750;
/** How much longer than undisturbed a replacement may take, as a share: for waiting to be recreated; for all reasons. */
const RECREATION_ALLOWANCE = 0.15;
const TOTAL_ALLOWANCE = 0.3;
/** Replacements that take longer even undisturbed differ so much, and tell so late, that they limit nothing but the start. */
const TELLING_MS = 10_000;
const NO_LIMIT = 100;
const START_WINDOW = 20;
/** How fast the window may open while it is not known how long a replacement takes. */
const START_DOUBLING_MS = 1000;
/** After a start that went too far: more than came back in a replacement's time, because its rate still lags. */
const SETTLE_ROOM = 1.25;
const LIMITING_SHARE = 0.7;
const RATE_OVER_MS = 5000;
/** It is silent when nothing came back for so many usual times. */
const SILENCE_TIMES = 4;
const SILENCE_MIN_MS = 2000;
const SILENCE_UNKNOWN_MS = 5000;
const TRICKLE_DOUBLINGS_MAX = 5;
const WAKE_MIN_MS = 20;
const USUAL_OF = 16;

/** Those that left before anything came back: little was in flight then. */
interface Cohort {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly size: number;
  back: number;
}

/**
 * The window as congestion control that minds delays would choose it, for a path of two stages:
 *
 * - Pods are terminated (all at once), then wait until the DaemonSet controller recreates them, which it does one after
 *   the other. Only as many may be on this part of the way as keep that wait short. How long it is shows a moment after a
 *   deletion, however long the new pod takes to start, and so the window opens at the speed at which pods are recreated.
 * - Pods start on their nodes, side by side. As many as like may; but when replacements take longer than undisturbed ones
 *   did (a registry or a small control plane is the bottleneck), all in flight are limited.
 *
 * Those that never come back make the others wait less, and so the limits grow by them. When re-creations are not told, the second limit works alone.
 */
export class AdaptivePace implements Pace {
  readonly #recreation = new DelayLimit({
    start: START_WINDOW,
    sampleCount: 16,
    undisturbedShare: 0.25,
    isSkewed: false,
    startShare: 0.5,
    gain: 0.4,
  });
  readonly #total = new DelayLimit({
    start: START_WINDOW,
    sampleCount: 32,
    undisturbedShare: 0.5,
    isSkewed: true,
    startShare: 1,
    gain: 0.4,
  });
  readonly #terminationMs = new RecentMedian();
  readonly #pendingMs = new RecentMedian();
  #departedCount = 0;
  readonly #completions = new Tally();
  #lastCompletionMs = 0;
  #begunAtMs: number | undefined;
  #first: Cohort | undefined;
  #hasRecreations = false;
  #firstDelayMs: number | undefined;
  #trickleAtMs = Number.POSITIVE_INFINITY;
  #trickleCount = 0;
  #use: PaceUse = NOT_USED;
  #size = 0;

  onDeparture(nowMs: number): void {
    if (this.#use.inFlight > 0 && nowMs >= this.#trickleAtMs) this.#trickleCount += 1;
    this.#begunAtMs ??= nowMs;
    this.#use = { ...this.#use, inFlight: this.#use.inFlight + 1, pending: this.#use.pending + 1 };
    this.#departedCount += 1;
    this.#planTrickle(nowMs);
  }

  onRecreated({ delayMs, sinceDeletionMs }: Recreation, nowMs: number): void {
    this.#hasRecreations = true;
    this.#onBack(nowMs);
    this.#terminationMs.add(Math.max(0, sinceDeletionMs - delayMs));
    this.#pendingMs.add(sinceDeletionMs);
    const limit = this.#recreation;
    const allowanceMs = this.#recreationAllowanceMs();
    const isLimiting = this.#use.pending >= LIMITING_SHARE * limit.limit;
    const roundMs = (this.#terminationMs.of(USUAL_OF) ?? 0) + (limit.undisturbedMs ?? delayMs) + allowanceMs;
    limit.observe({ delayMs, allowanceMs, roundMs, underWay: 0, isLimiting, nowMs });
    if (limit.undisturbedMs !== undefined) this.#firstDelayMs ??= limit.recentMs;
  }

  onCompletion(replacementMs: number, nowMs: number): void {
    this.#completions.add(nowMs);
    this.#lastCompletionMs = nowMs;
    this.#learnFrom(this.#onBack(nowMs), replacementMs, nowMs);
    const limit = this.#total;
    const { inFlight } = this.#use;
    const allowanceMs = this.#totalAllowanceMs();
    const undisturbedMs = limit.undisturbedMs ?? replacementMs;
    const wasStarting = limit.isStarting;
    limit.observe({
      delayMs: replacementMs,
      allowanceMs,
      roundMs: undisturbedMs + allowanceMs,
      // With short replacements a mistake is soon corrected.
      underWay: undisturbedMs < FINE_MS ? 0 : inFlight,
      isLimiting: inFlight >= LIMITING_SHARE * limit.limit,
      nowMs,
    });
    if (!wasStarting || limit.isStarting) return;
    // The start went too far: as many as come back in the time a replacement may take are worth having in flight.
    const back = this.#completions.since(nowMs - (limit.targetMs(allowanceMs) ?? 0));
    limit.lower(Math.max(SETTLE_ROOM * back, inFlight / 2), inFlight, nowMs);
  }

  window(use: PaceUse): number {
    this.#use = use;
    const { budget, inFlight, nowMs } = use;
    if (inFlight > 0) this.#begunAtMs ??= nowMs;
    const size = Math.max(1, Math.floor(Math.min(this.#byRecreation(), this.#byTotal(nowMs))));
    const isTrickling = inFlight > 0 && nowMs >= this.#trickleAtMs;
    this.#size = Math.min(budget, isTrickling ? Math.max(size, inFlight + 1) : size);
    return this.#size;
  }

  status(nowMs: number): PaceStatus {
    const figures = {
      phase: this.#phase(nowMs),
      window: this.#size,
      use: this.#use,
      ratePerSecond: this.#ratePerSecond(nowMs),
      replacementMs: this.#total.recentMs,
      silentMs: nowMs - this.#lastCompletionMs,
      undisturbedMs: this.#total.undisturbedMs,
    };
    const { phase, window, ratePerSecond, undisturbedMs } = figures;
    return { phase, window, reason: paceReason(figures), ratePerSecond, undisturbedMs };
  }

  nextWakeMs(nowMs: number): number | undefined {
    const { budget, inFlight } = this.#use;
    if (inFlight < this.#size || this.#size >= budget) return undefined;
    const opensAtMs =
      this.#isTotalOpen && this.#begunAtMs !== undefined
        ? this.#begunAtMs + START_DOUBLING_MS * Math.log2((this.#size + 1) / START_WINDOW)
        : Number.POSITIVE_INFINITY;
    const wakeMs = Math.min(opensAtMs > nowMs ? opensAtMs : Number.POSITIVE_INFINITY, this.#trickleAtMs);
    return Math.max(wakeMs, nowMs + WAKE_MIN_MS);
  }

  #phase(nowMs: number): PaceStatus['phase'] {
    if (this.#use.inFlight === 0) return 'idle';
    // Whether or not anybody waits to be tried.
    const isSilent = this.#trickleCount > 0 || (this.#total.recentMs !== undefined && nowMs >= this.#trickleAtMs);
    if (isSilent) return 'stalled';
    return this.#recreation.isStarting && this.#total.isStarting ? 'starting' : 'steady';
  }

  #ratePerSecond(nowMs: number): number {
    const overMs = Math.max(1000, Math.min(RATE_OVER_MS, nowMs - (this.#begunAtMs ?? nowMs)));
    return this.#completions.since(nowMs - overMs) / (overMs / 1000);
  }

  get #isTotalOpen(): boolean {
    return this.#hasRecreations && this.#total.isStarting;
  }

  #byRecreation(): number {
    if (!this.#hasRecreations) return Number.POSITIVE_INFINITY;
    return this.#use.inFlight - this.#use.pending + this.#recreation.limit;
  }

  #byTotal(nowMs: number): number {
    if (!this.#isTotalOpen) return this.#total.limit;
    return START_WINDOW * 2 ** ((nowMs - (this.#begunAtMs ?? nowMs)) / START_DOUBLING_MS);
  }

  #recreationAllowanceMs(): number {
    const shortestMs = this.#recreation.undisturbedMs ?? 0;
    const undisturbedMs = this.#total.undisturbedMs ?? (this.#terminationMs.of(USUAL_OF) ?? 0) + shortestMs;
    // The first replacements waited too; what is left is their way without that.
    const otherwiseMs = undisturbedMs - (this.#firstDelayMs ?? 0);
    return Math.max(FINE_MS - otherwiseMs - shortestMs, RECREATION_ALLOWANCE * undisturbedMs);
  }

  #totalAllowanceMs(): number {
    const undisturbedMs = this.#total.undisturbedMs ?? 0;
    if (undisturbedMs > TELLING_MS) return NO_LIMIT * undisturbedMs;
    const share = this.#hasRecreations ? TOTAL_ALLOWANCE : RECREATION_ALLOWANCE;
    return Math.max(FINE_MS - undisturbedMs, (share + this.#total.uncertainty) * undisturbedMs);
  }

  #onBack(nowMs: number): Cohort {
    this.#trickleCount = 0;
    this.#planTrickle(nowMs);
    const fromMs = this.#begunAtMs ?? nowMs;
    this.#first ??= { fromMs, untilMs: nowMs, size: this.#departedCount, back: 0 };
    return this.#first;
  }

  /** When half of those that left first are back, their median is known, whatever the others do. */
  #learnFrom(cohort: Cohort, replacementMs: number, nowMs: number): void {
    const deletedAtMs = nowMs - replacementMs;
    if (deletedAtMs > cohort.untilMs || deletedAtMs < cohort.fromMs) return;
    cohort.back += 1;
    if (cohort.back === 1 + (cohort.size >> 1)) this.#total.learnUndisturbed(replacementMs, cohort.size);
  }

  /** After a long silence one more leaves, and then another after twice as long: somebody has to find out. */
  #planTrickle(nowMs: number): void {
    const pendingMs = silenceMs(this.#pendingMs.of(USUAL_OF));
    const quietMs = this.#isTotalOpen ? pendingMs : Math.max(pendingMs, silenceMs(this.#total.recentMs));
    this.#trickleAtMs = nowMs + quietMs * 2 ** Math.min(TRICKLE_DOUBLINGS_MAX, this.#trickleCount);
  }
}

function silenceMs(usualMs: number | undefined): number {
  return usualMs === undefined ? SILENCE_UNKNOWN_MS : Math.max(SILENCE_MIN_MS, SILENCE_TIMES * usualMs);
}
