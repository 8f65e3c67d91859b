import { type BudgetUse, type Limiter, type Room, verdict } from './budget.ts';
import type { Candidates } from './candidates.ts';
import type { Slot } from './slot-state.ts';

export interface Preview {
  /** Who would be asked now, in order; empty when nothing holds anybody back. */
  readonly next: ReadonlySet<Slot>;
  /** What holds the others back; undefined: nothing. */
  readonly limit: Limiter | undefined;
  /** Forced deletions are refused, whosever pod it is. */
  readonly areForcedRefused: boolean;
}

/**
 * Who a selection would pick: picks from the candidates themselves, because only they know the order, and puts everybody
 * back. The caller has not changed anything in between, so the candidates are as they were.
 */
export function previewDeletes(candidates: Candidates, use: BudgetUse, room: Room): Omit<Preview, 'areForcedRefused'> {
  const picked: { slot: Slot; kind: 'unavailable' | 'available' }[] = [];
  let { inFlight, occupied, reserved } = use;
  let limit: Preview['limit'] = 'budget';
  for (let head = candidates.nextDelete(); head !== undefined; head = candidates.nextDelete()) {
    const answer = verdict(
      head.kind,
      { ...use, inFlight, occupied, reserved },
      { ...room, tries: room.tries - picked.length },
    );
    if (answer !== 'go') {
      limit = answer;
      break;
    }
    picked.push(head);
    candidates.place(head.slot, head.kind, undefined);
    candidates.addInFlight(head.slot.zone, 1);
    inFlight += 1;
    occupied += 1;
    if (head.kind === 'available') reserved += 1;
  }
  for (const { slot, kind } of picked) {
    candidates.addInFlight(slot.zone, -1);
    candidates.place(slot, undefined, kind);
  }
  return { next: new Set(picked.map(({ slot }) => slot)), limit };
}
