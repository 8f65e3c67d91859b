import type { WriteName } from '../../protocol/actions/registry.ts';

/** What may be asked of a slot: delete an old pod that is unavailable or available, delete a stuck one by force, or write the OTA condition. */
export type CandidateKind = 'unavailable' | 'available' | 'force' | 'mark';

/** Replacements that may be in flight at a time, the budget apart. */
export interface FlightLimits {
  /** By the limit on one DaemonSet. */
  readonly perDaemonSet: number;
  /** By what the limit over all DaemonSets leaves to this one, those that it has in flight included. */
  readonly overAll: number;
  readonly pace: number;
}

export const NO_FLIGHT_LIMITS: FlightLimits = {
  perDaemonSet: Number.POSITIVE_INFINITY,
  overAll: Number.POSITIVE_INFINITY,
  pace: Number.POSITIVE_INFINITY,
};

/** What is taken of the budget; node counts. */
export interface BudgetUse {
  /** The bound on U, scaled. */
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

/** What is taken of a rollout's budget and limits, and what those are. A value: whoever previews spends one of its own. */
export interface Ledger extends BudgetUse, FlightLimits {
  /** Writes of each kind that may be asked for now: less than any when the API server refuses all of them. */
  readonly tries: Readonly<Record<WriteName, number>>;
}

/** What a candidate is asked for. */
export function actionOf(kind: CandidateKind): WriteName {
  if (kind === 'mark') return 'mark';
  return kind === 'force' ? 'force-delete' : 'delete';
}

/** Whether it takes a pod away, and so a place. */
export function isDeletion(kind: CandidateKind): boolean {
  return kind === 'unavailable' || kind === 'available';
}

/** As it is when one more of that kind is asked for. */
export function take(ledger: Ledger, kind: CandidateKind): Ledger {
  const action = actionOf(kind);
  const tries = { ...ledger.tries, [action]: ledger.tries[action] - 1 };
  return { ...ledger, ...spend(ledger, kind, 1), tries };
}

/** The budget as it was before one of that kind was asked for. */
export function giveBack(use: BudgetUse, kind: CandidateKind): BudgetUse {
  return { ...use, ...spend(use, kind, -1) };
}

function spend({ inFlight, occupied, reserved }: BudgetUse, kind: CandidateKind, count: 1 | -1): Partial<BudgetUse> {
  if (!isDeletion(kind)) return {};
  return {
    inFlight: inFlight + count,
    occupied: occupied + count,
    reserved: reserved + (kind === 'available' ? count : 0),
  };
}
