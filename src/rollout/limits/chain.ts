import { budget, roomInBudget } from './budget.ts';
import { failedNodes } from './failed-nodes.ts';
import { type BudgetUse, type CandidateKind, type FlightLimits, giveBack, type Ledger } from './ledger.ts';
import { maxInFlight } from './max-in-flight.ts';
import { maxInFlightPerDaemonSet } from './max-in-flight-per-daemonset.ts';
import { pace } from './pace.ts';
import { refusals } from './refusals.ts';

/** What gives out places, in the order in which it is asked: safety before speed. */
const PLACES = [failedNodes, budget, maxInFlightPerDaemonSet, maxInFlight, pace] as const;
/** All of them in order: the first that says no is the reason. */
export const LIMITERS = [...PLACES, refusals] as const;

export type ChainedLimiter = (typeof LIMITERS)[number];
export type LimitReason = ChainedLimiter['reason'];

/** What holds back one more node of that kind; undefined: it may go. */
export function limiterOf(
  kind: CandidateKind,
  ledger: Ledger,
  limiters: readonly ChainedLimiter[] = LIMITERS,
): ChainedLimiter | undefined {
  return limiters.find((limiter) => limiter.room(kind, ledger) < 1);
}

/** How many of that kind may be asked for together before something says no; not positive: none. Refusals aside, which give out tries. */
export function freePlaces(kind: CandidateKind, ledger: Ledger): number {
  return Math.min(...PLACES.map((limiter) => limiter.room(kind, ledger)));
}

/** Whether an asked deletion that has not left yet still fits the budget: things may have got worse since it was asked. */
export function stillFits(kind: CandidateKind, use: BudgetUse): boolean {
  return roomInBudget(kind, giveBack(use, kind)) >= 1;
}

/** Replacements in flight, at most, whatever the budget is. */
export function windowOf({ perDaemonSet, overAll, pace: paced }: FlightLimits): number {
  return Math.min(perDaemonSet, overAll, paced);
}

/** The limiter of that reason; undefined: it is none, or one of another version. */
export function limiterNamed(reason: string): ChainedLimiter | undefined {
  return LIMITERS.find((limiter) => limiter.reason === reason);
}
