import assert from 'node:assert/strict';

/**
 * The client-side rate limit: `qps` tokens a second, at most `burst` saved up. A rate or a burst of 0 means no limit.
 *
 * It starts full, and time that runs backwards is taken as no time.
 */
export class TokenBucket {
  readonly #qps: number;
  readonly #burst: number;
  #tokens: number;
  #refilledAtMs = Number.NEGATIVE_INFINITY;

  constructor(qps: number, burst: number) {
    assert.ok(qps >= 0 && Number.isFinite(qps), 'qps is a number of at least 0');
    assert.ok(burst === 0 || burst >= 1, 'a burst under 1 would never let anything pass');
    this.#qps = burst === 0 ? 0 : qps;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Whole tokens at hand; Infinity without a limit. */
  available(nowMs: number): number {
    if (this.#qps === 0) return Number.POSITIVE_INFINITY;
    this.#refill(nowMs);
    return Math.floor(this.#tokens);
  }

  /** Takes tokens that `available` said were there. */
  take(count: number, nowMs: number): void {
    if (this.#qps === 0) return;
    assert.ok(count <= this.available(nowMs), 'no more tokens than there are');
    this.#tokens -= count;
  }

  /** When the next whole token is there: `nowMs` if one is. */
  nextAtMs(nowMs: number): number {
    if (this.available(nowMs) >= 1) return nowMs;
    // Rounded up to a whole millisecond: a timer that fires a hair early would find nothing and be set again.
    return nowMs + Math.ceil(((1 - this.#tokens) / this.#qps) * 1000);
  }

  #refill(nowMs: number): void {
    if (nowMs <= this.#refilledAtMs) return;
    const elapsedMs = nowMs - Math.max(this.#refilledAtMs, nowMs - (this.#burst / this.#qps) * 1000);
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsedMs * this.#qps) / 1000);
    this.#refilledAtMs = nowMs;
  }
}
