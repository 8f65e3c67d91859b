import assert from 'node:assert/strict';
import type { DaemonSetKey } from '../protocol/slot.ts';
import { FairOrder } from './fair-order.ts';
import { laneOfHash } from './lane-router.ts';
import type { SlotEntry } from './slot-entry.ts';

/** Waiting slots, each in the fair order of its lane. */
export class RoutedOrder {
  /** One for each lane. A waiting slot is in exactly one of them: that of its hash with the current lane count. */
  #lanes: readonly FairOrder[];
  #size = 0;

  constructor(laneCount: number) {
    this.#lanes = Array.from({ length: laneCount }, () => new FairOrder());
  }

  get laneCount(): number {
    return this.#lanes.length;
  }

  get size(): number {
    return this.#size;
  }

  push(entry: SlotEntry): void {
    this.#laneOf(entry).push(entry);
    this.#size += 1;
  }

  shift(lane: number): SlotEntry | undefined {
    const entry = this.#lanes[lane]?.shift();
    if (entry !== undefined) this.#size -= 1;
    return entry;
  }

  delete(entry: SlotEntry): boolean {
    const wasIn = this.#laneOf(entry).delete(entry);
    if (wasIn) this.#size -= 1;
    return wasIn;
  }

  *values(): Generator<SlotEntry> {
    for (const order of this.#lanes) yield* order.values();
  }

  waitingOn(lane: number): number {
    return this.#lanes[lane]?.size ?? 0;
  }

  /** DaemonSets with a waiting slot on any lane. */
  waitingDaemonSetCount(): number {
    const waiting = new Set<DaemonSetKey>();
    for (const order of this.#lanes) for (const daemonSet of order.daemonSets()) waiting.add(daemonSet);
    return waiting.size;
  }

  /**
   * Waiting slots run nowhere, so those whose lane changes move at once; the others keep their place. O(waiting slots).
   * A slot that is being worked on is not in here: it comes back through `push`, to its new lane, when its old one is done.
   */
  resize(laneCount: number): void {
    const old = this.#lanes;
    if (laneCount === old.length) return;
    this.#lanes = Array.from({ length: laneCount }, (_, lane) => old[lane] ?? new FairOrder());
    for (const [lane, order] of old.entries()) {
      const moving = [...order.values()].filter(({ hash }) => laneOfHash(hash, laneCount) !== lane);
      for (const entry of moving) {
        order.delete(entry);
        this.#laneOf(entry).push(entry);
      }
    }
  }

  #laneOf(entry: SlotEntry): FairOrder {
    const order = this.#lanes[laneOfHash(entry.hash, this.#lanes.length)];
    assert.ok(order !== undefined, 'at least one lane');
    return order;
  }
}
