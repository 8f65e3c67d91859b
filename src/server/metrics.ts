import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { DispatchStats, RunReport } from '../dispatch/dispatch-stats.ts';
import type { LaneStats } from '../dispatch/lane-pool.ts';
import { METHOD_OF_VERB } from '../kube/verbs.ts';
import { actionNamed } from '../protocol/actions/registry.ts';
import type { Outcome } from '../protocol/outcome.ts';
import { FAILURE_CAUSES, type FailureCause } from '../rollout/explain.ts';
import { PACE_PHASES, type PaceStatus } from '../rollout/pace.ts';
import {
  COMMON_STATUSES,
  CONFIG_SOURCES,
  counters,
  EVENT_TYPES,
  gauges,
  histograms,
  LANE_REASONS,
  type LaneReason,
  type MetricDefinition,
  ROLLOUT_FIGURES,
  type RolloutFigure,
  TASK_ACTIONS,
  TASK_CODES,
  WATCHED_RESOURCES,
} from './metric-names.ts';

/** client-go's labels `method` and `verb` are both HTTP methods. */
const METHODS: Readonly<Record<string, string>> = METHOD_OF_VERB;

export interface MetricsOptions {
  /** The API server's host and port, client-go's label `host`. */
  readonly host: string;
  /** The lease's name. */
  readonly leaseName: string;
  readonly laneCount: number;
  readonly isDryRun?: boolean;
}

export interface RequestObservation {
  /** The API's verb: get, list, watch, create, update, patch, delete. */
  readonly verb: string;
  /** HTTP status, or why there was no answer. */
  readonly code: string;
  readonly durationMs: number;
}

export type TaskObservation = Pick<Outcome, 'action' | 'code' | 'httpStatus' | 'durationMs'>;

const QUEUE = { name: 'daemonpodupdater' };

function each<K extends string, V>(table: Readonly<Record<K, MetricDefinition>>, make: (key: K) => V): Record<K, V> {
  return Object.fromEntries((Object.keys(table) as K[]).map((key) => [key, make(key)])) as Record<K, V>;
}

/**
 * All metrics of the process. Every series whose labels are known exists at zero from the start, so that a rate over a
 * first failure is not lost. What has to be read rather than counted is set right before a scrape (`beforeScrape`).
 */
export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #options: MetricsOptions;
  readonly #counters = each(counters, (key) => new Counter(this.#config(counters[key])));
  readonly #gauges = each(gauges, (key) => new Gauge(this.#config(gauges[key])));
  readonly #histograms = each(
    histograms,
    (key) => new Histogram({ ...this.#config(histograms[key]), buckets: [...histograms[key].buckets] }),
  );
  /** Totals that are kept elsewhere, as they were when they were last copied. */
  readonly #totals = new Map<string, number>();
  readonly #lanes = new Set<number>();
  readonly #beforeScrape: (() => void | Promise<void>)[] = [];

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.contentType = this.#registry.contentType;
    collectDefaultMetrics({ register: this.#registry });
    this.#startAtZero();
    this.setLaneCounts(options.laneCount, options.laneCount);
  }

  /** Called at each scrape, before the text is made. One that fails leaves its series as they were. */
  beforeScrape(update: () => void | Promise<void>): void {
    this.#beforeScrape.push(update);
  }

  /** Prometheus' text format. */
  async text(): Promise<string> {
    await Promise.allSettled(this.#beforeScrape.map(async (update) => update()));
    return await this.#registry.metrics();
  }

  requestDone({ verb, code, durationMs }: RequestObservation): void {
    const { host } = this.#options;
    const method = METHODS[verb] ?? verb;
    this.#counters.requests.inc({ code, method, host });
    // A watch lasts as long as it is meant to; that says nothing about the API server.
    if (verb !== 'watch') this.#histograms.requestDuration.observe({ verb: method, host }, durationMs / 1000);
  }

  /** Counted here and not copied from the lanes: one may come, work and go between two looks at them. */
  runDone({ lane, queueWaitMs, workMs }: RunReport): void {
    const labels = { lane: String(lane) };
    if (!this.#lanes.has(lane)) this.#addLane(lane);
    this.#counters.laneTasks.inc(labels);
    this.#histograms.queueDuration.observe(QUEUE, queueWaitMs / 1000);
    this.#histograms.workDuration.observe(QUEUE, workMs / 1000);
    this.#histograms.laneQueueWait.observe(labels, queueWaitMs / 1000);
    this.#histograms.laneTaskDuration.observe(labels, workMs / 1000);
  }

  /**
   * Counts the task, and the last request that a lane sent for it: lanes do not report each one. A task that sent none
   * (dry run, lease over) has no status; one without an answer counts under client-go's code for that.
   */
  taskDone({ action, code, httpStatus, durationMs }: TaskObservation): void {
    this.#counters.tasks.inc({ action, code });
    if (code === 'dry-run' || code === 'fenced') return;
    this.requestDone({
      verb: actionNamed(action).call.verb,
      code: httpStatus === 0 ? '<error>' : String(httpStatus),
      durationMs,
    });
  }

  /** What was asked for at run time was refused. */
  configRefused(source: (typeof CONFIG_SOURCES)[number]): void {
    this.#counters.configErrors.inc({ source });
  }

  watchRestarted(resource: string): void {
    this.#counters.watchRestarts.inc({ resource });
  }

  objectLeftOut(resource: string): void {
    this.#counters.objectsLeftOut.inc({ resource });
  }

  setWatchStaleness(resource: string, silentMs: number): void {
    this.#gauges.watchStaleness.set({ resource }, silentMs / 1000);
  }

  eventDropped(): void {
    this.#counters.eventsDropped.inc();
  }

  eventSuppressed(type: (typeof EVENT_TYPES)[number]): void {
    this.#counters.eventsSuppressed.inc({ type });
  }

  setLeader(isLeader: boolean): void {
    this.#gauges.leader.set({ name: this.#options.leaseName }, isLeader ? 1 : 0);
  }

  setRollout(namespace: string, daemonset: string, figures: Readonly<Record<RolloutFigure, number>>): void {
    for (const figure of ROLLOUT_FIGURES) this.#gauges[figure].set({ namespace, daemonset }, figures[figure]);
  }

  setFailures(namespace: string, daemonset: string, counts: ReadonlyMap<FailureCause, number>): void {
    for (const cause of FAILURE_CAUSES) {
      this.#gauges.failedByCause.set({ namespace, daemonset, cause }, counts.get(cause) ?? 0);
    }
  }

  setPace(namespace: string, daemonset: string, pace: PaceStatus): void {
    const labels = { namespace, daemonset };
    this.#gauges.paceRate.set(labels, pace.ratePerSecond);
    this.#gauges.paceUndisturbed.set(labels, (pace.undisturbedMs ?? 0) / 1000);
    for (const phase of PACE_PHASES) this.#gauges.pacePhase.set({ ...labels, phase }, phase === pace.phase ? 1 : 0);
  }

  removeRollout(namespace: string, daemonset: string): void {
    for (const phase of PACE_PHASES) this.#gauges.pacePhase.remove({ namespace, daemonset, phase });
    for (const gauge of ['paceRate', 'paceUndisturbed'] as const) this.#gauges[gauge].remove({ namespace, daemonset });
    for (const cause of FAILURE_CAUSES) this.#gauges.failedByCause.remove({ namespace, daemonset, cause });
    for (const figure of ROLLOUT_FIGURES) this.#gauges[figure].remove({ namespace, daemonset });
  }

  setDispatch(stats: DispatchStats): void {
    this.#copyTotal('workqueueAdds', QUEUE, stats.adds);
    this.#copyTotal('workqueueRetries', QUEUE, stats.retries);
    this.#gauges.workqueueDepth.set(QUEUE, stats.depth);
    this.#gauges.workqueueUnfinished.set(QUEUE, stats.unfinishedWorkMs / 1000);
    this.#gauges.workqueueLongest.set(QUEUE, stats.longestRunningMs / 1000);
    for (const { lane, queued } of stats.lanes) this.#gauges.laneQueueDepth.set({ lane: String(lane) }, queued);
  }

  /** The totals go on where a lane of that number ended earlier. */
  setLanes(stats: readonly LaneStats[]): void {
    for (const { lane, cpuMs, restarts, utilization, heapBytes } of stats) {
      const labels = { lane: String(lane) };
      this.#copyTotal('laneCpu', labels, cpuMs / 1000);
      this.#copyTotal('laneRestarts', labels, restarts);
      this.#gauges.laneUtilization.set(labels, utilization);
      this.#gauges.laneHeap.set(labels, heapBytes);
    }
  }

  /** Lanes are numbered from 0; the counters of one that was taken away stay, since it may come back. */
  setLaneCounts(wanted: number, actual: number): void {
    this.#gauges.lanesWanted.set(wanted);
    this.#gauges.lanesActual.set(actual);
    for (let lane = 0; lane < actual; lane++) if (!this.#lanes.has(lane)) this.#addLane(lane);
    for (const lane of this.#lanes) if (lane >= actual) this.#idleLane(lane);
  }

  lanesResized(reason: LaneReason): void {
    this.#counters.laneResizes.inc({ reason });
  }

  laneResizeFailed(): void {
    this.#counters.laneResizesFailed.inc();
  }

  /** `counts`: decisions so far, by reason. */
  setLaneDecisions(current: LaneReason, counts: ReadonlyMap<LaneReason, number>): void {
    for (const reason of LANE_REASONS) {
      this.#gauges.lanesReason.set({ reason }, reason === current ? 1 : 0);
      this.#copyTotal('laneDecisions', { reason }, counts.get(reason) ?? 0);
    }
  }

  #config({ name, help, labels = [] }: MetricDefinition) {
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }

  #copyTotal(
    key: 'workqueueAdds' | 'workqueueRetries' | 'laneCpu' | 'laneRestarts' | 'laneDecisions',
    labels: Record<string, string>,
    total: number,
  ): void {
    const id = `${key} ${Object.values(labels).join()}`;
    const before = this.#totals.get(id) ?? 0;
    // A counter never goes back: less than before is an older look at the same thing.
    if (total < before) return;
    this.#totals.set(id, total);
    this.#counters[key].inc(labels, total - before);
  }

  #startAtZero(): void {
    const { host } = this.#options;
    for (const key of ['workqueueAdds', 'workqueueRetries'] as const) this.#counters[key].inc(QUEUE, 0);
    for (const key of ['workqueueDepth', 'workqueueUnfinished', 'workqueueLongest'] as const) {
      this.#gauges[key].set(QUEUE, 0);
    }
    for (const key of ['queueDuration', 'workDuration'] as const) this.#histograms[key].zero(QUEUE);
    for (const method of new Set(Object.values(METHODS))) {
      for (const code of COMMON_STATUSES) this.#counters.requests.inc({ code, method, host }, 0);
      this.#histograms.requestDuration.zero({ verb: method, host });
    }
    for (const action of TASK_ACTIONS) for (const code of TASK_CODES) this.#counters.tasks.inc({ action, code }, 0);
    for (const resource of WATCHED_RESOURCES) {
      this.#counters.watchRestarts.inc({ resource }, 0);
      this.#counters.objectsLeftOut.inc({ resource }, 0);
      this.setWatchStaleness(resource, 0);
    }
    for (const reason of LANE_REASONS) {
      for (const key of ['laneResizes', 'laneDecisions'] as const) this.#counters[key].inc({ reason }, 0);
      this.#gauges.lanesReason.set({ reason }, 0);
    }
    for (const source of CONFIG_SOURCES) this.#counters.configErrors.inc({ source }, 0);
    for (const type of EVENT_TYPES) this.#counters.eventsSuppressed.inc({ type }, 0);
    this.setLeader(false);
    this.#gauges.dryRun.set(this.#options.isDryRun === true ? 1 : 0);
  }

  #addLane(lane: number): void {
    const labels = { lane: String(lane) };
    this.#lanes.add(lane);
    for (const key of ['laneTasks', 'laneCpu', 'laneRestarts'] as const) this.#counters[key].inc(labels, 0);
    for (const key of ['laneQueueWait', 'laneTaskDuration'] as const) this.#histograms[key].zero(labels);
    this.#idleLane(lane);
  }

  #idleLane(lane: number): void {
    const labels = { lane: String(lane) };
    for (const key of ['laneQueueDepth', 'laneUtilization', 'laneHeap'] as const) this.#gauges[key].set(labels, 0);
  }
}
