import type { Task } from '../protocol/task.ts';
import type { CandidateKind } from './limits/ledger.ts';
import { type Choice, deletionCostOf, type Slot } from './slot-state.ts';

/** Every pod may be marked at once, and nearly all for the same reason. */
const MARK: Choice = { kind: 'mark', deletionCost: 0, zone: '', refusedCount: 0 };

/** Of the slot, while it still is that candidate. */
export function choiceOf(slot: Slot, kind: CandidateKind): Choice {
  const refusedCount = slot.refusal?.count ?? 0;
  if (kind === 'mark' && refusedCount === 0) return MARK;
  return { kind, deletionCost: deletionCostOf(slot), zone: slot.zone.name, refusedCount };
}

/** The reason in words. */
export function whyChosen({ kind, deletionCost, zone, refusedCount }: Choice, task: Task): string {
  const refusals = refusedCount === 1 ? '1 refusal' : `${refusedCount} refusals`;
  const again = refusedCount === 0 ? '' : `; tried again after ${refusals}`;
  switch (kind) {
    case 'unavailable':
      return `old and unavailable${again}`;
    case 'available': {
      if (again !== '') return `old${again}`;
      const cost = deletionCost === 0 ? '' : `lowest deletion cost (${deletionCost}), `;
      return `old; ${cost}next ${zone === '' ? 'by name' : `in zone ${zone}`}`;
    }
    case 'force':
      return `stuck in Terminating, and the DaemonSet asks for force${again}`;
    case 'mark':
      return `${task.action === 'mark' && !task.needsUpgrade ? 'current' : 'old'}, and not marked so${again}`;
  }
}
