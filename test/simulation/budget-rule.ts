import { daemonSetOfSlot, nodeOfSlot } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';
import type { DaemonSetObject } from '../../src/simulator/objects.ts';
import { allowedUnavailable } from '../../src/simulator/observer-policy.ts';
import { isSurelyAvailable, minReadyMsOf } from './budget-share.ts';
import type { Conduct } from './conduct.ts';
import type { KnownDaemonSet, KnownPod } from './knowledge.ts';

/** A deletion that a process is about to send, and what it knows of the pod and its DaemonSet. */
export interface Planned {
  readonly task: Task;
  readonly target: KnownPod;
  readonly known: KnownDaemonSet;
  readonly daemonSet: DaemonSetObject;
}

/** The sets of docs/simulation.md, as numbers, with the planned deletion in them. */
export interface KnownBudget {
  readonly eligible: number;
  /** |U ∪ P ∪ {s}| */
  readonly unavailable: number;
  /** |F ∪ P ∪ {s}| */
  readonly inFlight: number;
  readonly allowed: number;
  /** The process cannot but know that the pod is available. */
  readonly isSurelyUp: boolean;
}

export function budgetWith(conduct: Conduct, planned: Planned): KnownBudget {
  const { task, target, known, daemonSet } = planned;
  const { nowMs } = conduct.process;
  const nodeName = nodeOfSlot(task.slot);
  const tally = conduct.tallyOf(daemonSetOfSlot(task.slot), known);
  tally.settle(daemonSet, nowMs);
  const { eligible, unavailable, inFlight } = tally.counts;
  const own = tally.shareOn(nodeName);
  const isAlone = known.podsOn(nodeName).length === 1;
  return {
    eligible,
    unavailable: unavailable + (own.isUnavailable ? 0 : 1),
    inFlight: inFlight + (own.isInFlight ? 0 : 1),
    allowed: Math.max(1, allowedUnavailable(daemonSet, eligible)),
    isSurelyUp: isAlone && isSurelyAvailable(target, minReadyMsOf(daemonSet), nowMs),
  };
}
