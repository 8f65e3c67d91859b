import { monotonicMs } from '../clock.ts';
import type { Outcome } from '../protocol/outcome.ts';

/** Many requests are refused at once; an exec plugin is not to be called for each. */
const INTERVAL_MS = 5_000;

/** Asks for new credentials when the API server does not take the present ones, in a lane or on the main thread. */
export class RefreshOnRefusal {
  readonly #refresh: () => Promise<unknown>;
  readonly #onFailed: (error: Error) => void;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(refresh: () => Promise<unknown>, onFailed: (error: Error) => void) {
    this.#refresh = refresh;
    this.#onFailed = onFailed;
  }

  onOutcome({ code, httpStatus }: Pick<Outcome, 'code' | 'httpStatus'>): void {
    if (code === 'forbidden' && httpStatus === 401) this.onUnauthorized();
  }

  onUnauthorized(): void {
    const nowMs = monotonicMs();
    if (nowMs - this.#askedAtMs < INTERVAL_MS) return;
    this.#askedAtMs = nowMs;
    this.#refresh().catch(this.#onFailed);
  }
}
