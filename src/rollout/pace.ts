/** How a window was chosen; for status and metrics. */
export interface PaceWindow {
  /** Replacements in flight, at most; never more than the budget. */
  readonly size: number;
  /** For people. */
  readonly reason: string;
}

/**
 * Decides how much of the budget is worth using: more pods down than the cluster brings back is harm without speed.
 * Pure: it learns from what it is told, and has no clock of its own.
 */
export interface Pace {
  /** A replacement became available `replacementMs` after its pod's deletion was observed. */
  onCompletion(replacementMs: number, nowMs: number): void;
  /** A deletion left. */
  onDeparture(nowMs: number): void;
  window(budget: number, inFlight: number, nowMs: number): PaceWindow;
}

/** Always the whole budget. */
export const maxPace: Pace = {
  onCompletion: () => {},
  onDeparture: () => {},
  window: (budget) => ({ size: budget, reason: 'pace is max: the whole budget' }),
};
