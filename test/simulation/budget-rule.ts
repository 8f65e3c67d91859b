import { daemonSetOfSlot, nodeOfSlot } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';
import { type DaemonSetObject, isConditionTrue } from '../../src/simulator/objects.ts';
import { allowedUnavailable } from '../../src/simulator/observer-policy.ts';
import { isSurelyAvailable, minReadyMsOf } from './budget-share.ts';
import type { Conduct } from './conduct.ts';
import type { KnownDaemonSet } from './knowledge.ts';
import type { KnownPod } from './known-pod.ts';
import type { Problem } from './trace.ts';

/** A deletion that a process is about to send, and what it knows of the pod and its DaemonSet. */
export interface Planned {
  readonly task: Task;
  readonly target: KnownPod;
  readonly known: KnownDaemonSet;
  readonly daemonSet: DaemonSetObject;
}

export interface Judgement {
  /** The first rule that is broken. */
  readonly problem: Problem | undefined;
  /** The process cannot but know that the pod is available. */
  readonly isSurelyUp: boolean;
}

/** The rules about the sets of docs/simulation.md, with the planned deletion in them. */
export function judgeBudget(conduct: Conduct, planned: Planned, maxInFlight: number): Judgement {
  const { task, target, known, daemonSet } = planned;
  const { nowMs } = conduct.process;
  const nodeName = nodeOfSlot(task.slot);
  const tally = conduct.tallyOf(daemonSetOfSlot(task.slot), known);
  tally.settle(daemonSet, nowMs);
  const own = tally.shareOn(nodeName);
  const base = tally.base.held;
  const allowed = allowedUnavailable(daemonSet, base);
  const unavailable = tally.counts.unavailable + (own.isUnavailable ? 0 : 1);
  const holding = tally.counts.holding + (own.isHolding ? 0 : 1);
  const underWay = conduct.underWay() + (own.isUnderWay ? 0 : 1);
  const isAlone = known.podsOn(nodeName).length === 1;
  const isSurelyUp = isAlone && isSurelyAvailable(target, minReadyMsOf(daemonSet), nowMs);
  const broken = (rule: string, what: string): Judgement => ({ problem: { rule, what }, isSurelyUp });
  const node = conduct.knowledge.nodes.get(nodeName);
  if (node === undefined || !own.isEligible) return broken('eligible', 'the node is known not to be eligible');
  if (!isConditionTrue(node.status.conditions, 'Ready'))
    return broken('not-ready', 'the node is known not to be Ready');
  if (holding > allowed) {
    const names = tally.names('isHolding');
    return broken('in-flight', `${holding} nodes in flight or failed (${names}), ${allowed} of ${base} allowed`);
  }
  if (isSurelyUp && unavailable > allowed) {
    const names = tally.names('isUnavailable');
    return broken('budget', `${unavailable} nodes without a pod (${names}), ${allowed} of ${base} allowed`);
  }
  if (underWay > maxInFlight) {
    const names = tally.names('isUnderWay');
    return broken('max-in-flight', `${underWay} on their way (here ${names}), ${maxInFlight} in all allowed`);
  }
  return { problem: undefined, isSurelyUp };
}
