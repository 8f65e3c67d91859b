import { monotonicMs } from '../clock.ts';
import type { Controller } from '../controller/controller.ts';
import type { Followed } from '../controller/followed.ts';
import type { WorkersReport } from '../server/admin-routes.ts';
import type { NotedReport } from '../status/leader-note.ts';
import type { Updater } from './updater.ts';

/** How this process stands: what `/admin/status` answers, and what the leader tells beside its lease is made of. */
export function statusReport(
  updater: Updater,
  identity: string,
  workers: WorkersReport,
): NotedReport & Readonly<Record<string, unknown>> {
  const { controller } = updater.host;
  const nowMs = monotonicMs();
  const { lanes: queues, ...dispatch } = controller.dispatcher.stats(nowMs);
  const queued = new Map(queues.map((lane) => [lane.lane, lane]));
  return {
    identity,
    isLeading: controller.leadership.isLeading,
    hasSynced: controller.hasSynced,
    workers,
    lanes: updater.lanes.latestStats.map((stats) => ({ ...stats, queued: queued.get(stats.lane)?.queued ?? 0 })),
    health: updater.pool.health(),
    dispatch,
    rollouts: [...controller.followed()].map((followed) =>
      rolloutReport(followed, controller.limitsOf(followed), nowMs),
    ),
  };
}

type Limits = ReturnType<Controller['limitsOf']>;

/** How one rollout stands, as its leader tells it. */
export function rolloutReport(
  { key, rollout }: Followed,
  limits: Limits,
  nowMs: number,
): NotedReport['rollouts'][number] {
  const block = rollout.blocked();
  const failures = Object.fromEntries([...rollout.failures()].filter(([, count]) => count > 0));
  const told = { failures, refusals: rollout.refusals(), pace: rollout.pace(nowMs) };
  const counts = rollout.counts();
  const heldBy = rollout.heldBy(limits, nowMs);
  const shown = {
    daemonSet: key,
    ...counts,
    ...told,
    ...(heldBy === undefined ? {} : { heldBy }),
    // What is not less than the budget holds nothing back.
    ...(limits.window < counts.allowed ? { maxInFlightPerDaemonSet: limits.window } : {}),
    ...(limits.overAll < counts.allowed ? { maxInFlight: limits.overAll } : {}),
  };
  return block === undefined ? shown : { ...shown, blocked: block.message, blockedBy: block.code };
}
