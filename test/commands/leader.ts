import { rolloutReport } from '../../src/manager/status-report.ts';
import { decodeNote, encodeNote } from '../../src/status/leader-note.ts';
import type { LeaderStatus } from '../../src/status/leader-status.ts';
import type { World } from '../controller/world.ts';

const WORKERS = {
  setting: 'auto',
  source: 'default',
  wanted: 1,
  actual: 1,
  reason: 'steady',
  cpus: 2,
  decisions: [],
} as const;

/** What the leader, which is the controller of that world, tells, and what is read from there. */
export function leaderOf(world: World): LeaderStatus {
  const rollouts = [...world.controller.followed()].map((followed) =>
    rolloutReport(followed, world.controller.limitsOf(followed), world.nowMs),
  );
  const lanes = [{ lane: 0, tasks: 3, queued: 0, utilization: 0.25 }];
  const decoded = decodeNote(encodeNote({ identity: 'node-a', workers: WORKERS, lanes, rollouts }), 'node-a');
  return decoded.ok ? { ...decoded, ageMs: 900, isOutdated: false } : decoded;
}
