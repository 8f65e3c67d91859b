import { isTerminating } from '../../src/simulator/cluster-index.ts';
import {
  type DaemonSetObject,
  isConditionTrue,
  type NodeObject,
  type RevisionObject,
} from '../../src/simulator/objects.ts';
import { isOfRevision } from './generations.ts';
import type { KnownPod } from './knowledge.ts';

/** What one node adds to the sets, whatever is planned. */
export interface Share {
  readonly isEligible: boolean;
  /** In U ∪ P. */
  readonly isUnavailable: boolean;
  /** In F ∪ P. */
  readonly isInFlight: boolean;
  /** When it becomes another one by time alone; Infinity: never. */
  readonly untilMs: number;
}

export const NO_SHARE: Share = {
  isEligible: false,
  isUnavailable: false,
  isInFlight: false,
  untilMs: Number.POSITIVE_INFINITY,
};

export interface ShareOptions {
  readonly node: NodeObject;
  readonly pods: readonly KnownPod[];
  /** The UID of the pod whose deletion was sent, if the process has not been shown the effect. */
  readonly pendingUid: string | undefined;
  /** From the deletion of its pod by this process until the node went NotReady, as told; undefined: it did not. */
  readonly downAfterMs: number | undefined;
  readonly daemonSet: DaemonSetObject;
  readonly newest: RevisionObject | undefined;
  readonly nowMs: number;
}

/** So long after its pod was replaced, and minReadySeconds, a node that goes NotReady has failed. */
const NODE_FAILURE_MS = 5 * 60_000;

/** Of an eligible node. */
export function shareOf(options: ShareOptions): Share {
  const { node, pods, pendingUid, daemonSet, newest, nowMs } = options;
  const isHeld = (pendingUid !== undefined && isPending(pendingUid, pods)) || hasFailed(options);
  const isReady = isConditionTrue(node.status.conditions, 'Ready');
  const minReadyMs = minReadyMsOf(daemonSet);
  let upAtMs = Number.POSITIVE_INFINITY;
  for (const pod of pods) upAtMs = Math.min(upAtMs, mayBeAvailableAtMs(pod, minReadyMs));
  const isUp = upAtMs <= nowMs;
  return {
    isEligible: true,
    isUnavailable: isHeld || (isReady && !isUp),
    isInFlight: isHeld || (isReady && newest !== undefined && isReplacing(pods, newest, daemonSet, isUp)),
    untilMs: isUp ? Number.POSITIVE_INFINITY : upAtMs,
  };
}

/** Of a node that cannot be read: whether it is eligible, and how it is, may be seen one way or the other. */
export function unreadableShare(pods: readonly KnownPod[], pendingUid: string | undefined): Share {
  const isHeld = pendingUid !== undefined && isPending(pendingUid, pods);
  return { isEligible: true, isUnavailable: isHeld, isInFlight: isHeld, untilMs: Number.POSITIVE_INFINITY };
}

/** The node went NotReady soon after this process had replaced its pod: the new pod may be why, and its place is kept. */
function hasFailed({ node, pods, downAfterMs, daemonSet, newest }: ShareOptions): boolean {
  if (downAfterMs === undefined || isConditionTrue(node.status.conditions, 'Ready')) return false;
  const live = pods.filter(({ pod }) => !isTerminating(pod));
  const isNew = live.every(({ pod }) => newest !== undefined && isOfRevision(pod, newest, daemonSet));
  return live.length <= 1 && isNew && downAfterMs >= 0 && downAfterMs <= minReadyMsOf(daemonSet) + NODE_FAILURE_MS;
}

/** Whether a deletion was sent whose effect the process has not been shown. */
function isPending(uid: string, pods: readonly KnownPod[]): boolean {
  const pod = pods.find(({ pod: { metadata } }) => metadata.uid === uid)?.pod;
  return pod !== undefined && !isTerminating(pod);
}

export function minReadyMsOf(daemonSet: DaemonSetObject): number {
  return (daemonSet.spec.minReadySeconds ?? 0) * 1000;
}

function isRunning({ pod, isUnreadable }: KnownPod): boolean {
  const { phase } = pod.status;
  return !isUnreadable && !isTerminating(pod) && phase !== 'Failed' && phase !== 'Succeeded';
}

/** Since when the process may believe that the pod is available: in its favour. Infinity: it may not, as things are. */
function mayBeAvailableAtMs(known: KnownPod, minReadyMs: number): number {
  if (!isRunning(known) || known.readySinceMs === undefined) return Number.POSITIVE_INFINITY;
  return known.isHint ? Number.NEGATIVE_INFINITY : known.readySinceMs + minReadyMs - 2;
}

/** The process cannot but know it. */
export function isSurelyAvailable(known: KnownPod, minReadyMs: number, nowMs: number): boolean {
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
