import type { PlanLimits } from '../rollout/plan.ts';
import type { LeaderStatus } from './leader-status.ts';
import { silenceOf } from './rollout-standing.ts';
import { causeWords, type LedRollout, ledOf, refusalsOf, sumOf } from './rollout-state.ts';

/** What limits a rollout besides its budget, as its leader told. */
export interface ToldLimits extends PlanLimits {
  /** For people; undefined: there is nothing to say. */
  readonly why: string | undefined;
  /** What else its leader has seen, and whoever only looks now has not. */
  readonly seen: readonly string[];
}

/** `status` is what the lease says; when it says nothing, what the budget allows is planned, and that is said. */
export function toldLimits(status: LeaderStatus, daemonSet: string): ToldLimits {
  const told = ledOf(status, daemonSet);
  if (told === undefined || !status.ok) return unknown(silenceOf(status).message);
  const failures = told.failures ?? {};
  const failed =
    Object.keys(failures).length === 0
      ? []
      : [`failed nodes, as the controller has seen: ${causeWords(failures)}; the event NodeUpdateFailed tells which`];
  const seen = [...failed, ...refusalsOf(told)];
  const { blocked, blockedBy } = told;
  if (blocked !== undefined) {
    const why = `the controller decides nothing new: ${blocked}`;
    return { blocked, ...(blockedBy === undefined ? {} : { blockedBy }), why, seen };
  }
  const failedCount = sumOf(failures);
  const [tightest] = boundsOf(told).sort((a, b) => a.atOnce - b.atOnce);
  return {
    ...Object.fromEntries(boundsOf(told).map(({ key, atOnce }) => [key, atOnce])),
    ...(failedCount > 0 ? { failed: failedCount, failedAway: failures['node-not-ready'] ?? 0 } : {}),
    ...(told.heldBy === 'refusals' ? { areDeletionsRefused: true } : {}),
    why: tightest && `${tightest.who} lets ${tightest.atOnce} of them go at once${tightest.because}`,
    seen,
  };
}

interface Bound {
  readonly key: 'window' | 'maxInFlight' | 'maxInFlightPerDaemonSet';
  readonly atOnce: number;
  readonly who: string;
  readonly because: string;
}

/** What lets fewer go at once than the budget, in the order in which the leader asks. */
function boundsOf({ allowed, pace, maxInFlight, maxInFlightPerDaemonSet }: NonNullable<LedRollout>): Bound[] {
  const { phase, window, reason } = pace;
  const bound = (key: Bound['key'], atOnce: number | undefined, who: string, because = ''): Bound[] =>
    atOnce === undefined || atOnce >= allowed ? [] : [{ key, atOnce, who, because }];
  const others = ': that is what other DaemonSets leave of it';
  return [
    ...bound('maxInFlightPerDaemonSet', maxInFlightPerDaemonSet, '--max-in-flight-per-daemonset'),
    ...bound('maxInFlight', maxInFlight, '--max-in-flight', others),
    // Of an idle pace the window is one of the past.
    ...bound('window', phase === 'idle' ? undefined : window, 'the pace', `: ${reason}`),
  ];
}

function unknown(message: string): ToldLimits {
  return { why: `the pace is not known, so that fewer may go at once than the budget allows: ${message}`, seen: [] };
}
