import type { LaneStats } from '../../dispatch/lane-pool.ts';
import type { ObserverReport } from '../../simulator/observer.ts';
import type { AvailabilityReport } from '../../simulator/observer-availability.ts';
import type { SimulateOptions } from '../options.ts';
import type { Findings } from '../view/report.ts';
import { sum } from './snapshots.ts';

export interface Evidence {
  readonly options: Pick<SimulateOptions, 'strategy' | 'nodes'>;
  readonly seed: number;
  readonly report: Pick<ObserverReport, 'daemonSets' | 'deletes' | 'patches' | 'duplicateWrites' | 'orderViolations'>;
  readonly lanes: readonly LaneStats[];
  readonly wallMs: number;
}

/** What the report says, from the observer inside the simulated API server: nothing here comes from the planner. */
export function findingsOf({ options, seed, report, lanes, wallMs }: Evidence): Findings {
  const { daemonSets } = report;
  const isOta = options.strategy === 'OTA';
  const { allowed, peak } = tightest(daemonSets);
  return {
    seed,
    nodes: options.nodes,
    eligible: sum(daemonSets, (of) => (isOta ? of.pods : of.eligible)),
    // Until then it counts pods of the version before.
    updated: sum(daemonSets, (of) => (of.isNewRevisionKnown ? (isOta ? of.marked : of.updated) : 0)),
    skippedNotReady: isOta ? 0 : sum(daemonSets, ({ notReady }) => notReady),
    failed: isOta ? 0 : sum(daemonSets, ({ updatedUnavailable }) => updatedUnavailable),
    maxUnavailable: { allowed, peak },
    unavailablePodSeconds: sum(daemonSets, ({ unavailablePodSeconds }) => unavailablePodSeconds),
    writes: { deletes: report.deletes, patches: report.patches },
    duplicateWrites: report.duplicateWrites,
    orderViolations: report.orderViolations,
    wallSeconds: wallMs / 1000,
    lanes: lanes.map(({ lane, tasks }) => ({ lane, tasks })),
  };
}

/** The DaemonSet that came closest to its bound, or went furthest beyond. */
function tightest(reports: readonly AvailabilityReport[]): { readonly allowed: number; readonly peak: number } {
  let worst = { allowed: 0, peak: 0 };
  for (const { allowed, peak } of reports) {
    const isFirst = worst.allowed === 0;
    if (isFirst || peak - allowed > worst.peak - worst.allowed) worst = { allowed, peak };
  }
  return worst;
}
