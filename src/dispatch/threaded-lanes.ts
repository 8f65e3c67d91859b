import assert from 'node:assert/strict';
import type { ResourceLimits } from 'node:worker_threads';
import { monotonicMs } from '../clock.ts';
import type { Connection } from '../protocol/connection.ts';
import type { TaskBatch } from '../protocol/task.ts';
import { withinMs } from './deadline.ts';
import type { LaneCallbacks, LaneHealth, LanePool, LaneProfileRequest, LaneStats } from './lane-pool.ts';
import type { LaneThreadOptions } from './lane-thread.ts';
import { isUnhealthy } from './restarts.ts';
import { SupervisedLane } from './supervised-lane.ts';

export interface ThreadedLanesOptions {
  readonly connection: Connection;
  readonly callbacks: LaneCallbacks;
  /** Sockets of one lane to the API server, at most. */
  readonly connectionsMax: number;
  /** The thread's code; by default workers/lane.ts. */
  readonly workerUrl?: URL;
  readonly resourceLimits?: ResourceLimits;
  readonly pingIntervalMs?: number;
  /** A thread whose event loop does not turn for that long is replaced. */
  readonly stuckAfterMs?: number;
}

const LANE_URL = new URL('../../workers/lane.ts', import.meta.url);

/** A lane holds a few hundred tasks of some hundred bytes; past this it leaks. */
const RESOURCE_LIMITS: ResourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

/** A profile takes its own time, and then some to be written. */
const PROFILE_EXTRA_MS = 10_000;

/** One worker thread a lane. */
export class ThreadedLanes implements LanePool {
  readonly #threadOptions: LaneThreadOptions;
  readonly #callbacks: LaneCallbacks;
  readonly #pingIntervalMs: number;
  readonly #stuckAfterMs: number;
  /** By number. Holds a lane that was taken away until it is done. */
  readonly #lanes = new Map<number, SupervisedLane>();
  #laneCount = 0;
  #connection: Connection;
  #watchdog: NodeJS.Timeout | undefined;

  constructor(options: ThreadedLanesOptions) {
    this.#threadOptions = {
      workerUrl: options.workerUrl ?? LANE_URL,
      connectionsMax: options.connectionsMax,
      resourceLimits: options.resourceLimits ?? RESOURCE_LIMITS,
    };
    this.#callbacks = options.callbacks;
    this.#connection = options.connection;
    this.#pingIntervalMs = options.pingIntervalMs ?? 1000;
    this.#stuckAfterMs = options.stuckAfterMs ?? 10_000;
  }

  get laneCount(): number {
    return this.#laneCount;
  }

  async start(lanes: number): Promise<void> {
    this.#watchdog = setInterval(() => {
      for (const lane of this.#lanes.values()) lane.look(this.#pingIntervalMs, this.#stuckAfterMs);
    }, this.#pingIntervalMs).unref();
    await this.resize(lanes);
  }

  send(lane: number, batch: TaskBatch): void {
    const target = this.#lanes.get(lane);
    assert.ok(target !== undefined, `no lane ${lane}`);
    target.send(batch);
  }

  async resize(lanes: number): Promise<void> {
    assert.ok(lanes >= 1, 'at least one lane');
    this.#laneCount = lanes;
    const settled: Promise<void>[] = [];
    for (let lane = 0; lane < lanes; lane++) {
      if (!this.#lanes.has(lane)) settled.push(this.#open(lane));
    }
    for (const [lane, retired] of this.#lanes) if (lane >= lanes) settled.push(this.#retire(lane, retired));
    await Promise.all(settled);
  }

  async setConnection(connection: Connection): Promise<void> {
    this.#connection = connection;
    await Promise.all([...this.#lanes.values()].map((lane) => lane.setConnection(connection)));
  }

  async stats(): Promise<LaneStats[]> {
    const stats = await Promise.all([...this.#lanes.values()].map((lane) => lane.stats()));
    return stats.sort((a, b) => a.lane - b.lane);
  }

  async profile(request: LaneProfileRequest): Promise<string> {
    const control = this.#lanes.get(request.lane)?.thread?.link.control;
    if (control === undefined) throw new Error(`lane ${request.lane} has no thread to profile`);
    const { kind, durationMs } = request;
    const profile = kind === 'cpu' ? control.cpuProfile(durationMs) : control.heapProfile(durationMs);
    const text = await withinMs(profile, durationMs + PROFILE_EXTRA_MS);
    if (text === undefined) throw new Error(`lane ${request.lane} did not answer with a profile`);
    return text;
  }

  health(): LaneHealth {
    const nowMs = monotonicMs();
    for (const [lane, { restarts }] of this.#lanes) {
      if (!isUnhealthy(restarts, nowMs)) continue;
      const reason = `lane ${lane} died ${restarts.deathsInARow} times in a row, last: ${restarts.lastReason}`;
      return { isHealthy: false, reason };
    }
    return { isHealthy: true, reason: '' };
  }

  async close(graceMs: number): Promise<void> {
    const lanes = [...this.#lanes.values()];
    await withinMs(Promise.all(lanes.map((lane) => lane.idle())), graceMs);
    clearInterval(this.#watchdog);
    this.#lanes.clear();
    this.#laneCount = 0;
    await Promise.all(lanes.map((lane) => lane.close()));
  }

  #open(lane: number): Promise<void> {
    const opened = new SupervisedLane({
      lane,
      thread: this.#threadOptions,
      callbacks: this.#callbacks,
      connection: () => this.#connection,
    });
    this.#lanes.set(lane, opened);
    return opened.opened;
  }

  /** Ends the lane once it owes nothing, unless it is wanted again by then. */
  async #retire(lane: number, retired: SupervisedLane): Promise<void> {
    await retired.idle();
    if (lane < this.#laneCount || this.#lanes.get(lane) !== retired || retired.inFlight > 0) return;
    this.#lanes.delete(lane);
    await retired.close();
  }
}
