import type { Followed } from '../controller/followed.ts';
import type { PlanReason } from '../rollout/plan.ts';
import { API_VERSION, type PlanDocument } from './documents.ts';
import type { ToldLimits } from './plan-limits.ts';
import { type LedRollout, seenCounts, toldByLeader } from './rollout-state.ts';

/** What `plan` shows, for machines. */
export function planDocument(
  { key, daemonSet, rollout }: Followed,
  limits: ToldLimits,
  led: LedRollout,
  nowMs: number,
): PlanDocument {
  const nodes = rollout.plan(nowMs, limits);
  const reasons: Partial<Record<PlanReason, number>> = {};
  for (const { reason } of nodes) reasons[reason] = (reasons[reason] ?? 0) + 1;
  return {
    apiVersion: API_VERSION,
    kind: 'PlanReport',
    daemonSet: key,
    namespace: daemonSet.namespace,
    name: daemonSet.name,
    counts: seenCounts(rollout.counts()),
    leader: toldByLeader(led),
    limits,
    reasons,
    nodes,
  };
}
