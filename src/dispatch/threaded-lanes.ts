import assert from 'node:assert/strict';
import type { ResourceLimits } from 'node:worker_threads';
import { monotonicMs } from '../clock.ts';
import type { Connection } from '../protocol/connection.ts';
import type { TaskBatch } from '../protocol/task.ts';
import type { RateLimit } from '../protocol/token-bucket.ts';
import { withinMs } from './deadline.ts';
import type { LaneCallbacks, LaneHealth, LanePool, LaneProfileRequest, LaneStats } from './lane-pool.ts';
import type { LaneThreadOptions } from './lane-thread.ts';
import { isUnhealthy } from './restarts.ts';
import { SupervisedLane } from './supervised-lane.ts';

export interface ThreadedLanesOptions {
  readonly connection: Connection;
  readonly callbacks: LaneCallbacks;
  /** Sockets of all lanes together to the API server. Each lane has an equal share, and at least one. */
  readonly connectionsMax: number;
  /** For what a task sends beyond its first request, which the dispatcher has paid for. */
  readonly rateLimit?: RateLimit | undefined;
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
  readonly #connectionsMax: number;
  readonly #rateLimit: RateLimit | undefined;
  readonly #callbacks: LaneCallbacks;
  readonly #pingIntervalMs: number;
  readonly #stuckAfterMs: number;
  /** By number. Holds a lane that was taken away until it is done. */
  readonly #lanes = new Map<number, SupervisedLane>();
  /** By number, exactly the lanes that were taken away and are not there again. */
  readonly #closed = new Map<number, LaneStats>();
  #laneCount = 0;
  #connection: Connection;
  #watchdog: NodeJS.Timeout | undefined;

  constructor(options: ThreadedLanesOptions) {
    this.#threadOptions = {
      workerUrl: options.workerUrl ?? LANE_URL,
      resourceLimits: options.resourceLimits ?? RESOURCE_LIMITS,
    };
    this.#connectionsMax = options.connectionsMax;
    this.#rateLimit = options.rateLimit;
    this.#callbacks = options.callbacks;
    this.#connection = options.connection;
    this.#pingIntervalMs = options.pingIntervalMs ?? 1000;
    this.#stuckAfterMs = options.stuckAfterMs ?? 10_000;
  }

  get laneCount(): number {
    return this.#laneCount;
  }

  get runningCount(): number {
    let count = 0;
    for (const [lane, { isRunning }] of this.#lanes) if (lane < this.#laneCount && isRunning) count += 1;
    return count;
  }

  get closedStats(): readonly LaneStats[] {
    return [...this.#closed.values()];
  }

  async start(lanes: number): Promise<void> {
    this.#watchdog = setInterval(() => {
      for (const lane of this.#lanes.values()) lane.look(this.#pingIntervalMs, this.#stuckAfterMs);
    }, this.#pingIntervalMs).unref();
    this.#laneCount = lanes;
    for (let lane = 0; lane < lanes; lane++) {
      const { thread, lastLoss } = this.#open(lane);
      if (thread !== undefined) continue;
      await this.close(0);
      const hint = 'ask for fewer, or allow this process more threads';
      throw new Error(`worker thread ${lane + 1} of ${lanes} cannot be started (${lastLoss?.detail}): ${hint}`);
    }
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
    const opened: Promise<void>[] = [];
    for (let lane = 0; lane < lanes; lane++) opened.push((this.#lanes.get(lane) ?? this.#open(lane)).opened);
    const retired = [...this.#lanes].filter(([lane]) => lane >= lanes);
    const closed = retired.map(([lane, supervised]) => this.#retire(lane, supervised));
    // Those that stay take over what the others leave at once, and give away only to lanes that are there.
    if (retired.length > 0) this.#shareConnections();
    await Promise.all(opened);
    if (retired.length === 0) this.#shareConnections();
    await Promise.all(closed);
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
    for (const [lane, { restarts, lastLoss }] of this.#lanes) {
      if (!isUnhealthy(restarts, nowMs)) continue;
      const last = lastLoss?.detail ? `${lastLoss.reason} (${lastLoss.detail})` : lastLoss?.reason;
      return { isHealthy: false, reason: `lane ${lane} failed ${restarts.deathsInARow} times in a row, last: ${last}` };
    }
    return { isHealthy: true, reason: '' };
  }

  async abort(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.abort()));
  }

  async close(graceMs: number): Promise<void> {
    const lanes = [...this.#lanes.values()];
    await withinMs(Promise.all(lanes.map((lane) => lane.idle())), graceMs);
    clearInterval(this.#watchdog);
    this.#lanes.clear();
    this.#laneCount = 0;
    await Promise.all(lanes.map((lane) => lane.close()));
  }

  #open(lane: number): SupervisedLane {
    const opened = new SupervisedLane({
      lane,
      thread: this.#threadOptions,
      callbacks: this.#callbacks,
      network: () => ({
        connection: this.#connection,
        connectionsMax: this.#connectionsMax,
        connections: this.#connectionsOfLane(),
        rateLimit: this.#rateLimit,
      }),
      before: this.#closed.get(lane),
    });
    this.#closed.delete(lane);
    this.#lanes.set(lane, opened);
    return opened;
  }

  #connectionsOfLane(): number {
    return Math.max(1, Math.floor(this.#connectionsMax / this.#laneCount));
  }

  #shareConnections(): void {
    for (const [lane, supervised] of this.#lanes) {
      if (lane < this.#laneCount) supervised.useConnections(this.#connectionsOfLane());
    }
  }

  /** Ends the lane once it owes nothing, unless it is wanted again by then. */
  async #retire(lane: number, retired: SupervisedLane): Promise<void> {
    await retired.idle();
    const last = await retired.stats();
    if (lane < this.#laneCount || this.#lanes.get(lane) !== retired || retired.inFlight > 0) return;
    this.#lanes.delete(lane);
    this.#closed.set(lane, { ...last, utilization: 0, heapBytes: 0 });
    await retired.close();
  }
}
