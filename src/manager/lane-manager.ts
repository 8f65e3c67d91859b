import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs, wallMs } from '../clock.ts';
import type { LogFields, LogLevel } from '../controller/ports.ts';
import { scaleLanes, startScaler } from '../dispatch/autoscaler.ts';
import type { RunReport } from '../dispatch/dispatch-stats.ts';
import { autoLaneCount, autoLaneMax, type LaneSetting } from '../dispatch/lane-count.ts';
import type { LanePool, LaneStats } from '../dispatch/lane-pool.ts';
import { LoadWindow } from '../dispatch/load-window.ts';
import type { Outcome } from '../protocol/outcome.ts';
import type { LaneReason } from '../server/metric-names.ts';
import type { ControllerHost } from './controller-host.ts';
import { LaneDecisions } from './lane-decisions.ts';

export interface LaneManagerOptions {
  readonly pool: LanePool;
  readonly host: ControllerHost;
  readonly setting: LaneSetting;
  /** To start with: `initialLanes`, as pool and host were made for. */
  readonly lanes: number;
  /** CPUs that the process may use; a fraction under a container's quota. Asked at every look: a quota may change. */
  readonly cpus: () => number;
  readonly log: (level: LogLevel, message: string, fields: LogFields) => void;
  readonly onResize: (state: LaneState) => void;
  readonly onResizeFailed: () => void;
  /** Between the starts of two lanes; replaced in tests. */
  readonly pause?: (durationMs: number) => Promise<void>;
}

/** How many lanes there are, how many are wanted, and why. */
export interface LaneState {
  readonly setting: LaneSetting;
  readonly wanted: number;
  /** Those whose thread runs and has answered. */
  readonly actual: number;
  readonly reason: LaneReason;
}

const SAMPLE_INTERVAL_MS = 5_000;
/** What a new lane costs until it is as quick as the others: its code, its TLS handshakes, compiling what runs often. */
const START_CPU_MS = 250;
/** How much of the CPUs lanes that start may take from those that work. On two CPUs, with pauses, that is less than one start a second. */
const START_SHARE = 0.1;
/** Whoever sets a much larger number waits no longer than that for the pauses. */
const GROWTH_MAX_MS = 10_000;

/** Keeps the number of lanes at what was set, or at what the cluster and the load want. */
export class LaneManager {
  readonly decisions: LaneDecisions;
  readonly #options: LaneManagerOptions;
  #setting: LaneSetting;
  #cpus: number;
  #wanted: number;
  #reason: LaneState['reason'];
  #scaler: ReturnType<typeof startScaler>;
  #timer: NodeJS.Timeout | undefined;
  /** Lanes that the dispatcher gives work to. */
  #served: number;
  #resizing: Promise<void> = Promise.resolve();
  /** Why the latest number is another one than before. */
  #resizeReason: LaneReason;
  /** Resolves when another number is wanted, or none any more. */
  #changed = Promise.withResolvers<void>();
  #latestStats: readonly LaneStats[] = [];
  readonly #window = new LoadWindow(monotonicMs());
  #isStopped = false;

  constructor(options: LaneManagerOptions) {
    this.#options = options;
    this.#setting = options.setting;
    this.#cpus = options.cpus();
    this.#wanted = options.lanes;
    this.#served = options.lanes;
    this.#reason = reasonOf(options.setting);
    this.#resizeReason = this.#reason;
    this.#scaler = startScaler(this.#wanted);
    this.decisions = new LaneDecisions(options.log);
    this.decisions.add({ atMs: wallMs(), from: this.#wanted, to: this.#wanted, reason: this.#reason });
    this.#warnTooMany();
  }

  get state(): LaneState {
    const { pool } = this.#options;
    return { setting: this.#setting, wanted: this.#wanted, actual: pool.runningCount, reason: this.#reason };
  }

  /** As of the last look. */
  get cpus(): number {
    return this.#cpus;
  }

  /** As of the last look, without lanes that were taken away since: one of the same number would go on from a later state. */
  get latestStats(): readonly LaneStats[] {
    return this.#latestStats;
  }

  async start(): Promise<void> {
    await this.#options.pool.start(this.#wanted);
    this.#timer = setInterval(() => void this.#sample(), SAMPLE_INTERVAL_MS).unref();
  }

  stop(): void {
    this.#isStopped = true;
    this.#changed.resolve();
    clearInterval(this.#timer);
  }

  /** Changes the number at run time; resolves when the new lanes answer and the old ones are done, or when it failed. */
  async set(setting: LaneSetting): Promise<void> {
    const wasTooMany = this.#isTooMany();
    this.#setting = setting;
    if (!wasTooMany) this.#warnTooMany();
    const wanted = setting === 'auto' ? this.#clusterLanes() : setting;
    this.#scaler = startScaler(wanted);
    await this.#decide(wanted, reasonOf(setting));
  }

  /** For the load samples that `auto` follows. */
  taskDone(outcome: Outcome, run: RunReport | undefined): void {
    this.#window.taskDone(outcome, run);
  }

  #clusterLanes(): number {
    return autoLaneCount({ cpus: this.#cpus, nodeCount: this.#options.host.controller.nodeCount });
  }

  async #sample(): Promise<void> {
    this.#readCpus();
    const { pool } = this.#options;
    this.#latestStats = (await pool.stats()).filter(({ lane }) => lane < pool.laneCount);
    const nowMs = monotonicMs();
    const utilizations = this.#latestStats.map(({ utilization }) => utilization);
    const sample = this.#window.sample(utilizations, this.#options.host.controller.dispatcher.stats(nowMs), nowMs);
    if (this.#setting !== 'auto' || this.#isStopped) return;
    const limits = { min: this.#clusterLanes(), max: Math.max(this.#clusterLanes(), autoLaneMax(this.#cpus)) };
    const decision = scaleLanes(this.#scaler, { sample, limits }, nowMs);
    this.#scaler = decision.state;
    await this.#decide(decision.lanes, decision.reason);
  }

  /** Kubernetes can give a running container another CPU limit. */
  #readCpus(): void {
    const from = this.#cpus;
    const to = this.#options.cpus();
    if (from === to) return;
    const wasTooMany = this.#isTooMany();
    this.#cpus = to;
    this.#options.log('info', 'CPUs changed', { from, to });
    if (!wasTooMany) this.#warnTooMany();
  }

  async #decide(lanes: number, reason: LaneReason): Promise<void> {
    const from = this.#wanted;
    this.decisions.add({ atMs: wallMs(), from, to: lanes, reason });
    this.#wanted = lanes;
    this.#reason = reason;
    if (lanes === from) return;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    this.#resizeReason = reason;
    this.#resizing = this.#resizing.then(() => this.#resize());
    await this.#resizing;
  }

  /** Until there are as many lanes as are wanted: each step asks anew, and a step that does not end is given up for the next wish. */
  async #resize(): Promise<void> {
    const { pool, log, onResize, onResizeFailed } = this.#options;
    const from = this.#served;
    try {
      while (!this.#isStopped && (this.#wanted !== this.#served || this.#wanted !== pool.laneCount)) {
        if (this.#wanted > this.#served) await this.#grow(from);
        else await this.#shrink(this.#wanted);
      }
    } catch (error) {
      log('error', 'worker threads not resized', { from, to: this.#wanted, detail: String(error) });
      onResizeFailed();
      return;
    }
    if (this.#isStopped || from === this.#served) return;
    log('info', 'worker threads resized', { from, to: this.#served, reason: this.#resizeReason });
    onResize({ ...this.state, reason: this.#resizeReason });
  }

  /**
   * By one lane. Its thread is ready before it gets work. The next one starts after a pause: loading and compiling a lane's code
   * and opening its sockets takes CPU time from the lanes that work.
   */
  async #grow(from: number): Promise<void> {
    const { pool, host, pause = unreferencedPause } = this.#options;
    const next = this.#served + 1;
    const changed = this.#changed.promise;
    const isOpen = await Promise.race([pool.resize(next).then(() => true), changed.then(() => false)]);
    if (!isOpen || this.#wanted < next || this.#isStopped) return;
    host.resize(next);
    this.#served = next;
    if (next === this.#wanted) return;
    await Promise.race([pause(startPauseMs({ lanes: Math.max(1, this.#wanted - from), cpus: this.#cpus })), changed]);
  }

  /** What goes gets no work any more, and ends what it has. */
  async #shrink(lanes: number): Promise<void> {
    const { pool, host } = this.#options;
    const changed = this.#changed.promise;
    if (lanes < this.#served) host.resize(lanes);
    this.#served = lanes;
    this.#latestStats = this.#latestStats.filter(({ lane }) => lane < lanes);
    await Promise.race([pool.resize(lanes), changed]);
  }

  #isTooMany(): boolean {
    return this.#setting !== 'auto' && this.#setting > this.#cpus;
  }

  #warnTooMany(): void {
    if (!this.#isTooMany()) return;
    this.#options.log('warn', 'more worker threads than CPUs', { workers: Number(this.#setting), cpus: this.#cpus });
  }
}

/** Between the starts of two lanes. */
function startPauseMs(growth: { readonly lanes: number; readonly cpus: number }): number {
  return Math.min(START_CPU_MS / (START_SHARE * growth.cpus), GROWTH_MAX_MS / growth.lanes);
}

/** The end of the process does not wait for it. */
function unreferencedPause(durationMs: number): Promise<void> {
  return sleep(durationMs, undefined, { ref: false });
}

function reasonOf(setting: LaneSetting): LaneReason {
  return setting === 'auto' ? 'cluster' : 'set';
}

export function initialLanes(setting: LaneSetting, cpus: number): number {
  return setting === 'auto' ? autoLaneCount({ cpus, nodeCount: 0 }) : setting;
}
