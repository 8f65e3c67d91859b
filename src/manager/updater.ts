import { setTimeout as sleep } from 'node:timers/promises';
import type { ContactLimits } from '../cache/contact.ts';
import { ApiClient, type RequestReport } from '../client/api.ts';
import { monotonicMs } from '../clock.ts';
import type { LogFields, LogLevel } from '../controller/ports.ts';
import { logRepeated, RepeatedProblem } from '../controller/repeated-problem.ts';
import type { RunReport } from '../dispatch/dispatch-stats.ts';
import { InProcessLanes } from '../dispatch/in-process-lanes.ts';
import type { LaneSetting } from '../dispatch/lane-count.ts';
import type { LaneCallbacks, LanePool } from '../dispatch/lane-pool.ts';
import { ThreadedLanes } from '../dispatch/threaded-lanes.ts';
import { type PodEvent, type RecordedEvent, subjectOf } from '../events/event-correlator.ts';
import { EventRecorder } from '../events/recorder.ts';
import type { Connection } from '../protocol/connection.ts';
import type { Outcome } from '../protocol/outcome.ts';
import { type RateLimit, rateLimit } from '../protocol/token-bucket.ts';
import type { ReaderProblem } from './cluster-reader.ts';
import { ControllerHost } from './controller-host.ts';
import { inProcessExecutor } from './in-process.ts';
import { initialLanes, LaneManager, type LaneState } from './lane-manager.ts';
import {
  BATCH_MAX,
  CONNECTIONS_MAX,
  IN_FLIGHT_PER_DAEMON_SET_MAX,
  LANE_IN_FLIGHT_MAX,
  TASK_TIMEOUT_MS,
  TASKS_IN_LANES_MAX,
} from './limits.ts';

export interface UpdaterOptions {
  readonly connection: Connection;
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
  readonly workers: LaneSetting;
  /** See LaneManagerOptions. */
  readonly cpus: () => number;
  /** Requests a second of all threads together; 0: unlimited. */
  readonly qps: number;
  readonly burst: number;
  /** Replacements in flight over all DaemonSets; Infinity without a bound of its own. */
  readonly maxInFlight: number;
  /** Of one DaemonSet; absent: as many as upstream. */
  readonly maxInFlightPerDaemonSet?: number;
  readonly isDryRun: boolean;
  /** Run the per-pod work on the main thread; for comparison. */
  readonly isSingleThreaded?: boolean;
  /** Tells two replicas apart in events. */
  readonly identity: string;
  /** See `ClusterReader.losses`. */
  readonly contactLimits?: ContactLimits;
  readonly listeners: UpdaterListeners;
}

/** What is going on, for logs and metrics. */
export interface UpdaterListeners {
  log(level: LogLevel, message: string, fields: LogFields): void;
  onRequest(report: RequestReport): void;
  onUnauthorized(): void;
  taskDone(outcome: Outcome, run: RunReport | undefined): void;
  onReaderProblem(problem: ReaderProblem): void;
  onEventDropped(): void;
  onEventSuppressed(type: RecordedEvent['type']): void;
  onResize(state: LaneState): void;
  onResizeFailed(): void;
}

const READER_CONNECTIONS_MAX = 4;
const DRAIN_POLL_MS = 10;

/** The updater without credentials, servers and signals: reflectors, controller, lanes and events on one connection. */
export class Updater {
  readonly client: ApiClient;
  readonly host: ControllerHost;
  readonly pool: LanePool;
  readonly lanes: LaneManager;
  readonly #recorder: EventRecorder;
  readonly #isDryRun: boolean;

  constructor(options: UpdaterOptions) {
    const { connection, listeners } = options;
    // Read once: all parts must begin with the same number.
    const lanes = initialLanes(options.workers, options.cpus());
    this.#isDryRun = options.isDryRun;
    const limit = options.qps === 0 || options.burst === 0 ? undefined : rateLimit(options.qps, options.burst);
    this.client = new ApiClient({
      connection,
      connectionsMax: READER_CONNECTIONS_MAX,
      rateLimit: limit,
      onRequest: (report) => listeners.onRequest(report),
      onUnauthorized: () => listeners.onUnauthorized(),
    });
    const dropped = new RepeatedProblem();
    this.#recorder = new EventRecorder({
      reporter: { controller: 'daemonpodupdater.io/updater', instance: options.identity },
      post: (request) => this.client.request(request),
      onDropped: (message, event) => {
        listeners.onEventDropped();
        const count = dropped.failed(monotonicMs());
        const fields = { reason: event.reason, subject: subjectOf(event), detail: message };
        logRepeated((...line) => listeners.log(...line), { message: 'event not written', fields, count });
      },
      onSuppressed: ({ type }) => listeners.onEventSuppressed(type),
    });
    this.host = this.#makeHost(options, lanes, limit);
    this.pool = this.#makePool(options, limit);
    this.lanes = new LaneManager({
      pool: this.pool,
      host: this.host,
      setting: options.workers,
      lanes,
      cpus: options.cpus,
      log: listeners.log,
      onResize: listeners.onResize,
      onResizeFailed: listeners.onResizeFailed,
    });
  }

  async start(): Promise<void> {
    this.host.start();
    await this.lanes.start();
  }

  /** Without leader election: `Infinity`. */
  lead(writeUntilMs: number, writeUntilWallMs?: number): void {
    this.host.setLeadership({ isLeading: true, writeUntilMs, writeUntilWallMs });
  }

  standBy(): void {
    this.host.setLeadership({ isLeading: false, writeUntilMs: 0 });
  }

  async setConnection(connection: Connection): Promise<void> {
    this.client.setConnection(connection);
    this.host.reader.retryNow();
    await this.pool.setConnection(connection);
  }

  /** About the pod that this runs in; a standby tells about itself too. */
  recordOwnEvent(event: PodEvent): void {
    if (!this.#isDryRun) this.#recorder.record(event);
  }

  /** No new work; resolves when what is in flight has ended. What has not after the grace period is reset: it must not arrive after the lease. */
  async drain(graceMs: number): Promise<void> {
    this.host.drain();
    const deadlineMs = monotonicMs() + graceMs;
    while (this.host.controller.isBusy && monotonicMs() < deadlineMs) await sleep(DRAIN_POLL_MS);
    if (this.host.controller.isBusy) await this.pool.abort();
    this.host.end();
  }

  /** Events are written first: they tell what the lanes did. */
  async close(graceMs: number): Promise<void> {
    this.lanes.stop();
    await this.host.stop();
    await this.#recorder.close(Math.max(100, graceMs));
    await this.pool.close(graceMs);
    await this.client.close();
  }

  #makeHost(options: UpdaterOptions, lanes: number, limit: RateLimit | undefined): ControllerHost {
    const { listeners } = options;
    return new ControllerHost({
      client: this.client,
      namespaces: options.namespaces,
      controller: {
        lanes,
        batchMax: BATCH_MAX,
        laneInFlightMax: LANE_IN_FLIGHT_MAX,
        tasksInLanesMax: TASKS_IN_LANES_MAX,
        qps: options.qps,
        burst: options.burst,
        ...(limit === undefined ? {} : { rateMemory: limit.memory }),
        maxInFlight: options.maxInFlight,
        maxInFlightPerDaemonSet: options.maxInFlightPerDaemonSet ?? IN_FLIGHT_PER_DAEMON_SET_MAX,
        taskTimeoutMs: TASK_TIMEOUT_MS,
        isDryRun: options.isDryRun,
        random: Math.random,
      },
      send: (lane, batch) => this.pool.send(lane, batch),
      recordEvent: (event) => {
        // A dry run writes nothing at all.
        if (!options.isDryRun) this.#recorder.record(event);
      },
      log: listeners.log,
      taskDone: (outcome, run) => {
        this.lanes.taskDone(outcome, run);
        listeners.taskDone(outcome, run);
      },
      onProblem: (problem) => listeners.onReaderProblem(problem),
      contactLimits: options.contactLimits,
    });
  }

  #makePool(options: UpdaterOptions, limit: RateLimit | undefined): LanePool {
    const callbacks: LaneCallbacks = {
      onOutcomes: (_lane, outcomes) => this.host.onOutcomes(outcomes),
      onLaneLost: (lane, { reason, restartInMs, detail }) => {
        options.listeners.log('error', 'worker thread lost', { lane, reason, restartInMs, detail });
        this.host.onLaneLost(lane, monotonicMs() + restartInMs);
      },
    };
    const network = { connection: options.connection, connectionsMax: CONNECTIONS_MAX, rateLimit: limit };
    if (options.isSingleThreaded === true) {
      return new InProcessLanes(inProcessExecutor(network), callbacks);
    }
    return new ThreadedLanes({ ...network, callbacks });
  }
}
