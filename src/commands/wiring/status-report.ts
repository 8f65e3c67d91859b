import { monotonicMs } from '../../clock.ts';
import type { WorkersReport } from '../../server/admin-routes.ts';
import type { Updater } from './updater.ts';

/** What `/admin/status` answers: how this process stands. The command `status` reads the cluster and cannot know this. */
export function statusReport(updater: Updater, identity: string, workers: WorkersReport): unknown {
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
    rollouts: [...controller.followed()].map(({ key, rollout }) => {
      return { daemonSet: key, ...rollout.counts(), pace: rollout.pace(nowMs) };
    }),
  };
}
