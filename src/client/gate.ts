/** Begins what waits in line; false when it is not wanted any more, and then it takes no place. */
type Begin = () => boolean;

/** Lets no more than a number of things go on at once, first come, first served; the number may change at any time. */
export class Gate {
  #max: number;
  #running = 0;
  readonly #waiting: Begin[] = [];
  #onEmpty: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** Begins at once if there is a place, else as soon as there is. Whatever began has to `leave`. */
  enter(begin: Begin): void {
    this.#waiting.push(begin);
    this.#admit();
  }

  leave(): void {
    this.#running -= 1;
    this.#admit();
  }

  /** Fewer: what goes on is not disturbed, the next ones wait. */
  setMax(max: number): void {
    this.#max = max;
    this.#admit();
  }

  /** Ends when nothing waits in line. */
  empty(): Promise<void> {
    if (this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  #admit(): void {
    while (this.#running < this.#max) {
      const begin = this.#waiting.shift();
      if (begin === undefined) break;
      if (begin()) this.#running += 1;
    }
    if (this.#waiting.length > 0) return;
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }
}
