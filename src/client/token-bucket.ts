/**
 * A token bucket as client-go's rate limiter has it: `burst` requests at once, then `qps` a second. Pure: the time comes
 * in. `qps` 0 lets everything through.
 */
export class TokenBucket {
  readonly #qps: number;
  readonly #burst: number;
  #tokens: number;
  #filledAtMs: number | undefined = undefined;

  constructor(qps: number, burst: number) {
    if (!(qps >= 0) || !(burst >= 1)) throw new RangeError(`a token bucket of ${qps} qps and burst ${burst}`);
    this.#qps = qps;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Takes a token if there is one. */
  tryTake(nowMs: number): boolean {
    if (this.#qps === 0) return true;
    this.#fill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** When the next token is there: `nowMs` or later. */
  nextAtMs(nowMs: number): number {
    if (this.#qps === 0) return nowMs;
    this.#fill(nowMs);
    if (this.#tokens >= 1) return nowMs;
    return nowMs + ((1 - this.#tokens) / this.#qps) * 1000;
  }

  /** Time that runs backwards adds nothing. */
  #fill(nowMs: number): void {
    const elapsedMs = this.#filledAtMs === undefined ? 0 : Math.max(0, nowMs - this.#filledAtMs);
    this.#filledAtMs = Math.max(nowMs, this.#filledAtMs ?? nowMs);
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsedMs * this.#qps) / 1000);
  }
}
