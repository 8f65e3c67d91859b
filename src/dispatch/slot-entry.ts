import type { DaemonSetKey, SlotKey } from '../protocol/slot.ts';
import { daemonSetOfSlot } from '../protocol/slot.ts';
import { hashOfSlot } from './lane-router.ts';

/** `lane` of a slot that no lane works on. */
export const NO_LANE = -1;

/**
 * All that the queue knows of one slot, in one place: found once by its key, and from then on passed along by reference. (A
 * set each for dirty, processing and order costs ten look-ups of a long string a task, which is most of the dispatcher's time.)
 */
export interface SlotEntry {
  readonly slot: SlotKey;
  readonly daemonSet: DaemonSetKey;
  /** For routing. */
  readonly hash: number;

  /** The slot needs work. It is in the order exactly when it is dirty and no lane works on it. */
  isDirty: boolean;
  /** Since when a lane could take it, or, while one works on it, since when it is dirty. */
  sinceMs: number;

  /** The lane that works on it, or NO_LANE; the next two are of that run. */
  lane: number;
  startedAtMs: number;
  queueWaitMs: number;

  /** Its neighbours in the list that it waits in or is worked on in, and that list. */
  previous: SlotEntry | undefined;
  next: SlotEntry | undefined;
  list: SlotList | undefined;
}

export function createEntry(slot: SlotKey, nowMs: number): SlotEntry {
  return {
    slot,
    daemonSet: daemonSetOfSlot(slot),
    hash: hashOfSlot(slot),
    isDirty: true,
    sinceMs: nowMs,
    lane: NO_LANE,
    startedAtMs: 0,
    queueWaitMs: 0,
    previous: undefined,
    next: undefined,
    list: undefined,
  };
}

/** First in, first out; every operation is O(1). An entry is in one list at most. */
export class SlotList {
  /** Exactly the entries between these two have `list` set to this one. */
  #first: SlotEntry | undefined;
  #last: SlotEntry | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): SlotEntry | undefined {
    return this.#first;
  }

  push(entry: SlotEntry): void {
    entry.list = this;
    entry.previous = this.#last;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    this.#size += 1;
  }

  shift(): SlotEntry | undefined {
    const first = this.#first;
    if (first !== undefined) this.delete(first);
    return first;
  }

  /** Returns whether it was in. */
  delete(entry: SlotEntry): boolean {
    if (entry.list !== this) return false;
    const { previous, next } = entry;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    entry.list = entry.previous = entry.next = undefined;
    this.#size -= 1;
    return true;
  }

  *values(): Generator<SlotEntry> {
    for (let entry = this.#first; entry !== undefined; entry = entry.next) yield entry;
  }
}
