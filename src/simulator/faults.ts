import type { SimRequest } from './api-types.ts';
import type { Random } from './random.ts';
import { failure, internalError, type StatusBody, tooManyRequests } from './status.ts';

/** How often what goes wrong: shares of requests between 0 and 1, except where a unit says otherwise. */
export interface FaultRates {
  /** The request never arrives. */
  readonly lostBefore: number;
  /** The request is applied, and its answer never arrives. */
  readonly lostAfter: number;
  readonly slow: number;
  /** The longest delay of a slow request, on its way there and as much again on its way back. */
  readonly slowMs: number;
  /** A write is refused as conflicting. */
  readonly conflict: number;
  readonly throttled: number;
  readonly retryAfterSecondsMax: number;
  readonly internalError: number;
  /** Spells in which every write is forbidden, per minute. */
  readonly forbiddenSpellsPerMinute: number;
  readonly forbiddenSpellMs: number;
  /** The share of those spells in which nothing may be read either; open watches go on. */
  readonly forbiddenReadShare: number;
  /** A watch is cut at a random time up to `watchCutMs`. */
  readonly watchCut: number;
  readonly watchCutMs: number;
  /** A watch whose events arrive late, all of them by the same delay up to `watchLagMs`. */
  readonly watchLate: number;
  readonly watchLagMs: number;
  /** A watch is refused as out of date. */
  readonly watchExpired: number;
}

export const NO_FAULTS: FaultRates = {
  lostBefore: 0,
  lostAfter: 0,
  slow: 0,
  slowMs: 0,
  conflict: 0,
  throttled: 0,
  retryAfterSecondsMax: 1,
  internalError: 0,
  forbiddenSpellsPerMinute: 0,
  forbiddenSpellMs: 0,
  forbiddenReadShare: 0,
  watchCut: 0,
  watchCutMs: 0,
  watchLate: 0,
  watchLagMs: 0,
  watchExpired: 0,
};

/** What happens to one request. Delays are in the cluster's time. */
export interface Fate {
  readonly fate:
    | 'normal'
    /** Never arrives; the client sees a lost connection. */
    | 'lost-before'
    /** Handled; the client sees a lost connection. */
    | 'lost-after'
    /** Answered with `refusal` and not handled. */
    | 'refused';
  readonly refusal: StatusBody | undefined;
  /** From sending to handling. */
  readonly arrivalDelayMs: number;
  /** From handling to the client's having the answer. */
  readonly answerDelayMs: number;
  /** For a watch: the server ends it after this time; undefined: not by a fault. */
  readonly cutAfterMs: number | undefined;
  /** For a watch: every event arrives so much later. */
  readonly eventDelayMs: number;
}

const NORMAL: Fate = {
  fate: 'normal',
  refusal: undefined,
  arrivalDelayMs: 0,
  answerDelayMs: 0,
  cutAfterMs: undefined,
  eventDelayMs: 0,
};

/** Decides from a seed what goes wrong. It only decides: whoever carries requests acts upon it. */
export class FaultPlanner {
  #rates: FaultRates;
  readonly #random: Random;
  #forbiddenUntilMs = Number.NEGATIVE_INFINITY;
  #nextSpellMs: number | undefined;
  #isReadForbidden = false;

  constructor(rates: FaultRates, random: Random) {
    this.#rates = rates;
    this.#random = random;
  }

  /** New rates from now on; `NO_FAULTS` ends a running spell, too. */
  setRates(rates: FaultRates): void {
    this.#rates = rates;
    this.#nextSpellMs = undefined;
    this.#forbiddenUntilMs = Number.NEGATIVE_INFINITY;
  }

  draw(request: Pick<SimRequest, 'method' | 'url'>, nowMs: number): Fate {
    const isWatch = request.method === 'GET' && /[?&]watch=(true|1)/.test(request.url);
    const isWrite = request.method !== 'GET';
    const delays = this.#drawDelays();
    const refusal = this.#drawRefusal(isWrite, nowMs);
    if (refusal !== undefined) return { ...NORMAL, ...delays, fate: 'refused', refusal };
    if (this.#happens(this.#rates.lostBefore)) return { ...NORMAL, ...delays, fate: 'lost-before' };
    if (!isWatch && this.#happens(this.#rates.lostAfter)) return { ...NORMAL, ...delays, fate: 'lost-after' };
    return isWatch ? { ...NORMAL, ...delays, ...this.#drawWatch() } : { ...NORMAL, ...delays };
  }

  #happens(share: number): boolean {
    return share > 0 && this.#random() < share;
  }

  #drawDelays(): Pick<Fate, 'arrivalDelayMs' | 'answerDelayMs'> {
    const { slow, slowMs } = this.#rates;
    if (!this.#happens(slow)) return { arrivalDelayMs: 0, answerDelayMs: 0 };
    return { arrivalDelayMs: this.#random() * slowMs, answerDelayMs: this.#random() * slowMs };
  }

  /** In the API server's order: what is throttled has not been asked for its rights. */
  #drawRefusal(isWrite: boolean, nowMs: number): StatusBody | undefined {
    const rates = this.#rates;
    if (this.#happens(rates.throttled)) {
      return tooManyRequests(1 + Math.floor(this.#random() * rates.retryAfterSecondsMax));
    }
    if (this.#isForbidden(isWrite, nowMs)) return FORBIDDEN;
    if (this.#happens(rates.internalError)) return internalError('etcdserver: request timed out');
    if (isWrite && this.#happens(rates.conflict)) return CONFLICT;
    return undefined;
  }

  #drawWatch(): Partial<Fate> {
    const { watchExpired, watchCut, watchCutMs, watchLate, watchLagMs } = this.#rates;
    if (this.#happens(watchExpired)) return { fate: 'refused', refusal: EXPIRED };
    return {
      cutAfterMs: this.#happens(watchCut) ? this.#random() * watchCutMs : undefined,
      eventDelayMs: this.#happens(watchLate) ? this.#random() * watchLagMs : 0,
    };
  }

  #isForbidden(isWrite: boolean, nowMs: number): boolean {
    const { forbiddenSpellsPerMinute, forbiddenSpellMs, forbiddenReadShare } = this.#rates;
    if (forbiddenSpellsPerMinute <= 0) return false;
    const pauseMs = (): number => (-Math.log(1 - this.#random()) * 60_000) / forbiddenSpellsPerMinute;
    this.#nextSpellMs ??= nowMs + pauseMs();
    while (this.#nextSpellMs <= nowMs) {
      this.#forbiddenUntilMs = this.#nextSpellMs + forbiddenSpellMs;
      this.#nextSpellMs = this.#forbiddenUntilMs + pauseMs();
      this.#isReadForbidden = this.#happens(forbiddenReadShare);
    }
    return nowMs < this.#forbiddenUntilMs && (isWrite || this.#isReadForbidden);
  }
}

const FORBIDDEN = failure({
  code: 403,
  reason: 'Forbidden',
  message: 'forbidden: User "simulated" cannot do that now',
});
const CONFLICT = failure({
  code: 409,
  reason: 'Conflict',
  message:
    'Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version',
});
const EXPIRED = failure({ code: 410, reason: 'Expired', message: 'too old resource version' });
