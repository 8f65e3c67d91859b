interface Sample {
  readonly atMs: number;
  readonly count: number;
}

/** The rate of something that is counted, over the last few seconds and since the first sample. */
export class RateMeter {
  readonly #windowMs: number;
  #first: Sample | undefined;
  #samples: Sample[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** `count` is the total so far. */
  sample(count: number, atMs: number): { readonly now: number; readonly average: number } {
    const latest = { atMs, count };
    this.#first ??= latest;
    this.#samples.push(latest);
    // One sample from before the window stays: the window begins there.
    while ((this.#samples[1]?.atMs ?? atMs) <= atMs - this.#windowMs) this.#samples.shift();
    return { now: perSecond(this.#samples[0] ?? latest, latest), average: perSecond(this.#first, latest) };
  }
}

function perSecond(from: Sample, to: Sample): number {
  return to.atMs > from.atMs ? ((to.count - from.count) / (to.atMs - from.atMs)) * 1000 : 0;
}
