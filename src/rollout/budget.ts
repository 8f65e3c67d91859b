import { type IntOrPercent, scaleIntOrPercent } from '../kube/int-or-percent.ts';

/** What the budget is measured with; all of them node counts. */
export interface BudgetUse {
  readonly allowed: number;
  /** U. */
  readonly unavailable: number;
  /** R: asked, and still available. */
  readonly reserved: number;
  /** F: on their way to a replacement. */
  readonly inFlight: number;
  /** F, and those that failed, and those whose current pod became unavailable again. */
  readonly occupied: number;
  /** Of `occupied`. */
  readonly failed: number;
}

/** The bound on U; `baseCount` is what a percentage is of. Never less than one. */
export function allowedUnavailable(maxUnavailable: IntOrPercent, baseCount: number): number {
  return Math.max(1, scaleIntOrPercent(maxUnavailable, baseCount));
}

/**
 * What may hold back a node whose turn it would be, in the order in which they are asked: the first that refuses is the
 * reason. Codes for machines, so they are never renamed.
 */
export const LIMITERS = [
  'failed-nodes',
  'budget',
  'max-in-flight-per-daemonset',
  'max-in-flight',
  'pace',
  'refusals',
] as const;
export type Limiter = (typeof LIMITERS)[number];

export type Verdict = 'go' | Limiter;

/** What there is room for, besides the budget. The first three are replacements in flight. */
export interface Room {
  /** By the limit on one DaemonSet. */
  readonly perDaemonSet: number;
  /** By what the limit over all DaemonSets leaves to this one, those that it has in flight included. */
  readonly overAll: number;
  readonly pace: number;
  /** Deletions that may be asked for now, which is less than any when the API server refuses all of them. */
  readonly tries: number;
}

export const NO_ROOM_LIMITS: Room = {
  perDaemonSet: Number.POSITIVE_INFINITY,
  overAll: Number.POSITIVE_INFINITY,
  pace: Number.POSITIVE_INFINITY,
  tries: Number.POSITIVE_INFINITY,
};

/** Whether one more old pod may be asked for, and what says no. */
export function verdict(kind: 'unavailable' | 'available', use: BudgetUse, room: Room): Verdict {
  const over = overBudget(kind, use);
  if (over !== undefined) return isStoppedByFailed(kind, use) ? 'failed-nodes' : over;
  if (use.inFlight >= room.perDaemonSet) return 'max-in-flight-per-daemonset';
  if (use.inFlight >= room.overAll) return 'max-in-flight';
  if (use.inFlight >= room.pace) return 'pace';
  return room.tries < 1 ? 'refusals' : 'go';
}

function overBudget(kind: 'unavailable' | 'available', use: BudgetUse): 'budget' | undefined {
  if (use.occupied >= use.allowed) return 'budget';
  if (kind === 'available' && use.unavailable + use.reserved >= use.allowed) return 'budget';
  return undefined;
}

/** They fill the budget alone, or keep what else nothing on its way will make free. */
function isStoppedByFailed(kind: 'unavailable' | 'available', use: BudgetUse): boolean {
  const { allowed, inFlight, occupied, unavailable, failed } = use;
  if (failed >= allowed) return true;
  const others = { ...use, occupied: occupied - failed, unavailable: unavailable - failed };
  return failed > 0 && inFlight === 0 && overBudget(kind, others) === undefined;
}

/** The smallest of the three. */
export function windowOf({ perDaemonSet, overAll, pace }: Room): number {
  return Math.min(perDaemonSet, overAll, pace);
}

/** How many old pods of that kind may be asked for together before the answer is another one; not positive: none. */
export function freePlaces(kind: 'unavailable' | 'available', use: BudgetUse, window: number): number {
  const places = Math.min(use.allowed - use.occupied, window - use.inFlight);
  return kind === 'available' ? Math.min(places, use.allowed - use.unavailable - use.reserved) : places;
}

/** Whether an asked deletion that has not left yet still fits; things may have got worse since it was asked. */
export function stillFits(isPodAvailable: boolean, use: BudgetUse): boolean {
  return use.occupied <= use.allowed && (!isPodAvailable || use.unavailable + use.reserved <= use.allowed);
}
