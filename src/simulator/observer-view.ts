import { type Entry, isAvailable, isTerminating, revisionHashOf, type Slot } from './cluster-index.ts';
import { isConditionTrue, type NodeObject } from './objects.ts';
import { isCordonedOff, isExcluded, progressDeadlineMs } from './observer-policy.ts';
import type { Commit } from './store.ts';

/** What is known of a slot; equal to `NOTHING` when it does not count in any way. */
export interface View {
  readonly isEligible: boolean;
  readonly isReady: boolean;
  readonly isUpdated: boolean;
  readonly isUpdatedUnavailable: boolean;
  readonly isUnavailable: boolean;
  /** Some pod is available, whether or not the node counts. */
  readonly isServed: boolean;
  /** Its availability was taken by a client's deletion and has not come back. */
  readonly isDisrupted: boolean;
  /** Disrupted, and the node has been Ready ever since. */
  readonly isDisruptedInPlace: boolean;
  /** A client deleted a pod here, available or not, and none has become available since. */
  readonly isReplacing: boolean;
  /** Since when node and pod are as they are, for the tolerance of lag. */
  readonly sinceMs: number;
  /** No taint takes it out any more: it has a new pod, or a client deleted one, or it counted without an available one. */
  readonly keepsPlace: boolean;
  /** The node object: another one of the same name begins anew. */
  readonly nodeUid: string;
  readonly joinedAtMs: number;
  /** A pod has been available since the node joined. */
  readonly wasServed: boolean;
  /** How long none has been since, without the time in which the node was not Ready. */
  readonly brokenMs: number;
  readonly lookedAtMs: number;
  /** When a client last deleted a pod here, for which newest revision. */
  readonly turnAtMs: number;
  readonly turnHash: string;
  /** For longer than a progress deadline there had been no available pod when its turn came. */
  readonly wasBroken: boolean;
  readonly isNodeReady: boolean;
}

const NEVER = Number.NEGATIVE_INFINITY;

export const NOTHING: View = {
  isEligible: false,
  isReady: false,
  isUpdated: false,
  isUpdatedUnavailable: false,
  isUnavailable: false,
  isServed: false,
  isDisrupted: false,
  isDisruptedInPlace: false,
  isReplacing: false,
  sinceMs: NEVER,
  keepsPlace: false,
  nodeUid: '',
  joinedAtMs: NEVER,
  wasServed: false,
  brokenMs: 0,
  lookedAtMs: NEVER,
  turnAtMs: NEVER,
  turnHash: '',
  wasBroken: false,
  isNodeReady: false,
};

/** What the pods of a slot are worth together. */
function podsOf(entry: Entry, slot: Slot, nowMs: number) {
  const minReadySeconds = entry.daemonSet.spec.minReadySeconds ?? 0;
  const newest = entry.newest === undefined ? '' : revisionHashOf(entry.newest);
  const seen = { newest, isServed: false, isAllNew: slot.pods.length > 0, hasNew: false, isStaying: false };
  for (const indexed of slot.pods) {
    if (isAvailable(indexed, minReadySeconds, nowMs)) seen.isServed = true;
    if (indexed.hash !== newest) seen.isAllNew = false;
    else seen.hasNew = true;
    if (!isTerminating(indexed.pod)) seen.isStaying = true;
  }
  return seen;
}

/** What a slot is worth now, given what it was before and whether a client has just deleted a pod there. */
export function viewOf(
  entry: Entry,
  slot: Slot,
  from: { readonly before: View; readonly isByClient: boolean; readonly nowMs: number; readonly node?: NodeObject },
): View {
  const { isByClient, nowMs, node } = from;
  const nodeUid = node?.metadata.uid ?? '';
  const before =
    from.before.nodeUid === nodeUid ? from.before : { ...NOTHING, nodeUid, joinedAtMs: timeOf(node) ?? nowMs };
  const isDisruption = isByClient && before.isServed;
  const { newest, isServed, isAllNew, hasNew, isStaying } = podsOf(entry, slot, nowMs);
  const belongs = node !== undefined && slot.placement.isWanted && !isExcluded(node);
  const fits = belongs && slot.placement.fits && !isCordonedOff(entry.daemonSet, node);
  const wasEligible = fits || (belongs && before.keepsPlace);
  const isReplacing = !isServed && (isByClient || before.isReplacing);
  // An available old pod that nobody deletes gives the place back.
  const isHolding = hasNew || isReplacing || (wasEligible && !isServed);
  const keepsPlace = belongs && (isHolding || (before.keepsPlace && !isServed));
  const isEligible = fits || keepsPlace;
  const isReady = isEligible && slot.isNodeReady;
  const isUnavailable = isReady && !isServed;
  const isSame = before.isUnavailable === isUnavailable && before.isReady === isReady;
  const isBroken = !before.isServed && before.isNodeReady && before.lookedAtMs !== NEVER;
  const brokenMs = before.brokenMs + (isBroken ? nowMs - before.lookedAtMs : 0);
  const deadlineMs = progressDeadlineMs(entry.daemonSet);
  return {
    isEligible,
    isReady,
    isServed,
    isUnavailable,
    isUpdated: isReady && isServed && isAllNew,
    isUpdatedUnavailable: isUnavailable && isAllNew && isStaying,
    isDisrupted: !isServed && (isDisruption || before.isDisrupted),
    isReplacing,
    isDisruptedInPlace: isUnavailable && (isDisruption || before.isDisruptedInPlace),
    sinceMs: isSame ? before.sinceMs : nowMs,
    keepsPlace,
    nodeUid,
    joinedAtMs: before.joinedAtMs,
    wasServed: before.wasServed || isServed,
    brokenMs: isServed ? 0 : brokenMs,
    lookedAtMs: nowMs,
    turnAtMs: isByClient ? nowMs : before.turnAtMs,
    turnHash: isByClient ? newest : before.turnHash,
    // What an earlier deletion took, and no later version brought back, did not break by itself.
    wasBroken: isByClient && !before.isReplacing ? brokenMs > deadlineMs : before.wasBroken && !isServed,
    isNodeReady: node !== undefined && isConditionTrue(node.status.conditions, 'Ready'),
  };
}

function timeOf(node: NodeObject | undefined): number | undefined {
  return node === undefined ? undefined : Date.parse(node.metadata.creationTimestamp);
}

/** Reachable without an available pod, and yet in nobody's way: it is joining, or was broken before and its time is up. */
export function isExcused(view: View, { daemonSet }: Entry, nowMs: number): boolean {
  const deadlineMs = progressDeadlineMs(daemonSet);
  if (!view.wasServed && nowMs - view.joinedAtMs <= deadlineMs) return true;
  const timeMs = deadlineMs + 1000 * (daemonSet.spec.minReadySeconds ?? 0);
  const isTimeUp = nowMs - view.turnAtMs >= timeMs;
  if (!view.wasServed) return isTimeUp;
  return view.wasBroken && isTimeUp;
}

/** Whether a commit is what starts a pod's end. */
export function isDeletion(commit: Commit): boolean {
  if (commit.type === 'DELETED') return commit.previous?.metadata.deletionTimestamp === undefined;
  const { previous, object } = commit;
  return previous?.metadata.deletionTimestamp === undefined && object.metadata.deletionTimestamp !== undefined;
}

/** How many slots are in which state. */
export interface Counts {
  eligible: number;
  ready: number;
  updated: number;
  updatedUnavailable: number;
  disrupted: number;
  replacing: number;
  /** Not Ready, and a client has deleted the pod. */
  replacingAway: number;
}

/** Adds a view to the counts, or takes it out. */
export function count(counts: Counts, view: View, sign: 1 | -1): void {
  if (view.isEligible) counts.eligible += sign;
  if (view.isReady) counts.ready += sign;
  if (view.isUpdated) counts.updated += sign;
  if (view.isUpdatedUnavailable) counts.updatedUnavailable += sign;
  if (view.isDisrupted && view.isUnavailable) counts.disrupted += sign;
  if (view.isReplacing && view.isReady) counts.replacing += sign;
  if (view.isReplacing && view.isEligible && !view.isReady) counts.replacingAway += sign;
}
