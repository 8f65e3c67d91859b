/**
 * The clocks of one process. The monotonic one runs at its own rate, its origin has nothing to do with the API server's, and it
 * stands still while the machine is suspended. The wall clock goes on, is wrong, and is corrected.
 */
export class ProcessClock {
  readonly #startMs: number;
  readonly #originMs: number;
  readonly #rate: number;
  /** For how long it stood still. */
  #lostMs = 0;
  #standsSinceMs: number | undefined;
  #wallOffsetMs = 0;

  constructor(options: { readonly startMs: number; readonly originMs: number; readonly rate: number }) {
    this.#startMs = options.startMs;
    this.#originMs = options.originMs;
    this.#rate = options.rate;
  }

  /** What the process reads at a moment of true time. */
  read(trueMs: number): number {
    const turnedMs = Math.min(trueMs, this.#standsSinceMs ?? Number.POSITIVE_INFINITY) - this.#lostMs;
    return this.#originMs + (turnedMs - this.#startMs) * this.#rate;
  }

  /** When the process reads `ownMs`. */
  trueOf(ownMs: number): number {
    return this.#startMs + this.#lostMs + (ownMs - this.#originMs) / this.#rate;
  }

  /** From now on the monotonic clock stands still. */
  stand(trueMs: number): void {
    this.#standsSinceMs ??= trueMs;
  }

  goOn(trueMs: number): void {
    this.#lostMs += trueMs - (this.#standsSinceMs ?? trueMs);
    this.#standsSinceMs = undefined;
  }

  wall(trueMs: number): number {
    return trueMs + this.#wallOffsetMs;
  }

  setWall(offsetMs: number): void {
    this.#wallOffsetMs = offsetMs;
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
