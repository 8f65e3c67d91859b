import { daemonSetOfSlot, nodeOfSlot, type SlotKey } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';
import { isTerminating } from '../../src/simulator/cluster-index.ts';
import {
  type DaemonSetObject,
  isConditionTrue,
  type NodeObject,
  type RevisionObject,
} from '../../src/simulator/objects.ts';
import { allowedUnavailable } from '../../src/simulator/observer-policy.ts';
import type { Conduct, Pending } from './conduct.ts';
import { isOfRevision, type KnownDaemonSet, type KnownPod } from './knowledge.ts';

/** A deletion that a process is about to send, and what it knows of the pod and its DaemonSet. */
export interface Planned {
  readonly task: Task;
  readonly target: KnownPod;
  readonly known: KnownDaemonSet;
  readonly daemonSet: DaemonSetObject;
}

/** The sets of docs/simulation.md, as numbers, with the planned deletion in them. */
export interface KnownBudget {
  eligible: number;
  /** |U ∪ P ∪ {s}| */
  unavailable: number;
  /** |F ∪ P ∪ {s}| */
  inFlight: number;
  allowed: number;
  /** The process cannot but know that the pod is available. */
  isSurelyUp: boolean;
}

export function budgetWith(conduct: Conduct, planned: Planned): KnownBudget {
  const { task, target, known, daemonSet } = planned;
  const { knowledge, process } = conduct;
  const byNode = known.podsByNode();
  const budget: KnownBudget = { eligible: 0, unavailable: 0, inFlight: 0, allowed: 0, isSurelyUp: false };
  for (const node of knowledge.nodes.values()) {
    if (!knowledge.placement(daemonSet, known, node).shouldRun) continue;
    budget.eligible += 1;
    count(budget, conduct, { planned, node, pods: byNode.get(node.metadata.name) ?? [] });
  }
  budget.allowed = Math.max(1, allowedUnavailable(daemonSet, budget.eligible));
  const isAlone = byNode.get(nodeOfSlot(task.slot))?.length === 1;
  budget.isSurelyUp = isAlone && isSurelyAvailable(target, minReadyMsOf(daemonSet), process.nowMs);
  return budget;
}

function count(
  budget: KnownBudget,
  conduct: Conduct,
  at: { readonly planned: Planned; readonly node: NodeObject; readonly pods: readonly KnownPod[] },
): void {
  const { planned, node, pods } = at;
  const { task, known, daemonSet } = planned;
  const { name } = node.metadata;
  const slot = `${daemonSetOfSlot(task.slot)}/${name}` as SlotKey;
  const isAsked = slot === task.slot || isPending(conduct.pending.get(slot), pods);
  const isReady = isConditionTrue(node.status.conditions, 'Ready');
  const isUp = pods.some((pod) => mayBeAvailable(pod, minReadyMsOf(daemonSet), conduct.process.nowMs));
  const newest = known.newest();
  if (isAsked || (isReady && !isUp)) budget.unavailable += 1;
  if (isAsked || (isReady && newest !== undefined && isReplacing(pods, newest, daemonSet, isUp))) budget.inFlight += 1;
}

/** Whether a deletion was sent whose effect the process has not been shown. */
function isPending(pending: Pending | undefined, pods: readonly KnownPod[]): boolean {
  if (pending === undefined) return false;
  const pod = pods.find(({ pod: { metadata } }) => metadata.uid === pending.uid)?.pod;
  return pod !== undefined && !isTerminating(pod);
}

function minReadyMsOf(daemonSet: DaemonSetObject): number {
  return (daemonSet.spec.minReadySeconds ?? 0) * 1000;
}

function isRunning({ pod }: KnownPod): boolean {
  const { phase } = pod.status;
  return !isTerminating(pod) && phase !== 'Failed' && phase !== 'Succeeded';
}

/** In favour of the process: it may believe so. */
function mayBeAvailable(known: KnownPod, minReadyMs: number, nowMs: number): boolean {
  if (!isRunning(known) || known.readySinceMs === undefined) return false;
  return known.isHint || known.readySinceMs + minReadyMs <= nowMs + 2;
}

/** The process cannot but know it. */
function isSurelyAvailable(known: KnownPod, minReadyMs: number, nowMs: number): boolean {
  return isRunning(known) && known.readySinceMs !== undefined && known.readySinceMs + minReadyMs <= nowMs;
}

/** A pod of the node is missing, leaving, or new and not yet there. */
function isReplacing(
  pods: readonly KnownPod[],
  newest: RevisionObject,
  daemonSet: DaemonSetObject,
  isUp: boolean,
): boolean {
  if (pods.length === 0 || pods.some(({ pod }) => isTerminating(pod))) return true;
  return !isUp && pods.length === 1 && pods.every(({ pod }) => isOfRevision(pod, newest, daemonSet));
}
