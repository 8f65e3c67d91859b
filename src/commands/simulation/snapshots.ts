import { monotonicMs } from '../../clock.ts';
import type { RolloutCounts } from '../../rollout/counts.ts';
import type { AvailabilityReport } from '../../simulator/observer-availability.ts';
import type { SimulateOptions } from '../options.ts';
import { RateMeter } from '../view/rate-meter.ts';
import type { LaneView, ViewSnapshot } from '../view/snapshot.ts';
import type { SimulatedRun } from './simulated-run.ts';

const RATE_WINDOW_MS = 3_000;

/** Makes snapshots of a simulated run: what the observer sees, and what the updater is about to do. */
export class Snapshots {
  readonly #run: SimulatedRun;
  readonly #options: SimulateOptions;
  readonly #rate = new RateMeter(RATE_WINDOW_MS);

  constructor(run: SimulatedRun, options: SimulateOptions) {
    this.#run = run;
    this.#options = options;
  }

  async take(phase: ViewSnapshot['phase']): Promise<ViewSnapshot> {
    const { strategy, nodes } = this.#options;
    const reports = await this.#run.simulator.control.progress();
    const counts = [...this.#run.updater.host.controller.followed()].map(({ rollout }) => rollout.counts());
    const isOta = strategy === 'OTA';
    const isStarted = reports.every((report) => report.isNewRevisionKnown);
    const updated = isStarted ? sum(reports, (report) => (isOta ? report.marked : report.updated)) : 0;
    const elapsedMs = this.#run.elapsedMs;
    return {
      strategy,
      version: 'v2',
      daemonSets: this.#run.simulator.daemonSets,
      nodeCount: nodes,
      phase,
      elapsedMs,
      eligible: sum(reports, (report) => (isOta ? report.pods : report.eligible)),
      updated,
      inFlight: sum(counts, ({ inFlight, failed }) => Math.max(0, inFlight - failed)),
      waiting: sum(counts, ({ waiting }) => waiting),
      failed: sum(counts, ({ failed }) => failed),
      skipped: skippedOf(counts, isOta),
      rate: this.#rate.sample(updated, elapsedMs),
      budget: isOta ? undefined : budgetOf(reports),
      lanes: await this.#lanes(),
    };
  }

  async #lanes(): Promise<LaneView[]> {
    const { pool, host } = this.#run.updater;
    const queued = new Map(
      host.controller.dispatcher.stats(monotonicMs()).lanes.map((lane) => [lane.lane, lane.queued]),
    );
    return (await pool.stats()).map(({ lane, tasks, utilization }) => {
      return { lane, tasks, queued: queued.get(lane) ?? 0, busyRatio: utilization };
    });
  }
}

function skippedOf(counts: readonly RolloutCounts[], isOta: boolean): ViewSnapshot['skipped'] {
  const notReady = isOta ? 0 : sum(counts, ({ skippedNotReady }) => skippedNotReady);
  return notReady === 0 ? [] : [{ reason: 'wait for their node, which is NotReady', count: notReady }];
}

/** Over all DaemonSets; the peak is the sum of each one's own, so it can only look worse than it was. */
function budgetOf(reports: readonly AvailabilityReport[]): NonNullable<ViewSnapshot['budget']> {
  return {
    used: sum(reports, ({ unavailable }) => unavailable),
    allowed: sum(reports, ({ allowed }) => allowed),
    peak: sum(reports, ({ peak }) => peak),
  };
}

export function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
