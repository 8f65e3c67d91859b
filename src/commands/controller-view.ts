import type { LaneStats } from '../dispatch/lane-pool.ts';
import type { PaceStatus } from '../rollout/pace.ts';
import type { WorkersReport } from '../server/admin-routes.ts';
import { workersLines } from './workers-view.ts';

/** The parts of `/admin/status` that `status --controller` shows. */
export interface ControllerReport {
  readonly identity: string;
  readonly isLeading: boolean;
  readonly workers: WorkersReport;
  readonly lanes: readonly (LaneStats & { readonly queued: number })[];
  readonly rollouts: readonly { readonly daemonSet: string; readonly allowed: number; readonly pace: PaceStatus }[];
}

/** What only the running controller knows: windows and why, worker threads and why. */
export function controllerLines(report: ControllerReport, nowMs: number): readonly string[] {
  const lines = [`controller ${report.identity}, ${report.isLeading ? 'leading' : 'standing by'}`];
  for (const { daemonSet, allowed, pace } of report.rollouts) {
    lines.push(`  ${daemonSet}: ${pace.window} of ${allowed} at once, ${rateOf(pace)} (${pace.phase}): ${pace.reason}`);
  }
  lines.push('worker threads', ...workersLines(report.workers, nowMs).map((line) => `  ${line}`));
  for (const { lane, tasks, queued, utilization } of report.lanes) {
    lines.push(`  lane ${lane}: ${tasks} tasks, ${queued} queued, ${Math.round(utilization * 100)} % busy`);
  }
  return lines;
}

function rateOf({ ratePerSecond, undisturbedMs }: PaceStatus): string {
  const each = undisturbedMs === undefined ? '' : `, ${(undisturbedMs / 1000).toFixed(1)} s each`;
  return `${ratePerSecond.toFixed(1)} back a second${each}`;
}
