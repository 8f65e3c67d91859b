/** Something planned; `cancel` makes it never happen. */
export interface Planned {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/**
 * Virtual time: a binary heap of things that will happen. Things of the same millisecond happen in the order in which
 * they were planned, so a run depends on nothing but its inputs.
 */
export class Timeline {
  #nowMs: number;
  #order = 0;
  /** May hold cancelled things, which are skipped; never many more of them than others. */
  #heap: Planned[] = [];
  #cancelledCount = 0;

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Plans `run`; a time in the past means now. */
  at(atMs: number, run: () => void): Planned {
    const planned: Planned = { atMs: Math.max(atMs, this.#nowMs), order: this.#order, run };
    this.#order += 1;
    this.#push(planned);
    return planned;
  }

  after(delayMs: number, run: () => void): Planned {
    return this.at(this.#nowMs + delayMs, run);
  }

  cancel(planned: Planned | undefined): void {
    if (planned?.run === undefined) return;
    planned.run = undefined;
    this.#cancelledCount += 1;
    if (this.#cancelledCount > 64 && this.#cancelledCount > this.#heap.length / 2) this.#compact();
  }

  /** When the next thing happens; undefined when nothing is planned. */
  nextMs(): number | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return undefined;
      if (first.run !== undefined) return first.atMs;
      this.#pop();
      this.#cancelledCount -= 1;
    }
  }

  /** Lets everything up to and including `nowMs` happen. A time before the present changes nothing. */
  advanceTo(nowMs: number): void {
    for (;;) {
      const next = this.nextMs();
      if (next === undefined || next > nowMs) break;
      const planned = this.#pop();
      this.#nowMs = Math.max(this.#nowMs, planned.atMs);
      const run = planned.run;
      planned.run = undefined;
      run?.();
    }
    this.#nowMs = Math.max(this.#nowMs, nowMs);
  }

  /** An array in order is a heap. */
  #compact(): void {
    this.#heap = this.#heap.filter(({ run }) => run !== undefined).sort((a, b) => (isBefore(a, b) ? -1 : 1));
    this.#cancelledCount = 0;
  }

  #push(planned: Planned): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(planned);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Planned;
      if (!isBefore(planned, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = planned;
  }

  #pop(): Planned {
    const heap = this.#heap;
    const first = heap[0] as Planned;
    const last = heap.pop() as Planned;
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Planned, heap[child] as Planned)) child += 1;
      if (!isBefore(heap[child] as Planned, last)) break;
      heap[index] = heap[child] as Planned;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(left: Planned, right: Planned): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
}
