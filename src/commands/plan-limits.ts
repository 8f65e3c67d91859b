import type { PlanLimits } from '../rollout/plan.ts';
import { silenceOf } from './rollout-standing.ts';
import { causeWords, ledOf, refusalsOf } from './rollout-state.ts';
import type { LeaderStatus } from './wiring/leader-status.ts';

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
  const { phase, window, reason } = told.pace;
  const failures = told.failures ?? {};
  const failed =
    Object.keys(failures).length === 0
      ? []
      : [`failed nodes, as the controller has seen: ${causeWords(failures)}; the event NodeUpdateFailed tells which`];
  const seen = [...failed, ...refusalsOf(told)];
  if (told.blocked !== undefined) {
    return { blocked: told.blocked, why: `the controller decides nothing new: ${told.blocked}`, seen };
  }
  if (phase === 'idle' || window >= told.allowed) return { why: undefined, seen };
  return { window, why: `the pace lets ${window} of them go at once: ${reason}`, seen };
}

function unknown(message: string): ToldLimits {
  return { why: `the pace is not known, so that fewer may go at once than the budget allows: ${message}`, seen: [] };
}
