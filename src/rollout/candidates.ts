import { Heap } from './heap.ts';
import { orderCost } from './holdback.ts';
import { actionOf, type CandidateKind } from './limits/ledger.ts';
import type { Slot, Zone, ZoneQueue } from './slot-state.ts';

/**
 * Who may go, in order: unavailable before available; then those that were not refused; then the lowest deletion cost; then the zone with the fewest
 * replacements in flight; then the node's name. Every operation costs O(log n).
 */
export class Candidates {
  readonly #zones = new Map<string, Zone>();
  readonly #unavailable = new Heap<ZoneQueue>(ZONE_RULES);
  readonly #available = new Heap<ZoneQueue>(ZONE_RULES);
  /** Those that take nothing more away: those that were not refused, by node name, then the others. */
  readonly #others = { force: new Heap<Slot>(SLOT_RULES), mark: new Heap<Slot>(SLOT_RULES) };

  get zoneCount(): number {
    return this.#zones.size;
  }

  /** The zone of that name, with one node more. */
  enterZone(name: string): Zone {
    const zone = this.#zones.get(name) ?? newZone(name);
    this.#zones.set(name, zone);
    zone.slotCount += 1;
    return zone;
  }

  leaveZone(zone: Zone): void {
    zone.slotCount -= 1;
    if (zone.slotCount === 0) this.#zones.delete(zone.name);
  }

  /** Puts the slot where it belongs, now that it was `before` and is `after`, or its deletion cost changed. */
  place(slot: Slot, before: CandidateKind | undefined, after: CandidateKind | undefined): void {
    const cost = after === undefined ? 0 : orderCost(slot, actionOf(after));
    if (before === after && (after === undefined || cost === slot.deletionCost)) return;
    this.#remove(slot, before);
    slot.deletionCost = cost;
    this.#add(slot, after);
  }

  addInFlight(zone: Zone, delta: number): void {
    zone.inFlight.count += delta;
    for (const kind of ['unavailable', 'available'] as const) {
      if (zone[kind].slots.size > 0) this.#heads(kind).put(zone[kind]);
    }
  }

  next(kind: CandidateKind): Slot | undefined {
    return kind === 'mark' || kind === 'force' ? this.#others[kind].peek() : this.#heads(kind).peek()?.slots.peek();
  }

  /** The next old pod to delete, whatever its kind. */
  nextDelete(): { readonly slot: Slot; readonly kind: 'unavailable' | 'available' } | undefined {
    for (const kind of ['unavailable', 'available'] as const) {
      const slot = this.next(kind);
      if (slot !== undefined) return { slot, kind };
    }
    return undefined;
  }

  #add(slot: Slot, kind: CandidateKind | undefined): void {
    if (kind === undefined) return;
    if (kind === 'mark' || kind === 'force') {
      this.#others[kind].put(slot);
      return;
    }
    const queue = slot.zone[kind];
    queue.slots.put(slot);
    this.#heads(kind).put(queue);
  }

  #remove(slot: Slot, kind: CandidateKind | undefined): void {
    if (kind === undefined) return;
    if (kind === 'mark' || kind === 'force') {
      this.#others[kind].remove(slot);
      return;
    }
    const queue = slot.zone[kind];
    queue.slots.remove(slot);
    if (queue.slots.size === 0) this.#heads(kind).remove(queue);
    else this.#heads(kind).put(queue);
  }

  #heads(kind: 'unavailable' | 'available'): Heap<ZoneQueue> {
    return kind === 'unavailable' ? this.#unavailable : this.#available;
  }
}

const SLOT_PLACES = {
  placeOf: (slot: Slot) => slot.candidatePlace,
  setPlace: (slot: Slot, place: number) => {
    slot.candidatePlace = place;
  },
};

/** Orders slots by node name; a slot is in one of these heaps or among the candidates, never in both. */
export const NAME_RULES = {
  ...SLOT_PLACES,
  isBefore: (left: Slot, right: Slot) => left.nodeName < right.nodeName,
};

const SLOT_RULES = {
  ...SLOT_PLACES,
  isBefore: (left: Slot, right: Slot) =>
    left.deletionCost === right.deletionCost ? left.nodeName < right.nodeName : left.deletionCost < right.deletionCost,
};

const ZONE_RULES = {
  placeOf: (queue: ZoneQueue) => queue.place,
  setPlace: (queue: ZoneQueue, place: number) => {
    queue.place = place;
  },
  isBefore: (left: ZoneQueue, right: ZoneQueue) => {
    const a = left.slots.peek();
    const b = right.slots.peek();
    if (a === undefined || b === undefined) return b === undefined;
    if (a.deletionCost !== b.deletionCost) return a.deletionCost < b.deletionCost;
    if (left.inFlight.count !== right.inFlight.count) {
      return left.inFlight.count < right.inFlight.count;
    }
    return a.nodeName < b.nodeName;
  },
};

function newZone(name: string): Zone {
  const queue = () => ({ slots: new Heap(SLOT_RULES), inFlight, place: -1 });
  const inFlight = { count: 0 };
  return {
    name,
    slotCount: 0,
    readyCount: 0,
    departures: [],
    replaced: [],
    inFlight,
    unavailable: queue(),
    available: queue(),
  };
}
