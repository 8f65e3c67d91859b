import { monotonicMs } from '../clock.ts';
import { type RateLimit, TokenBucket } from '../protocol/token-bucket.ts';

interface Waiting {
  readonly go: () => void;
  isGone: boolean;
}

/** Lets requests pass one after the other, as the rate limit allows: first come, first served. */
export class RateGate {
  readonly #bucket: TokenBucket;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor({ qps, burst, memory }: RateLimit) {
    this.#bucket = new TokenBucket(qps, burst, memory);
  }

  /** Resolves when a request may leave; at once and without a place when it is not wanted any more. */
  pass(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting: Waiting = {
        isGone: signal?.aborted ?? false,
        go: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      const leave = (): void => {
        waiting.isGone = true;
        resolve();
      };
      if (waiting.isGone) {
        resolve();
        return;
      }
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiting);
      if (this.#timer === undefined) this.#admit();
    });
  }

  /** For a request that cannot wait: it leaves at once, and others wait the longer. */
  charge(): void {
    this.#bucket.charge(1, monotonicMs());
  }

  /** Whoever waits goes now: the end of the process does not wait for a rate. */
  close(): void {
    clearTimeout(this.#timer);
    for (const { go } of this.#waiting.splice(0)) go();
  }

  #admit(): void {
    this.#timer = undefined;
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined) return;
      if (!next.isGone) {
        const nowMs = monotonicMs();
        if (this.#bucket.available(nowMs) < 1) {
          this.#timer = setTimeout(() => this.#admit(), this.#bucket.nextAtMs(nowMs) - nowMs);
          return;
        }
        this.#bucket.charge(1, nowMs);
        next.go();
      }
      this.#waiting.shift();
    }
  }
}
