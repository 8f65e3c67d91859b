import assert from 'node:assert/strict';
import type { DaemonSetKey, SlotKey } from '../protocol/slot.ts';
import { FairOrder } from './fair-order.ts';
import { laneOfSlot } from './lane-router.ts';

/** Waiting slots, each in the fair order of its lane. */
export class RoutedOrder {
  /** One for each lane. A waiting slot is in exactly one of them: that of `laneOfSlot` with the current lane count. */
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

  push(slot: SlotKey): void {
    const order = this.#laneOf(slot);
    const before = order.size;
    order.push(slot);
    this.#size += order.size - before;
  }

  shift(lane: number): SlotKey | undefined {
    const slot = this.#lanes[lane]?.shift();
    if (slot !== undefined) this.#size -= 1;
    return slot;
  }

  delete(slot: SlotKey): boolean {
    const wasIn = this.#laneOf(slot).delete(slot);
    if (wasIn) this.#size -= 1;
    return wasIn;
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
      const moving = [...order.values()].filter((slot) => laneOfSlot(slot, laneCount) !== lane);
      for (const slot of moving) {
        order.delete(slot);
        this.#laneOf(slot).push(slot);
      }
    }
  }

  #laneOf(slot: SlotKey): FairOrder {
    const order = this.#lanes[laneOfSlot(slot, this.#lanes.length)];
    assert.ok(order !== undefined, 'at least one lane');
    return order;
  }
}
