import assert from 'node:assert/strict';
import type { SlotKey } from '../protocol/slot.ts';
import type { RunReport } from './dispatch-stats.ts';
import { RoutedOrder } from './routed-order.ts';
import { createEntry, NO_LANE, type SlotEntry, SlotList } from './slot-entry.ts';

/**
 * The set of slots that need work, with the meaning of client-go's workqueue: a slot is never on two lanes at once,
 * and however many requests come while it is worked on, it runs exactly once more.
 *
 * That holds over a resize too, because being worked on has nothing to do with routing: a slot whose lane changes waits until
 * its old lane is done with it, and nobody else waits.
 */
export class KeyedQueue {
  /** Exactly the slots that are dirty, or that a lane works on, or both. */
  readonly #entries = new Map<SlotKey, SlotEntry>();
  /** Order of the work: exactly the entries that are dirty and that no lane works on. */
  readonly #order: RoutedOrder;
  /**
   * What each lane works on, longest first. A lane that was taken away stays in until it is done with everything; a lane
   * without work may be missing.
   */
  readonly #processing = new Map<number, SlotList>();
  #processingCount = 0;

  constructor(laneCount: number) {
    this.#order = new RoutedOrder(laneCount);
  }

  get laneCount(): number {
    return this.#order.laneCount;
  }

  /** Slots that wait for a lane. */
  get depth(): number {
    return this.#order.size;
  }

  get processingCount(): number {
    return this.#processingCount;
  }

  get waitingDaemonSetCount(): number {
    return this.#order.waitingDaemonSetCount();
  }

  waitingOn(lane: number): number {
    return this.#order.waitingOn(lane);
  }

  processingOn(lane: number): number {
    return this.#processing.get(lane)?.size ?? 0;
  }

  /** Returns false when the request coalesced with one that waits. */
  add(slot: SlotKey, nowMs: number): boolean {
    const known = this.#entries.get(slot);
    if (known === undefined) {
      const entry = createEntry(slot, nowMs);
      this.#entries.set(slot, entry);
      this.#order.push(entry);
      return true;
    }
    if (known.isDirty) return false;
    known.isDirty = true;
    known.sinceMs = nowMs;
    return true;
  }

  /** Forgets a request that no lane has taken yet. */
  remove(slot: SlotKey): void {
    const entry = this.#entries.get(slot);
    if (entry === undefined) return;
    entry.isDirty = false;
    if (entry.lane !== NO_LANE) return;
    this.#order.delete(entry);
    this.#entries.delete(slot);
  }

  /** Forgets all requests that no lane has taken yet, and returns them. */
  clear(): SlotKey[] {
    const slots: SlotKey[] = [];
    for (const { slot, isDirty } of this.#entries.values()) if (isDirty) slots.push(slot);
    for (const slot of slots) this.remove(slot);
    return slots;
  }

  /** The lane's next slot; it is being worked on until `done`. */
  get(lane: number, nowMs: number): SlotKey | undefined {
    const entry = this.#order.shift(lane);
    if (entry === undefined) return undefined;
    entry.isDirty = false;
    entry.lane = lane;
    entry.startedAtMs = nowMs;
    entry.queueWaitMs = nowMs - entry.sinceMs;
    this.#workOf(lane).push(entry);
    this.#processingCount += 1;
    return entry.slot;
  }

  done(slot: SlotKey, nowMs: number): RunReport {
    const entry = this.#entries.get(slot);
    // Not `assert`: its message would be put together for every task.
    if (entry === undefined || entry.lane === NO_LANE) assert.fail(`slot ${slot} is done but no lane has it`);
    const { lane, queueWaitMs, startedAtMs } = entry;
    this.#workOf(lane).delete(entry);
    this.#processingCount -= 1;
    entry.lane = NO_LANE;
    if (entry.isDirty) {
      // It could not have been taken earlier, so its wait for a lane starts here.
      entry.sinceMs = nowMs;
      this.#order.push(entry);
    } else {
      this.#entries.delete(slot);
    }
    return { lane, queueWaitMs, workMs: nowMs - startedAtMs };
  }

  /** What the lane is working on, longest first. */
  processingSlots(lane: number): SlotKey[] {
    return [...(this.#processing.get(lane)?.values() ?? [])].map(({ slot }) => slot);
  }

  /** Lanes that work on something or are there. */
  lanes(): number[] {
    const busy = [...this.#processing].filter(([lane, work]) => work.size > 0 && lane >= this.laneCount);
    return [...Array(this.laneCount).keys(), ...busy.map(([lane]) => lane).sort((a, b) => a - b)];
  }

  resize(laneCount: number): void {
    this.#order.resize(laneCount);
  }

  /** O(slots worked on). A running sum of times since 1970 would round a little with every slot. */
  unfinishedWorkMs(nowMs: number): number {
    let sumMs = 0;
    for (const work of this.#processing.values()) {
      for (const { startedAtMs } of work.values()) sumMs += nowMs - startedAtMs;
    }
    return sumMs;
  }

  longestRunningMs(nowMs: number): number {
    let longestMs = 0;
    for (const work of this.#processing.values()) {
      if (work.first !== undefined) longestMs = Math.max(longestMs, nowMs - work.first.startedAtMs);
    }
    return longestMs;
  }

  /** How long the oldest slot that waits for a lane does so; 0 when none does. O(waiting slots). */
  oldestWaitMs(nowMs: number): number {
    let oldestMs = 0;
    for (const { sinceMs } of this.#order.values()) oldestMs = Math.max(oldestMs, nowMs - sinceMs);
    return oldestMs;
  }

  #workOf(lane: number): SlotList {
    let work = this.#processing.get(lane);
    if (work === undefined) {
      work = new SlotList();
      this.#processing.set(lane, work);
    }
    return work;
  }
}
