/** What a window is chosen for; counts of nodes. */
export interface PaceUse {
  readonly budget: number;
  readonly inFlight: number;
  /** Of `inFlight`, those whose new pod does not exist yet. */
  readonly pending: number;
  /** Nodes that count as failed; they are not in flight. */
  readonly failed: number;
  /** Those that would be asked if there were room for them. */
  readonly waiting: number;
  readonly nowMs: number;
}

export const NOT_USED: PaceUse = { budget: 0, inFlight: 0, pending: 0, failed: 0, waiting: 0, nowMs: 0 };

/** The DaemonSet controller created the successor of a pod. */
export interface Recreation {
  /** Since the old pod was gone. */
  readonly delayMs: number;
  /** Since its deletion was observed. */
  readonly sinceDeletionMs: number;
}

export const PACE_PHASES = ['max', 'idle', 'starting', 'steady', 'stalled'] as const;

/** What a pace has learned; for status and metrics. */
export interface PaceStatus {
  /** `max`: it does not adapt. `starting`: it still opens the window, or waits for the first to come back. `steady`: it holds it.
   * `stalled`: nothing comes back any more. */
  readonly phase: (typeof PACE_PHASES)[number];
  /** Replacements in flight, at most, when it was asked last; never more than the budget. */
  readonly window: number;
  /** Why, for people. */
  readonly reason: string;
  /** Replacements that became available, a second. */
  readonly ratePerSecond: number;
  /** How long a replacement takes when none waits for another; undefined: not known yet. */
  readonly undisturbedMs: number | undefined;
}

/**
 * Decides how much of the budget is worth using: more pods down than the cluster brings back is harm without speed.
 * Pure: it learns from what it is told, and has no clock of its own. Whoever asks for a window asks again after every
 * event, and at `nextWakeMs`.
 */
export interface Pace {
  /** A deletion was decided on. */
  onDeparture(nowMs: number): void;
  onRecreated(recreation: Recreation, nowMs: number): void;
  /** A replacement became available `replacementMs` after its pod's deletion was observed. */
  onCompletion(replacementMs: number, nowMs: number): void;
  /** Replacements in flight, at most; from 1 to the budget. */
  window(use: PaceUse): number;
  status(nowMs: number): PaceStatus;
  /** When the window that was just told may be larger though nothing happens; later than `nowMs`. */
  nextWakeMs(nowMs: number): number | undefined;
}

/** Always the whole budget. */
export class MaxPace implements Pace {
  #use: PaceUse = NOT_USED;

  onDeparture(): void {}
  onRecreated(): void {}
  onCompletion(): void {}

  window(use: PaceUse): number {
    this.#use = use;
    return use.budget;
  }

  status(): PaceStatus {
    const reason = `pace is max: the whole budget${failedWords(this.#use)}`;
    return { phase: 'max', window: this.#use.budget, reason, ratePerSecond: 0, undisturbedMs: undefined };
  }

  nextWakeMs(): undefined {
    return undefined;
  }
}

/** Those that may never come back. */
export function failedWords({ failed }: Pick<PaceUse, 'failed'>): string {
  if (failed === 0) return '';
  return failed === 1 ? '; one node failed' : `; ${failed} nodes failed`;
}
