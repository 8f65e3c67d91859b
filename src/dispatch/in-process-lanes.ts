import assert from 'node:assert/strict';
import type { Connection } from '../protocol/connection.ts';
import type { Outcome } from '../protocol/outcome.ts';
import type { TaskBatch } from '../protocol/task.ts';
import { withinMs } from './deadline.ts';
import type { LaneCallbacks, LaneHealth, LanePool, LaneStats } from './lane-pool.ts';

/** What a worker thread runs, without the thread: `createExecutor` of workers/executor.ts, and `runBatch` over it. */
export interface InProcessExecutor {
  run(batch: TaskBatch, onEarly: (outcomes: Outcome[]) => void): Outcome[] | Promise<Outcome[]>;
  setConnection(connection: Connection): void;
  /** Ends what is under way by a reset. */
  abort(): Promise<void>;
  close(): Promise<void>;
}

interface LaneCounts {
  tasks: number;
  inFlight: number;
}

/** Lanes that are only numbers: the same executor, on the main thread. For comparison, and where threads are in the way. */
export class InProcessLanes implements LanePool {
  readonly #executor: InProcessExecutor;
  readonly #callbacks: LaneCallbacks;
  /** By number, those that were taken away too. */
  readonly #lanes = new Map<number, LaneCounts>();
  #laneCount = 0;
  #isClosed = false;
  #onIdle: (() => void) | undefined;

  constructor(executor: InProcessExecutor, callbacks: LaneCallbacks) {
    this.#executor = executor;
    this.#callbacks = callbacks;
  }

  get laneCount(): number {
    return this.#laneCount;
  }

  get runningCount(): number {
    return this.#laneCount;
  }

  async start(lanes: number): Promise<void> {
    await this.resize(lanes);
  }

  send(lane: number, batch: TaskBatch): void {
    const counts = this.#lanes.get(lane);
    assert.ok(counts !== undefined && !this.#isClosed, `no lane ${lane}`);
    counts.inFlight += batch.tasks.length;
    const arrived = (outcomes: readonly Outcome[]): void => this.#arrived(lane, counts, outcomes);
    // Never within `send`: the caller may be in the middle of something, and with threads it would not happen either.
    queueMicrotask(() => {
      const outcomes = this.#executor.run(batch, arrived);
      if (outcomes instanceof Promise) void outcomes.then(arrived);
      else arrived(outcomes);
    });
  }

  async resize(lanes: number): Promise<void> {
    assert.ok(lanes >= 1, 'at least one lane');
    for (let lane = 0; lane < lanes; lane++) {
      if (!this.#lanes.has(lane)) this.#lanes.set(lane, { tasks: 0, inFlight: 0 });
    }
    this.#laneCount = lanes;
  }

  async setConnection(connection: Connection): Promise<void> {
    this.#executor.setConnection(connection);
  }

  async stats(): Promise<LaneStats[]> {
    return this.#statsOf((lane, inFlight) => lane < this.#laneCount || inFlight > 0);
  }

  get closedStats(): readonly LaneStats[] {
    return this.#statsOf((lane, inFlight) => lane >= this.#laneCount && inFlight === 0);
  }

  async profile(): Promise<string> {
    throw new Error('lanes have no threads of their own here: profile the main thread');
  }

  health(): LaneHealth {
    return { isHealthy: true, reason: '' };
  }

  abort(): Promise<void> {
    return this.#executor.abort();
  }

  async close(graceMs: number): Promise<void> {
    if (this.#isBusy()) await withinMs(new Promise<void>((resolve) => (this.#onIdle = resolve)), graceMs);
    this.#isClosed = true;
    for (const [lane, { inFlight }] of this.#lanes)
      if (inFlight > 0) this.#callbacks.onLaneLost(lane, { reason: 'exit', restartInMs: 0, detail: '' });
    this.#lanes.clear();
    this.#laneCount = 0;
    await this.#executor.close();
  }

  #arrived(lane: number, counts: LaneCounts, outcomes: readonly Outcome[]): void {
    if (this.#isClosed) return;
    counts.inFlight -= outcomes.length;
    counts.tasks += outcomes.length;
    this.#callbacks.onOutcomes(lane, outcomes);
    if (!this.#isBusy()) this.#onIdle?.();
  }

  #statsOf(isAsked: (lane: number, inFlight: number) => boolean): LaneStats[] {
    const asked = [...this.#lanes].filter(([lane, { inFlight }]) => isAsked(lane, inFlight));
    return asked.map(([lane, { tasks, inFlight }]) => {
      return { lane, tasks, inFlight, utilization: 0, cpuMs: 0, heapBytes: 0, restarts: 0 };
    });
  }

  #isBusy(): boolean {
    return [...this.#lanes.values()].some(({ inFlight }) => inFlight > 0);
  }
}
