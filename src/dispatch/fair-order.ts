import type { DaemonSetKey, SlotKey } from '../protocol/slot.ts';
import { daemonSetOfSlot } from '../protocol/slot.ts';
import { Fifo } from './fifo.ts';

/** A DaemonSet with waiting slots; a member of a ring, so that taking turns is one step along it. */
interface Turn {
  readonly daemonSet: DaemonSetKey;
  readonly slots: Fifo<SlotKey>;
  next: Turn;
  previous: Turn;
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

  push(slot: SlotKey): void {
    const daemonSet = daemonSetOfSlot(slot);
    const turn = this.#turns.get(daemonSet) ?? this.#join(daemonSet);
    const before = turn.slots.size;
    turn.slots.push(slot);
    this.#size += turn.slots.size - before;
  }

  shift(): SlotKey | undefined {
    const turn = this.#current;
    if (turn === undefined) return undefined;
    const slot = turn.slots.shift();
    this.#size -= 1;
    this.#current = turn.next;
    if (turn.slots.size === 0) this.#leave(turn);
    return slot;
  }

  delete(slot: SlotKey): boolean {
    const turn = this.#turns.get(daemonSetOfSlot(slot));
    if (turn === undefined || !turn.slots.delete(slot)) return false;
    this.#size -= 1;
    if (turn.slots.size === 0) this.#leave(turn);
    return true;
  }

  has(slot: SlotKey): boolean {
    return this.#turns.get(daemonSetOfSlot(slot))?.slots.has(slot) === true;
  }

  /** DaemonSet by DaemonSet, not in the order of `shift`. */
  *values(): Generator<SlotKey> {
    for (const turn of this.#turns.values()) yield* turn.slots.values();
  }

  daemonSets(): Iterable<DaemonSetKey> {
    return this.#turns.keys();
  }

  /** A newcomer's turn comes after everybody else's, or it could be served twice while another one waits. */
  #join(daemonSet: DaemonSetKey): Turn {
    const turn = { daemonSet, slots: new Fifo<SlotKey>() } as unknown as Turn;
    const first = this.#current ?? turn;
    turn.next = first;
    turn.previous = first.previous ?? turn;
    turn.previous.next = turn;
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
