import { isTerminating, revisionHashOf } from '../../src/simulator/cluster-index.ts';
import {
  type DaemonSetObject,
  isConditionTrue,
  type NodeObject,
  type RevisionObject,
} from '../../src/simulator/objects.ts';
import { isCordonedOff, isExcluded, progressDeadlineMs } from '../../src/simulator/observer-policy.ts';
import type { PlacementVerdict } from '../../src/simulator/placement.ts';
import { isOfRevision } from './generations.ts';
import type { KnownPod } from './known-pod.ts';

/** What one node adds to the sets, whatever is planned. */
export interface Share {
  readonly isEligible: boolean;
  /** In B, of which percentages are. */
  readonly isBase: boolean;
  /** In U ∪ P. */
  readonly isUnavailable: boolean;
  /** In H ∪ P. */
  readonly isHolding: boolean;
  /** In F as far as the process's own deletions go. */
  readonly isUnderWay: boolean;
  /** For messages. */
  readonly why: 'asked' | 'blamed' | 'without';
  /** When it becomes another one by time alone; Infinity: never. */
  readonly untilMs: number;
}

export const NO_SHARE: Share = {
  isEligible: false,
  isBase: false,
  isUnavailable: false,
  isHolding: false,
  isUnderWay: false,
  why: 'without',
  untilMs: Number.POSITIVE_INFINITY,
};

/** What the pods of the node and its taints told before, and cannot be told from how they are. */
export interface Kept {
  readonly nodeUid: string;
  /** No taint takes it out of E any more. */
  readonly keepsPlace: boolean;
  /** That may be so or not: it rests on nothing but how things were when the process first looked. */
  readonly isDoubtful: boolean;
  /** As of the last look: a pod was available, and the newest revision. */
  readonly isUp: boolean;
  readonly hash: string;
  /** A pod has been available there, as far as the process was told. */
  readonly wasUp: boolean;
  /** Since when this process's deletion of a pod there has been under way: no pod has been available since. */
  readonly replacingSinceMs: number | undefined;
  /** For which newest revision. */
  readonly replacingFor: string | undefined;
}

export interface ShareOptions {
  readonly node: NodeObject;
  readonly placement: PlacementVerdict;
  readonly pods: readonly KnownPod[];
  readonly kept: Kept | undefined;
  /** The process has just read everything for the first time, and saw nothing of what was before. */
  readonly isFirstLook: boolean;
  /** The UID of the pod whose deletion was sent, if the process has not been shown the effect. */
  readonly pendingUid: string | undefined;
  /** It went NotReady soon after its pod was replaced by this process, and its site did not. */
  readonly isBlamed: boolean;
  /** A pod was Ready there since the last look, be it for a moment. */
  readonly wasUpMeanwhile: boolean;
  /** When the process was told that the node came; undefined: it was there before. */
  readonly cameAtMs: number | undefined;
  /** It may be joining, or broken before with its time up. */
  readonly mayBeExcused: () => boolean;
  readonly daemonSet: DaemonSetObject;
  readonly newest: RevisionObject | undefined;
  readonly nowMs: number;
}

/** Of a node that exists and can be read. */
export function shareOf(options: ShareOptions): { readonly share: Share; readonly kept: Kept } {
  const { node, placement, pods, pendingUid, isBlamed, daemonSet, newest, nowMs } = options;
  const nodeUid = node.metadata.uid;
  const kept = options.kept?.nodeUid === nodeUid ? options.kept : undefined;
  const isPending = pendingUid !== undefined && isUntouched(pendingUid, pods);
  const upAtMs = upAtMsOf(pods, minReadyMsOf(daemonSet));
  const isUp = upAtMs <= nowMs;
  const begunMs = kept?.replacingSinceMs ?? (isPending ? nowMs : undefined);
  const hash = newest === undefined ? '' : revisionHashOf(newest);
  // It may have been available for a moment.
  const isDone = !isPending && (isUp || pods.some(({ pod, wasReady }) => wasReady && !isTerminating(pod)));
  const next = {
    nodeUid,
    isUp,
    hash,
    wasUp: isUp || kept?.wasUp === true,
    replacingSinceMs: isDone ? undefined : begunMs,
    replacingFor: isDone ? undefined : (kept?.replacingFor ?? (isPending ? hash : undefined)),
  };
  if (!placement.isWanted || isExcluded(node))
    return { share: NO_SHARE, kept: { ...next, keepsPlace: false, isDoubtful: false } };
  const hasNew = newest !== undefined && pods.some(({ pod }) => isOfRevision(pod, newest, daemonSet));
  const fits = placement.fits && !isCordonedOff(daemonSet, node);
  // Of another revision and of the end of its pod, told in one turn, either may have come first: an available old pod keeps none.
  const isInDoubt = kept !== undefined && (kept.isDoubtful || (kept.isUp && kept.hash !== hash));
  const isKept = fits || (kept?.keepsPlace === true && !isInDoubt);
  const mayBeKept = (kept?.keepsPlace === true && isInDoubt) || (options.isFirstLook && mayHaveKept(options));
  const hasLeft = isUp || (options.wasUpMeanwhile && minReadyMsOf(daemonSet) === 0 && !pods.some(isReadyNow));
  const keepsPlace = hasNew || isPending || ((isKept || mayBeKept) && !hasLeft);
  const isDoubtful = keepsPlace && !hasNew && !isPending && !isKept;
  const isEligible = fits || keepsPlace;
  const isReady = isConditionTrue(node.status.conditions, 'Ready');
  const isReplacing = newest !== undefined && isOnItsWay(pods, isUp, (pod) => isOfRevision(pod, newest, daemonSet));
  const deadlineMs = progressDeadlineMs(daemonSet);
  const isJoining = !next.wasUp && nowMs - (options.cameAtMs ?? Number.NEGATIVE_INFINITY) <= deadlineMs;
  const counts = isEligible && isReady && !isUp && !isDoubtful && !isJoining && !options.mayBeExcused();
  const isHeld = isPending || (isEligible && isBlamed);
  const timeMs = deadlineMs + minReadyMsOf(daemonSet) - SLACK_MS;
  // For another version what comes is an old pod again.
  const isInTime =
    next.replacingFor === hash && next.replacingSinceMs !== undefined && nowMs - next.replacingSinceMs < timeMs;
  const share = {
    isEligible,
    isBase: isEligible && (isReady || isPending || next.replacingSinceMs !== undefined),
    isUnavailable: isHeld || counts,
    isHolding: isHeld || (isReplacing && counts),
    isUnderWay: isPending || (isEligible && isReady && isInTime && isReplacing),
    why: isPending ? ('asked' as const) : isBlamed ? ('blamed' as const) : ('without' as const),
    untilMs: isUp ? Number.POSITIVE_INFINITY : Math.min(upAtMs, nowMs + LOOK_AGAIN_MS),
  };
  return { share, kept: { ...next, keepsPlace, isDoubtful } };
}

function isReadyNow({ readySinceMs }: KnownPod): boolean {
  return readySinceMs !== undefined;
}

/** A taint may have come after the pod was lost; one that sends pods away explains by itself that they leave. */
function mayHaveKept({ placement, pods }: ShareOptions): boolean {
  return pods.some(({ pod }) => placement.shouldContinue || !isTerminating(pod));
}

/** A deadline is judged by when the process sent the deletion, or was told of it. */
const SLACK_MS = 2000;
/** Excuses and blame come and go with time. */
const LOOK_AGAIN_MS = 1000;

/** Of a node that cannot be read: whether it is eligible, and how it is, may be seen one way or the other. */
export function unreadableShare(pods: readonly KnownPod[], pendingUid: string | undefined): Share {
  const isHeld = pendingUid !== undefined && isUntouched(pendingUid, pods);
  return { ...NO_SHARE, isEligible: true, isBase: true, isUnavailable: isHeld, isHolding: isHeld, isUnderWay: isHeld };
}

/** Whether a deletion was sent whose effect the process has not been shown. */
function isUntouched(uid: string, pods: readonly KnownPod[]): boolean {
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

function upAtMsOf(pods: readonly KnownPod[], minReadyMs: number): number {
  let upAtMs = Number.POSITIVE_INFINITY;
  for (const pod of pods) upAtMs = Math.min(upAtMs, mayBeAvailableAtMs(pod, minReadyMs));
  return upAtMs;
}

/** A pod of the node is missing, leaving, or new and not there: not yet, or not any more. */
function isOnItsWay(pods: readonly KnownPod[], isUp: boolean, isNew: (pod: KnownPod['pod']) => boolean): boolean {
  if (pods.length === 0 || pods.some(({ pod }) => isTerminating(pod))) return true;
  return !isUp && pods.length === 1 && pods.every(({ pod }) => isNew(pod));
}
