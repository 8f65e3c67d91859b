import { type IntOrPercent, scaleIntOrPercent } from '../kube/int-or-percent.ts';

/** What the budget is measured with; all of them node counts. */
export interface BudgetUse {
  readonly allowed: number;
  /** U. */
  readonly unavailable: number;
  /** R: asked, and still available. */
  readonly reserved: number;
  readonly inFlight: number;
}

/** The bound on U: the policy's share of the nodes that should run the pod, Ready or not; never less than one. */
export function allowedUnavailable(maxUnavailable: IntOrPercent, eligibleCount: number): number {
  return Math.max(1, scaleIntOrPercent(maxUnavailable, eligibleCount));
}

export type Verdict = 'go' | 'budget' | 'window' | 'refusals';

/** What there is room for, besides the budget. */
export interface Room {
  /** Replacements in flight, as the pace has it. */
  readonly window: number;
  /** Deletions that may be asked for now, which is less than any when the API server refuses all of them. */
  readonly tries: number;
}

/**
 * Whether one more old pod may be asked for. `budget`: it would take more down than is allowed; `window`: it would not,
 * but the pace holds it back; `refusals`: deletions are refused, and the next try has to wait.
 */
export function verdict(kind: 'unavailable' | 'available', use: BudgetUse, room: Room): Verdict {
  if (use.inFlight >= use.allowed) return 'budget';
  if (kind === 'available' && use.unavailable + use.reserved >= use.allowed) return 'budget';
  if (use.inFlight >= room.window) return 'window';
  return room.tries < 1 ? 'refusals' : 'go';
}

/** How many old pods of that kind may be asked for together before the answer is `budget` or `window`; not positive: none. */
export function freePlaces(kind: 'unavailable' | 'available', use: BudgetUse, window: number): number {
  const inWindow = Math.min(use.allowed, window) - use.inFlight;
  return kind === 'available' ? Math.min(inWindow, use.allowed - use.unavailable - use.reserved) : inWindow;
}

/** Whether an asked deletion that has not left yet still fits; things may have got worse since it was asked. */
export function stillFits(isPodAvailable: boolean, use: BudgetUse): boolean {
  return use.inFlight <= use.allowed && (!isPodAvailable || use.unavailable + use.reserved <= use.allowed);
}
