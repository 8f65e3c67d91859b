import { roomInBudget } from './budget.ts';
import type { CandidateKind, Ledger } from './ledger.ts';
import type { Limiter } from './limiter.ts';

/** The budget, where it is failed nodes that keep it: they fill it alone, or keep what nothing on its way will make free. */
export const failedNodes = {
  reason: 'failed-nodes',
  meaning: 'nodes whose update failed keep their place in the budget and fill it, or are all that is left',
  words: 'failed nodes fill the budget',
  nodeReason: 'waiting-failed',
  nodeMeaning: 'failed nodes fill the budget',
  room: (kind, ledger) => (isStoppedByFailed(kind, ledger) ? 0 : Number.POSITIVE_INFINITY),
} as const satisfies Limiter;

function isStoppedByFailed(kind: CandidateKind, ledger: Ledger): boolean {
  const { allowed, failed, inFlight, occupied, unavailable } = ledger;
  if (failed === 0 || roomInBudget(kind, ledger) >= 1) return false;
  if (failed >= allowed) return true;
  const others = { ...ledger, occupied: occupied - failed, unavailable: unavailable - failed };
  return inFlight === 0 && roomInBudget(kind, others) >= 1;
}
