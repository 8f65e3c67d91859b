import { Heap } from '../../src/rollout/heap.ts';

/** What a pod costs in each step, as shares of one pod's whole work. */
export interface CpuShare {
  readonly terminate: number;
  readonly recreate: number;
  readonly start: number;
}

interface Item<T> {
  readonly at: number;
  readonly order: number;
  readonly value: T;
  place: number;
}

/** Values by a number, and in the order they came for the same number. */
class Ordered<T> {
  #order = 0;
  readonly #heap = new Heap<Item<T>>({
    isBefore: (left, right) => (left.at === right.at ? left.order < right.order : left.at < right.at),
    placeOf: (item) => item.place,
    setPlace: (item, place) => {
      item.place = place;
    },
  });

  get first(): number {
    return this.#heap.peek()?.at ?? Number.POSITIVE_INFINITY;
  }

  add(at: number, value: T): void {
    this.#order += 1;
    this.#heap.put({ at, order: this.#order, value, place: -1 });
  }

  take(): T | undefined {
    const item = this.#heap.peek();
    if (item === undefined) return undefined;
    this.#heap.remove(item);
    return item.value;
  }
}

/** What happens when, in virtual time. */
export class EventQueue {
  readonly #events = new Ordered<() => void>();

  get nextMs(): number {
    return this.#events.first;
  }

  add(atMs: number, run: () => void): void {
    this.#events.add(atMs, run);
  }

  take(): (() => void) | undefined {
    return this.#events.take();
  }
}

/**
 * Work that shares CPUs: with n pods in flight each gets on at perSecond / (n + half) pods a second, so that together they
 * do perSecond × n / (n + half). Kept as one virtual clock that runs at each one's speed.
 */
export class ProcessorSharing<T> {
  readonly #work = new Ordered<T>();
  #done = 0;
  #perSecond = 0;
  #half = 0;

  setCurve(perSecond: number, half: number): void {
    this.#perSecond = perSecond;
    this.#half = half;
  }

  add(podWork: number, value: T): void {
    this.#work.add(this.#done + podWork, value);
  }

  advance(elapsedMs: number, inFlight: number): void {
    this.#done += (elapsedMs / 1000) * this.#speed(inFlight);
  }

  /** When the next piece is done if nothing changes before. */
  nextMs(nowMs: number, inFlight: number): number {
    if (this.#work.first === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
    return nowMs + Math.max(0, ((this.#work.first - this.#done) / this.#speed(inFlight)) * 1000);
  }

  take(): T | undefined {
    return this.#work.take();
  }

  #speed(inFlight: number): number {
    return this.#perSecond / (inFlight + this.#half);
  }
}
