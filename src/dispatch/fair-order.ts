import type { DaemonSetKey } from '../protocol/slot.ts';
import { type SlotEntry, SlotList } from './slot-entry.ts';

/** A DaemonSet with waiting slots; a member of a ring, so that taking turns is one step along it. */
class Turn extends SlotList {
  readonly daemonSet: DaemonSetKey;
  next: Turn = this;
  previous: Turn = this;

  constructor(daemonSet: DaemonSetKey) {
    super();
    this.daemonSet = daemonSet;
  }
}

/**
 * The waiting slots of one lane: DaemonSets take turns, slots of one DaemonSet are first in, first out.
 *
 * With D DaemonSets waiting, a slot that is k-th of its DaemonSet is shifted after at most D × k shifts, however many
 * slots the others have. All operations are O(1).
 */
export class FairOrder {
  /** Exactly the DaemonSets that have a waiting slot. */
  readonly #turns = new Map<DaemonSetKey, Turn>();
  /** Whose turn it is; undefined when nothing waits. */
  #current: Turn | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get daemonSetCount(): number {
    return this.#turns.size;
  }

  push(entry: SlotEntry): void {
    const turn = this.#turns.get(entry.daemonSet) ?? this.#join(entry.daemonSet);
    turn.push(entry);
    this.#size += 1;
  }

  shift(): SlotEntry | undefined {
    const turn = this.#current;
    if (turn === undefined) return undefined;
    const entry = turn.shift();
    this.#size -= 1;
    this.#current = turn.next;
    if (turn.size === 0) this.#leave(turn);
    return entry;
  }

  /** Returns whether it was in. */
  delete(entry: SlotEntry): boolean {
    const turn = this.#turns.get(entry.daemonSet);
    if (turn === undefined || !turn.delete(entry)) return false;
    this.#size -= 1;
    if (turn.size === 0) this.#leave(turn);
    return true;
  }

  /** DaemonSet by DaemonSet, not in the order of `shift`. */
  *values(): Generator<SlotEntry> {
    for (const turn of this.#turns.values()) yield* turn.values();
  }

  daemonSets(): Iterable<DaemonSetKey> {
    return this.#turns.keys();
  }

  /** A newcomer's turn comes after everybody else's, or it could be served twice while another one waits. */
  #join(daemonSet: DaemonSetKey): Turn {
    const turn = new Turn(daemonSet);
    const first = this.#current ?? turn;
    turn.next = first;
    turn.previous = first.previous;
    first.previous.next = turn;
    first.previous = turn;
    this.#current = first;
    this.#turns.set(daemonSet, turn);
    return turn;
  }

  #leave(turn: Turn): void {
    turn.previous.next = turn.next;
    turn.next.previous = turn.previous;
    if (this.#current === turn) this.#current = turn.next;
    if (turn.next === turn) this.#current = undefined;
    this.#turns.delete(turn.daemonSet);
  }
}
