import { cpuProfile, heapProfile } from '../../workers/profile.ts';
import type { LanePool } from '../dispatch/lane-pool.ts';
import type { ThreadProfiler } from '../server/debug-routes.ts';

const LANE = /^lane-(\d+)$/;

/** The main thread profiles itself; a lane is asked over its control port. */
export function threadProfiler(pool: Pick<LanePool, 'laneCount' | 'profile'>): ThreadProfiler {
  return {
    threads: () => ['main', ...Array.from({ length: pool.laneCount }, (_, lane) => `lane-${lane}`)],
    profile: (thread, kind, durationMs) => {
      const lane = LANE.exec(thread)?.[1];
      if (lane !== undefined) return pool.profile({ lane: Number(lane), kind, durationMs });
      return kind === 'cpu' ? cpuProfile(durationMs) : heapProfile(durationMs);
    },
  };
}
