import { Observation, type ObservedChange } from './observation.ts';

export interface VersionedChange extends ObservedChange {
  /** The resourceVersion as of which it is so. */
  readonly version: number;
}

/**
 * Puts changes that several watches brought in the order in which they became true. One that comes after what followed it
 * has been looked at already is put in its place, and everything since the count began is gone through again: however late
 * a watch is, the report is right once it has arrived.
 */
export class Timeline {
  #observation: Observation;
  /** As it was when the count began. */
  #base: Observation;
  /** Since then, in the order of their versions. */
  #seen: VersionedChange[] = [];

  constructor(name: string) {
    this.#observation = new Observation(name);
    this.#base = this.#observation;
  }

  get observation(): Observation {
    return this.#observation;
  }

  begin(nowMs: number): void {
    this.#observation.begin(nowMs);
    this.#base = this.#observation.fork();
    this.#seen = [];
  }

  add(changes: readonly VersionedChange[], nowMs: number): void {
    const ordered = changes.toSorted(byVersion);
    const newest = this.#seen.at(-1)?.version ?? 0;
    const isLate = (ordered[0]?.version ?? newest) < newest;
    this.#seen.push(...ordered);
    if (isLate) {
      this.#seen.sort(byVersion);
      this.#observation = this.#base.fork();
    }
    this.#observation.observe(isLate ? this.#seen : ordered, nowMs);
  }
}

function byVersion(first: VersionedChange, second: VersionedChange): number {
  return first.version - second.version;
}
