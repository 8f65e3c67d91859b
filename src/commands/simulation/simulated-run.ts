import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../../clock.ts';
import type { LaneStats } from '../../dispatch/lane-pool.ts';
import { formatIntOrPercent } from '../../kube/int-or-percent.ts';
import { availableCpus } from '../../manager/available-cpus.ts';
import { Updater, type UpdaterListeners } from '../../manager/updater.ts';
import { plainConnection } from '../../protocol/connection.ts';
import type { ObserverReport } from '../../simulator/observer.ts';
import type { AvailabilityReport } from '../../simulator/observer-availability.ts';
import { type Simulator, startSimulator } from '../../simulator/start.ts';
import type { SimulateOptions } from '../options.ts';
import type { RunEnd } from '../view/snapshot.ts';

export interface SimulatedRunOptions {
  readonly options: SimulateOptions;
  readonly seed: number;
  readonly listeners: Pick<UpdaterListeners, 'log'>;
}

const POLL_MS = 50;
/** Nothing moved for so many start-up times, and at least for so long: it is not going to. */
const STALL_STARTUPS = 5;
const STALL_MIN_MS = 8_000;
const SYNC_TIMEOUT_MS = 60_000;

/** The real updater, with its threads and its HTTP client, against a simulated cluster in a thread of its own. */
export class SimulatedRun {
  readonly simulator: Simulator;
  readonly updater: Updater;
  readonly #options: SimulateOptions;
  #startedAtMs = 0;
  #movedAtMs = 0;
  #isInterrupted = false;
  /** Under OTA pods are marked for the revision that is there already; that is not part of the rollout. */
  #before = { deletes: 0, patches: 0, tasks: new Map<number, number>() };

  static async start({ options, seed, listeners }: SimulatedRunOptions): Promise<SimulatedRun> {
    const simulator = await startSimulator({
      speed: options.speed,
      scenario: {
        nodes: options.nodes,
        daemonSets: options.daemonSets,
        maxUnavailable: formatIntOrPercent(options.maxUnavailable),
        strategy: options.strategy,
        notReadyPercent: options.notReadyPercent,
        badNodesPercent: options.badNodesPercent,
        startupMs: options.startupMs,
        seed,
      },
    });
    const updater = new Updater({
      connection: plainConnection(simulator.url),
      namespaces: [],
      workers: options.workers,
      cpus: availableCpus,
      qps: 0,
      burst: 0,
      maxInFlight: Number.POSITIVE_INFINITY,
      isDryRun: false,
      identity: 'simulate',
      listeners: { ...SILENT, log: listeners.log },
    });
    return new SimulatedRun(simulator, updater, options);
  }

  private constructor(simulator: Simulator, updater: Updater, options: SimulateOptions) {
    this.simulator = simulator;
    this.updater = updater;
    this.#options = options;
  }

  /** Reads the cluster as it is, then changes the template; resolves when the rollout is about to begin. */
  async begin(): Promise<void> {
    await this.updater.start();
    const deadlineMs = monotonicMs() + SYNC_TIMEOUT_MS;
    while (!this.#hasSynced() && !this.#isInterrupted) {
      if (monotonicMs() > deadlineMs) throw new Error('the simulated cluster could not be read in time');
      await sleep(POLL_MS);
    }
    this.updater.lead(Number.POSITIVE_INFINITY);
    while (!this.#isSettled() && !this.#isInterrupted) await sleep(POLL_MS);
    const { deletes, patches } = await this.simulator.control.report();
    const lanes = await this.updater.pool.stats();
    this.#before = { deletes, patches, tasks: new Map(lanes.map(({ lane, tasks }) => [lane, tasks])) };
    await this.simulator.control.startRollout();
    this.#startedAtMs = monotonicMs();
    this.#movedAtMs = this.#startedAtMs;
  }

  /** What the threads have done for the rollout. */
  async laneStats(): Promise<readonly LaneStats[]> {
    const lanes = await this.updater.pool.stats();
    return lanes.map((stats) => ({ ...stats, tasks: stats.tasks - (this.#before.tasks.get(stats.lane) ?? 0) }));
  }

  /** What the observer saw of the rollout. */
  async observed(): Promise<ObserverReport> {
    const report = await this.simulator.control.report();
    const { deletes, patches } = this.#before;
    return { ...report, deletes: report.deletes - deletes, patches: report.patches - patches };
  }

  get elapsedMs(): number {
    return this.#startedAtMs === 0 ? 0 : monotonicMs() - this.#startedAtMs;
  }

  /** Since anything moved. */
  get stillMs(): number {
    return this.#startedAtMs === 0 ? 0 : monotonicMs() - this.#movedAtMs;
  }

  interrupt(): void {
    this.#isInterrupted = true;
  }

  /** Resolves when everything that can be updated is, when nothing moves any more, or when time is up. */
  async end(): Promise<RunEnd> {
    const { timeoutMs, startupMs, speed } = this.#options;
    const stallMs = Math.max(STALL_MIN_MS, (STALL_STARTUPS * startupMs) / speed);
    let fingerprint = '';
    for (;;) {
      if (this.#isInterrupted) return 'interrupted';
      const reports = await this.simulator.control.progress();
      const { pendingNodeChanges } = await this.simulator.control.statistics();
      if (pendingNodeChanges === 0 && reports.every((report) => this.#isDone(report))) return 'completed';
      const next = `${pendingNodeChanges} ${JSON.stringify(reports.map(movements))} ${this.#marked()}`;
      if (next !== fingerprint) this.#movedAtMs = monotonicMs();
      fingerprint = next;
      if (this.elapsedMs > timeoutMs) return 'timeout';
      if (pendingNodeChanges === 0 && this.stillMs > stallMs) return 'stalled';
      await sleep(POLL_MS);
    }
  }

  async close(): Promise<void> {
    await this.updater.drain(1000);
    await this.updater.close(1000);
    await this.simulator.close();
  }

  #hasSynced(): boolean {
    const { controller } = this.updater.host;
    return controller.hasSynced && [...controller.followed()].length === this.simulator.daemonSets.length;
  }

  #isSettled(): boolean {
    return [...this.updater.host.controller.followed()].every(({ rollout }) => {
      const { waiting, inFlight } = rollout.counts();
      return waiting === 0 && inFlight === 0;
    });
  }

  #marked(): number {
    return [...this.updater.host.controller.followed()].reduce((sum, { rollout }) => sum + rollout.counts().settled, 0);
  }

  #isDone(report: AvailabilityReport): boolean {
    if (!report.isNewRevisionKnown) return false;
    if (this.#options.strategy === 'OTA') return report.marked === report.pods;
    return report.updated === report.eligibleReady;
  }
}

/** What changes while a rollout moves. */
function movements(report: AvailabilityReport): readonly number[] {
  const { updated, eligibleReady, unavailable, updatedUnavailable, marked } = report;
  return [updated, eligibleReady, unavailable, updatedUnavailable, marked];
}

const SILENT: Omit<UpdaterListeners, 'log'> = {
  onRequest: () => {},
  onUnauthorized: () => {},
  taskDone: () => {},
  onReaderProblem: () => {},
  onEventDropped: () => {},
  onEventSuppressed: () => {},
  onResize: () => {},
  onResizeFailed: () => {},
};
