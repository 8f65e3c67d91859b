import type { Planned, Timeline } from '../../src/simulator/timeline.ts';
import type { ProcessClock } from './clocks.ts';

/** `renewal`: a write of the lease has just left; `batch`: tasks are on their way to a lane. */
export type Moment = 'renewal' | 'batch';

/**
 * One operating-system process: nothing of it runs while it is stopped (SIGSTOP, a swapped-out machine) or after it died,
 * but its clock goes on; unless its machine is suspended. Its timers come when they would have come: early by its own clock then.
 */
export class SimProcess {
  readonly id: string;
  readonly clock: ProcessClock;
  readonly timeline: Timeline;
  #state: 'running' | 'stopped' | 'dead' = 'running';
  #waiting: (() => void)[] = [];
  /** What is to happen at the next moment of that kind. */
  readonly #ambushes = new Map<Moment, () => void>();

  constructor(options: { readonly id: string; readonly clock: ProcessClock; readonly timeline: Timeline }) {
    this.id = options.id;
    this.clock = options.clock;
    this.timeline = options.timeline;
  }

  get nowMs(): number {
    return this.clock.read(this.timeline.nowMs);
  }

  get wallMs(): number {
    return this.clock.wall(this.timeline.nowMs);
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  get isStopped(): boolean {
    return this.#state === 'stopped';
  }

  /** Runs a part of the process; later, when it is stopped. */
  run(part: () => void): void {
    if (this.#state === 'running') part();
    else if (this.#state === 'stopped') this.#waiting.push(part);
  }

  /** Runs it at a time of the process's own clock. */
  at(ownMs: number, part: () => void): Planned {
    return this.timeline.at(this.clock.trueOf(ownMs), () => this.run(part));
  }

  after(delayMs: number, part: () => void): Planned {
    return this.timeline.after(this.clock.span(delayMs), () => this.run(part));
  }

  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped';
  }

  /** Stops it with its machine. */
  suspend(): void {
    if (this.#state !== 'running') return;
    this.stop();
    this.clock.stand(this.timeline.nowMs);
  }

  resume(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    this.clock.goOn(this.timeline.nowMs);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const part of waiting) this.run(part);
  }

  /** Moments at which a process is vulnerable are short: a fault that waits for one finds more than one at random. */
  ambush(moment: Moment, part: () => void): void {
    this.#ambushes.set(moment, part);
  }

  /** The moment is there. */
  reach(moment: Moment): void {
    const part = this.#ambushes.get(moment);
    this.#ambushes.delete(moment);
    part?.();
  }

  kill(): void {
    this.#state = 'dead';
    this.#waiting = [];
  }
}
