/** The monotonic clock of one process: it runs at its own rate, and its origin has nothing to do with the API server's. */
export class ProcessClock {
  readonly #startMs: number;
  readonly #originMs: number;
  readonly #rate: number;

  constructor(options: { readonly startMs: number; readonly originMs: number; readonly rate: number }) {
    this.#startMs = options.startMs;
    this.#originMs = options.originMs;
    this.#rate = options.rate;
  }

  /** What the process reads at a moment of true time. */
  read(trueMs: number): number {
    return this.#originMs + (trueMs - this.#startMs) * this.#rate;
  }

  /** When the process reads `ownMs`. */
  trueOf(ownMs: number): number {
    return this.#startMs + (ownMs - this.#originMs) / this.#rate;
  }

  /** A span of the process's time, in true time. */
  span(ownMs: number): number {
    return ownMs / this.#rate;
  }
}

/** The wall clocks of the machines that stamp the API's objects: they are wrong, and step. */
export class StampClock {
  readonly #steps: { readonly fromMs: number; readonly offsetMs: number }[] = [];

  get isTrue(): boolean {
    return this.#steps.length === 0;
  }

  step(nowMs: number, offsetMs: number): void {
    this.#steps.push({ fromMs: nowMs, offsetMs });
  }

  /** What was written for a moment of true time. */
  stamp(trueMs: number): number {
    for (let index = this.#steps.length - 1; index >= 0; index -= 1) {
      const step = this.#steps[index];
      if (step !== undefined && step.fromMs <= trueMs) return trueMs + step.offsetMs;
    }
    return trueMs;
  }
}
