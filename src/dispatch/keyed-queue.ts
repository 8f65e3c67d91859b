import assert from 'node:assert/strict';
import type { SlotKey } from '../protocol/slot.ts';
import { RoutedOrder } from './routed-order.ts';

/** A slot that a lane is working on. */
export interface Run {
  readonly lane: number;
  readonly startedAtMs: number;
  /** From when it was queued to when the lane took it. */
  readonly queueWaitMs: number;
}

/**
 * The set of slots that need work, with the meaning of client-go's workqueue: a slot is never on two lanes at once,
 * and however many requests come while it is worked on, it runs exactly once more.
 *
 * That holds over a resize too, because `processing` knows nothing of routing: a slot whose lane changes waits until its
 * old lane is done with it, and nobody else waits.
 */
export class KeyedQueue {
  /** Order of the work. Every slot in it is in `dirty` and not in `processing`. */
  readonly #order: RoutedOrder;
  /** Slots that need work, with the time since when; in the order of that time. */
  readonly #dirty = new Map<SlotKey, number>();
  /**
   * Slots that are being worked on, longest first. One of them may be in `dirty` as well: it is queued again when it is
   * done.
   */
  readonly #processing = new Map<SlotKey, Run>();
  /** Slots in `processing` by lane; a lane that was taken away stays in until it is done. */
  readonly #busy = new Map<number, number>();
  /** Sum of `startedAtMs` over `processing`: makes the unfinished work O(1). */
  #startedSumMs = 0;

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
    return this.#processing.size;
  }

  get waitingDaemonSetCount(): number {
    return this.#order.waitingDaemonSetCount();
  }

  waitingOn(lane: number): number {
    return this.#order.waitingOn(lane);
  }

  processingOn(lane: number): number {
    return this.#busy.get(lane) ?? 0;
  }

  isProcessing(slot: SlotKey): boolean {
    return this.#processing.has(slot);
  }

  isDirty(slot: SlotKey): boolean {
    return this.#dirty.has(slot);
  }

  /** Returns false when the request coalesced with one that waits. */
  add(slot: SlotKey, nowMs: number): boolean {
    if (this.#dirty.has(slot)) return false;
    this.#dirty.set(slot, nowMs);
    if (!this.#processing.has(slot)) this.#order.push(slot);
    return true;
  }

  /** Forgets a request that no lane has taken yet. */
  remove(slot: SlotKey): void {
    if (this.#dirty.delete(slot) && !this.#processing.has(slot)) this.#order.delete(slot);
  }

  /** The lane's next slot; it is being worked on until `done`. */
  get(lane: number, nowMs: number): SlotKey | undefined {
    const slot = this.#order.shift(lane);
    if (slot === undefined) return undefined;
    const queuedAtMs = this.#dirty.get(slot);
    assert.ok(queuedAtMs !== undefined, 'a queued slot is dirty');
    this.#dirty.delete(slot);
    this.#processing.set(slot, { lane, startedAtMs: nowMs, queueWaitMs: nowMs - queuedAtMs });
    this.#busy.set(lane, this.processingOn(lane) + 1);
    this.#startedSumMs += nowMs;
    return slot;
  }

  done(slot: SlotKey, nowMs: number): Run {
    const run = this.#processing.get(slot);
    assert.ok(run !== undefined, `slot ${slot} is done but no lane has it`);
    this.#processing.delete(slot);
    this.#startedSumMs -= run.startedAtMs;
    const busy = this.processingOn(run.lane) - 1;
    if (busy === 0) this.#busy.delete(run.lane);
    else this.#busy.set(run.lane, busy);
    if (this.#dirty.delete(slot)) {
      // It could not have been taken earlier, so its wait for a lane starts here.
      this.#dirty.set(slot, nowMs);
      this.#order.push(slot);
    }
    return run;
  }

  /** What the lane is working on, longest first. */
  processingSlots(lane: number): SlotKey[] {
    if (this.processingOn(lane) === 0) return [];
    return [...this.#processing].filter(([, run]) => run.lane === lane).map(([slot]) => slot);
  }

  /** Lanes that work on something or are there. */
  lanes(): number[] {
    const lanes = new Set(this.#busy.keys());
    for (let lane = 0; lane < this.laneCount; lane++) lanes.add(lane);
    return [...lanes].sort((a, b) => a - b);
  }

  resize(laneCount: number): void {
    this.#order.resize(laneCount);
  }

  unfinishedWorkMs(nowMs: number): number {
    return this.#processing.size * nowMs - this.#startedSumMs;
  }

  longestRunningMs(nowMs: number): number {
    for (const run of this.#processing.values()) return nowMs - run.startedAtMs;
    return 0;
  }

  /** How long the oldest slot that a lane could take waits; 0 when none does. O(slots that are worked on and dirty). */
  oldestWaitMs(nowMs: number): number {
    for (const [slot, sinceMs] of this.#dirty) if (!this.#processing.has(slot)) return nowMs - sinceMs;
    return 0;
  }
}
