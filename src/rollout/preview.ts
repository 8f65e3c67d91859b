import type { Candidates } from './candidates.ts';
import { type ChainedLimiter, limiterOf } from './limits/chain.ts';
import { type CandidateKind, isDeletion, type Ledger, take } from './limits/ledger.ts';
import type { Slot } from './slot-state.ts';

/** Candidates that are asked for in one order: while the first is held, so are the others. */
export const QUEUES = ['mark', 'force', 'delete'] as const;
export type Queue = (typeof QUEUES)[number];

export interface Preview {
  /** Who would be asked now. */
  readonly next: ReadonlySet<Slot>;
  /** What holds the others back; undefined: nobody is left. */
  readonly heldBy: Readonly<Record<Queue, ChainedLimiter | undefined>>;
}

interface Picked {
  readonly slot: Slot;
  readonly kind: CandidateKind;
}

/** The next one of a queue, whatever may hold it back. */
export function headOf(candidates: Candidates, queue: Queue): Picked | undefined {
  if (queue === 'delete') return candidates.nextDelete();
  const slot = candidates.next(queue);
  return slot && { slot, kind: queue };
}

/**
 * Who a selection would pick: spends a ledger of its own by the same limiters, and picks from the candidates themselves, because only they
 * know the order, and puts everybody back. The caller has not changed anything in between, so the candidates are as they were.
 */
export function previewOf(candidates: Candidates, ledger: Ledger): Preview {
  const picked: Picked[] = [];
  const heldBy: Record<Queue, ChainedLimiter | undefined> = { mark: undefined, force: undefined, delete: undefined };
  let left = ledger;
  for (const queue of QUEUES) {
    for (let head = headOf(candidates, queue); head !== undefined; head = headOf(candidates, queue)) {
      heldBy[queue] = limiterOf(head.kind, left);
      if (heldBy[queue] !== undefined) break;
      picked.push(head);
      left = take(left, head.kind);
      candidates.place(head.slot, head.kind, undefined);
      if (isDeletion(head.kind)) candidates.addInFlight(head.slot.zone, 1);
    }
  }
  for (const { slot, kind } of picked) {
    if (isDeletion(kind)) candidates.addInFlight(slot.zone, -1);
    candidates.place(slot, undefined, kind);
  }
  return { next: new Set(picked.map(({ slot }) => slot)), heldBy };
}
