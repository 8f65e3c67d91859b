import { type Entry, isAvailable, isTerminating, revisionHashOf, type Slot } from './cluster-index.ts';
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
}

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
  sinceMs: Number.NEGATIVE_INFINITY,
};

/** What a slot is worth now, given what it was before and whether a client has just deleted a pod there. */
export function viewOf(
  entry: Entry,
  slot: Slot,
  from: { readonly before: View; readonly isByClient: boolean; readonly nowMs: number },
): View {
  const { before, isByClient, nowMs } = from;
  const isDisruption = isByClient && before.isServed;
  const minReadySeconds = entry.daemonSet.spec.minReadySeconds ?? 0;
  const newest = entry.newest === undefined ? '' : revisionHashOf(entry.newest);
  let isServed = false;
  let isAllNew = slot.pods.length > 0;
  let isStaying = false;
  for (const indexed of slot.pods) {
    if (isAvailable(indexed, minReadySeconds, nowMs)) isServed = true;
    if (indexed.hash !== newest) isAllNew = false;
    if (!isTerminating(indexed.pod)) isStaying = true;
  }
  const isEligible = slot.placement.shouldRun;
  const isReady = isEligible && slot.isNodeReady;
  const isUnavailable = isReady && !isServed;
  const isSame = before.isUnavailable === isUnavailable && before.isReady === isReady;
  return {
    isEligible,
    isReady,
    isServed,
    isUnavailable,
    isUpdated: isReady && isServed && isAllNew,
    isUpdatedUnavailable: isUnavailable && isAllNew && isStaying,
    isDisrupted: !isServed && (isDisruption || before.isDisrupted),
    isReplacing: !isServed && (isByClient || before.isReplacing),
    isDisruptedInPlace: isUnavailable && (isDisruption || before.isDisruptedInPlace),
    sinceMs: isSame ? before.sinceMs : nowMs,
  };
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
}

/** Adds a view to the counts, or takes it out. */
export function count(counts: Counts, view: View, sign: 1 | -1): void {
  if (view.isEligible) counts.eligible += sign;
  if (view.isReady) counts.ready += sign;
  if (view.isUpdated) counts.updated += sign;
  if (view.isUpdatedUnavailable) counts.updatedUnavailable += sign;
  if (view.isDisrupted && view.isUnavailable) counts.disrupted += sign;
  if (view.isReplacing && view.isReady) counts.replacing += sign;
}
