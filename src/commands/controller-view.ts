import { limiterNamed } from '../rollout/limits/chain.ts';
import type { ControllerReport } from '../status/controller-report.ts';
import type { LeaderStatus } from '../status/leader-status.ts';
import { formatAge } from '../status/words.ts';
import { fitTable, formatTable, more } from './tables.ts';
import { wrapHanging } from './view/text.ts';
import { workersLines } from './workers-view.ts';

/** What only the running controller knows: how many pods go at once and why, worker threads and why. */
export function controllerLines(
  status: LeaderStatus,
  nowMs: number,
  widthMax = Number.POSITIVE_INFINITY,
): readonly string[] {
  if (!status.ok) return wrapHanging(`controller not reached: ${status.message}`, widthMax);
  const { report } = status;
  const workers = workersLines(report.workers, nowMs);
  return [
    ...wrapHanging(headOf(status), widthMax),
    ...paceLines(report, widthMax),
    '',
    ...workers,
    ...laneLines(report),
  ];
}

function headOf({ report, ageMs, isOutdated }: Extract<LeaderStatus, { ok: true }>): string {
  const { identity } = report;
  if (!isOutdated) return `controller ${identity}, ${roleOf(report)}, as of ${formatAge(ageMs)} ago`;
  const age = formatAge(ageMs);
  return `controller ${identity}, last heard of ${age} ago: longer than its lease lasts, so it is gone, or a clock is wrong`;
}

function roleOf({ isLeading, isDryRun }: ControllerReport): string {
  if (isDryRun === true) return 'a dry run, which writes nothing';
  return isLeading ? 'leading' : 'standing by';
}

function paceLines({ rollouts, rolloutsLeftOut }: ControllerReport, widthMax: number): readonly string[] {
  const paced = rollouts.filter(({ strategy, blocked }) => strategy !== 'OTA' || blocked !== undefined);
  const rows = paced.map(({ daemonSet, allowed, blocked, isPaused, pace, ...limits }) => {
    const { ratePerSecond, phase, reason } = pace;
    const { heldBy = 'pace', maxInFlight = allowed, maxInFlightPerDaemonSet = allowed } = limits;
    const window = Math.min(pace.window, maxInFlight, maxInFlightPerDaemonSet);
    if (blocked !== undefined) return [daemonSet, '-', '-', isPaused === true ? 'paused' : 'blocked', blocked];
    if (phase === 'idle') return [daemonSet, '-', '-', phase, reason];
    // Of a budget that is used up the pace says how soon it is free again.
    const why = heldBy === 'pace' || heldBy === 'budget' ? reason : (limiterNamed(heldBy)?.words ?? heldBy);
    return [daemonSet, `${window} of ${allowed}`, ratePerSecond.toFixed(1), phase, why];
  });
  const lines = fitTable({ header: ['DAEMONSET', 'AT ONCE', 'REPLACED/S', 'PACE', 'WHY'], rows }, widthMax);
  if (paced.length === 0) lines.pop();
  return rolloutsLeftOut > 0 ? [...lines, more(rolloutsLeftOut, 'see the metrics')] : lines;
}

function laneLines({ lanes }: ControllerReport): readonly string[] {
  if (lanes.length === 0) return [];
  const rows = lanes.map(({ lane, tasks, queued, utilization }) => {
    return [`lane-${lane}`, tasks, queued, `${Math.round(utilization * 100)} %`];
  });
  return ['', ...formatTable(['THREAD', 'TASKS DONE', 'QUEUED', 'BUSY'], rows)];
}
