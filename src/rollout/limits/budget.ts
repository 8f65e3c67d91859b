import { type BudgetUse, type CandidateKind, isDeletion } from './ledger.ts';
import type { Limiter } from './limiter.ts';

/** `maxUnavailable`: see docs/design.md, "The budget". */
export const budget = {
  reason: 'budget',
  meaning: 'as many nodes as allowed are without an available pod',
  words: 'as many nodes as allowed are without an available pod',
  nodeReason: 'waiting-budget',
  nodeMeaning: 'as many nodes as allowed are without an available pod',
  room: roomInBudget,
} as const satisfies Limiter;

/** Nodes whose pod is not available lose nothing: they need a place of their own, and not one in U. */
export function roomInBudget(kind: CandidateKind, use: BudgetUse): number {
  if (!isDeletion(kind)) return Number.POSITIVE_INFINITY;
  const { allowed, occupied, unavailable, reserved } = use;
  const places = allowed - occupied;
  return kind === 'available' ? Math.min(places, allowed - unavailable - reserved) : places;
}
