import { monotonicMs } from '../../clock.ts';
import type { AvailabilityReport } from '../../simulator/observer-availability.ts';
import type { SimulateOptions } from '../options.ts';
import { RateMeter } from '../view/rate-meter.ts';
import type { BudgetView, LaneView, ViewSnapshot } from '../view/snapshot.ts';
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
    const rollouts = [...this.#run.updater.host.controller.followed()].map(({ rollout }) => rollout);
    const counts = rollouts.map((rollout) => rollout.counts());
    const isOta = strategy === 'OTA';
    const isOver = phase === 'completed' || phase === 'stalled';
    const isStarted = reports.every((report) => report.isNewRevisionKnown);
    const updated = isStarted ? sum(reports, (report) => (isOta ? report.marked : report.updated)) : 0;
    const elapsedMs = this.#run.elapsedMs;
    const eligible = sum(reports, (report) => (isOta ? report.pods : report.eligible));
    const away = sum(rollouts, (rollout) => rollout.failures().get('node-not-ready') ?? 0);
    const failed = sum(counts, (of) => of.failed);
    const shares = sharesOf(
      { eligible, updated, notReady: isOta ? 0 : sum(reports, ({ notReady }) => notReady) },
      {
        // In the end nothing is under way: what is not available now will not be.
        failed: isOver ? sum(reports, ({ updatedUnavailable }) => updatedUnavailable) : failed - away,
        inFlight: isOver ? 0 : sum(counts, ({ inFlight }) => inFlight) - failed,
      },
    );
    return {
      strategy,
      version: 'v2',
      daemonSets: this.#run.simulator.daemonSets,
      nodeCount: nodes,
      phase,
      elapsedMs,
      stillMs: this.#run.stillMs,
      eligible,
      updated,
      inFlight: shares.inFlight,
      waiting: shares.waiting,
      failed: shares.failed,
      skipped: shares.notReady === 0 ? [] : [{ reason: 'NotReady', count: shares.notReady }],
      rate: this.#rate.sample(updated, elapsedMs),
      budget: isOta ? undefined : budgetOf(reports),
      lanes: await this.#lanes(),
    };
  }

  async #lanes(): Promise<LaneView[]> {
    const { host } = this.#run.updater;
    const queued = new Map(
      host.controller.dispatcher.stats(monotonicMs()).lanes.map((lane) => [lane.lane, lane.queued]),
    );
    return (await this.#run.laneStats()).map(({ lane, tasks, utilization }) => {
      return { lane, tasks, queued: queued.get(lane) ?? 0, busyRatio: utilization };
    });
  }
}

/** As the observer sees the nodes. `updated` are Ready ones. */
interface Observed {
  readonly eligible: number;
  readonly updated: number;
  readonly notReady: number;
}

/** As the updater sees them, a little later: Ready nodes. */
interface Believed {
  readonly failed: number;
  readonly inFlight: number;
}

/** Every node that is not updated in one place, so that the numbers on the screen add up to all of them. */
export function sharesOf(
  { eligible, updated, notReady }: Observed,
  { failed, inFlight }: Believed,
): { readonly notReady: number; readonly failed: number; readonly inFlight: number; readonly waiting: number } {
  let room = eligible - updated;
  const share = (wanted: number): number => {
    const count = Math.min(Math.max(0, wanted), room);
    room -= count;
    return count;
  };
  return {
    notReady: share(notReady),
    failed: share(failed),
    inFlight: share(inFlight),
    waiting: room,
  };
}

type Availability = Pick<AvailabilityReport, 'unavailable' | 'allowed' | 'peak'>;

/** Over all DaemonSets; the peak is the sum of each one's own, so it can only look worse than it was. */
export function budgetOf(reports: readonly Availability[]): BudgetView {
  const othersOf = ({ unavailable, allowed, peak }: Availability): number =>
    Math.max(0, unavailable - Math.max(allowed, peak));
  return {
    used: sum(reports, (report) => report.unavailable - othersOf(report)),
    allowed: sum(reports, ({ allowed }) => allowed),
    peak: sum(reports, ({ peak }) => peak),
    others: sum(reports, othersOf),
  };
}

export function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
