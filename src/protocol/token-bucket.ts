import assert from 'node:assert/strict';

/** How fast requests may leave, from all threads together. Plain data: it travels to a thread as it is. */
export interface RateLimit {
  readonly qps: number;
  readonly burst: number;
  /** What has been taken; all who have it share one bucket. */
  readonly memory: SharedArrayBuffer;
}

const NS_PER_MS = 1e6;
/** `charge` can take more than there is; a bucket that is further behind than this has seen a clock jump. */
const DEBT_NS_MAX = 10_000_000_000n;

export function rateLimit(qps: number, burst: number): RateLimit {
  return { qps, burst, memory: new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT) };
}

/**
 * The client-side rate limit: `qps` tokens a second, at most `burst` saved up. A rate or a burst of 0 means no limit.
 *
 * It starts full, and time that runs backwards is taken as no time. Buckets with the same memory are one, in all threads. Who
 * finds none and asks for the next (`nextAtMs`) has it reserved, so that threads that wait get their turn one after the other.
 */
export class TokenBucket {
  readonly #hasLimit: boolean;
  readonly #burst: number;
  readonly #tokenNs: bigint;
  readonly #burstNs: bigint;
  /** One number: when the bucket is full again, in nanoseconds. A token taken moves it on by a token's time. */
  readonly #fullAtNs: BigInt64Array;
  #latestNs = 0n;
  /** From then on a token is there that nobody else gets. */
  #reservedAtNs: bigint | undefined;

  constructor(qps: number, burst: number, memory: SharedArrayBuffer = rateLimit(qps, burst).memory) {
    assert.ok(qps >= 0 && Number.isFinite(qps), 'qps is a number of at least 0');
    assert.ok(burst === 0 || burst >= 1, 'a burst under 1 would never let anything pass');
    this.#hasLimit = qps > 0 && burst > 0;
    this.#burst = burst;
    this.#tokenNs = this.#hasLimit ? BigInt(Math.ceil(1e9 / qps)) : 0n;
    this.#burstNs = BigInt(Math.floor(burst)) * this.#tokenNs;
    this.#fullAtNs = new BigInt64Array(memory);
  }

  /** Whole tokens at hand; Infinity without a limit. */
  available(nowMs: number): number {
    if (!this.#hasLimit) return Number.POSITIVE_INFINITY;
    const nowNs = this.#at(nowMs);
    const missingNs = Atomics.load(this.#fullAtNs, 0) - nowNs;
    if (missingNs <= 0n) {
      // Full: a token beside that would be one too many.
      this.#reservedAtNs = undefined;
      return this.#burst;
    }
    const shared = missingNs > this.#burstNs ? 0 : Number((this.#burstNs - missingNs) / this.#tokenNs);
    return shared + (this.#hasReserved(nowNs) ? 1 : 0);
  }

  /** Takes tokens that `available` said were there; no other thread has been asked since. */
  take(count: number, nowMs: number): void {
    if (!this.#hasLimit) return;
    assert.ok(count <= this.available(nowMs), 'no more tokens than there are');
    this.charge(count, nowMs);
  }

  /** Takes tokens whether they are there or not; then others wait for them. */
  charge(count: number, nowMs: number): void {
    if (!this.#hasLimit || count === 0) return;
    const nowNs = this.#at(nowMs);
    const isReserved = this.#hasReserved(nowNs);
    if (isReserved) this.#reservedAtNs = undefined;
    this.#moveOn(count - (isReserved ? 1 : 0), nowNs);
  }

  /** When the next whole token is there: `nowMs` if one is. Otherwise it is reserved: the bucket that asked is to ask again, and take it. */
  nextAtMs(nowMs: number): number {
    if (this.available(nowMs) >= 1) return nowMs;
    const nowNs = this.#at(nowMs);
    this.#reservedAtNs ??= this.#moveOn(1, nowNs) - this.#burstNs;
    // Rounded up to a whole millisecond: a timer that fires a hair early would find nothing and be set again.
    return nowMs + Math.max(1, Math.ceil(Number(this.#reservedAtNs - nowNs) / NS_PER_MS));
  }

  #hasReserved(nowNs: bigint): boolean {
    return this.#reservedAtNs !== undefined && this.#reservedAtNs <= nowNs;
  }

  /** Returns when the bucket is full again. */
  #moveOn(count: number, nowNs: bigint): bigint {
    for (;;) {
      const before = Atomics.load(this.#fullAtNs, 0);
      const from = before < nowNs ? nowNs : before;
      const latest = nowNs + this.#burstNs + DEBT_NS_MAX;
      const after = (from > latest ? latest : from) + BigInt(count) * this.#tokenNs;
      if (Atomics.compareExchange(this.#fullAtNs, 0, before, after) === before) return after;
    }
  }

  #at(nowMs: number): bigint {
    const nowNs = BigInt(Math.round(nowMs * NS_PER_MS));
    if (nowNs > this.#latestNs) this.#latestNs = nowNs;
    return this.#latestNs;
  }
}
