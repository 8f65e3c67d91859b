/**
 * Delay before retry n (the first is 0) of the same thing: exponential from 5 ms to 60 s.
 *
 * 5 ms × 2^n: 5, 10, 20, 40, 80, 160, 320, 640 ms, 1.3, 2.6, 5.1, 10, 20, 41, 60 s. The first eight retries fit into 1.3 s, so a
 * blip costs little; the cap is reached with retry 14, after 82 s of waiting, and from then on a slot costs the API
 * server one request a minute. (client-go has the same start and 1000 s as its end; that is too long for one pod to
 * stay behind after a long outage.)
 */
const BACKOFF_MIN_MS = 5;
const BACKOFF_MAX_MS = 60_000;

/**
 * Up to a half is added at random: slots that were refused in the same instant must not come back in the same instant.
 * Added, never taken away, because a Retry-After is a promise.
 */
const BACKOFF_JITTER = 0.5;

/** The exponent is bounded before it is used: 2^1024 is Infinity, and Infinity times 0 is no number. */
const DOUBLINGS_MAX = 16;

export interface BackoffInput {
  /** Failures in a row before this one. */
  readonly failures: number;
  /** The server's Retry-After; 0 when it gave none. */
  readonly atLeastMs: number;
  /** In [0, 1). */
  readonly random: number;
}

export function backoffMs(input: BackoffInput): number {
  const exponentialMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(input.failures, DOUBLINGS_MAX));
  return Math.max(exponentialMs, input.atLeastMs) * (1 + BACKOFF_JITTER * input.random);
}
