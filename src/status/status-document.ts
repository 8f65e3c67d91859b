import type { Followed } from '../controller/followed.ts';
import { API_VERSION, type StatusDocument } from './documents.ts';
import type { LeaderStatus } from './leader-status.ts';
import { leftBehind } from './left-behind.ts';
import { type RolloutState, silenceOf, stateOf } from './rollout-standing.ts';
import { ledOf, seenCounts, toldByLeader } from './rollout-state.ts';

/** What `status` shows. */
export interface StatusScreen {
  readonly wanted: readonly Followed[];
  readonly warnings: readonly string[];
  readonly leader: LeaderStatus;
}

/** The same for machines. */
export function statusDocument({ wanted, warnings, leader }: StatusScreen, nowMs: number): StatusDocument {
  return {
    apiVersion: API_VERSION,
    kind: 'StatusReport',
    daemonSets: wanted.map((followed) => ({
      daemonSet: followed.key,
      namespace: followed.daemonSet.namespace,
      name: followed.daemonSet.name,
      ...standingOf(followed, leader, nowMs),
      ...seenCounts(followed.rollout.counts()),
      leader: toldByLeader(ledOf(leader, followed.key)),
    })),
    warnings,
    controller: leader.ok
      ? { ...leader.report, ageMs: leader.ageMs, isOutdated: leader.isOutdated }
      : { error: leader.message },
  };
}

/** Where the rollout stands, as far as the cluster and its leader tell. */
export function standingOf({ key, rollout }: Followed, leader: LeaderStatus, nowMs: number): RolloutState {
  const counts = rollout.counts();
  const led = ledOf(leader, key);
  const heldBy = rollout.heldBy({ window: Number.POSITIVE_INFINITY }, nowMs);
  const seen = { counts, block: rollout.blocked(), heldBy, left: () => leftBehind(rollout, nowMs) };
  // Of an OTA rollout that goes on nothing is told.
  const isTold =
    led !== undefined || (leader.ok && !leader.isOutdated && leader.report.isLeading && counts.strategy === 'OTA');
  return stateOf(seen, led, isTold ? undefined : silenceOf(leader));
}
