import { isFinished, isServing } from '../kube/availability.ts';
import type { NodeRecord, PodRecord } from '../kube/records.ts';
import { isCurrentSlot, timeFor } from './classify.ts';
import type { Facts } from './facts.ts';
import type { Memory } from './memory.ts';
import type { Observation } from './observe.ts';
import { noteDeparture, noteReplaced, suspectedMs } from './outage.ts';
import {
  hasUnreadablePod,
  isPodAvailable,
  liveCount,
  NEVER,
  PLACE,
  restartReplacing,
  type Slot,
  soleLivePod,
} from './slot-state.ts';

/** A pod this much younger than its node at most is the first one there. */
const FIRST_POD_MS = 60_000;
/** The kubelet says this soon that a pod is not Ready yet. */
const FIRST_WORD_MS = 10_000;
/** By how much times of different clocks may differ, and the seconds that they are cut to. */
const CLOCKS_MS = 60_000;

export interface RecallContext extends Observation {
  /** What an earlier leader wrote down; undefined: nothing, or nobody led before. */
  readonly memory: Memory | undefined;
  /** It has just been read, and nothing was watched yet. */
  readonly isFirst: boolean;
  /** When that was. */
  readonly watchedSinceMs: number;
  /** There are old pods. */
  readonly isUnderWay: boolean;
}

/**
 * What happened to a slot before this process watched, told from the cluster and what an earlier leader wrote: once, when
 * everything was read. In doubt it was our replacement, and the node keeps a place.
 */
export function recall(slot: Slot, context: RecallContext): void {
  const { node } = slot;
  if (node === undefined || node.unreadable !== undefined) return;
  const { facts, nowMs, memory } = context;
  const pod = soleLivePod(slot);
  const isAvailable = node.isReady && pod !== undefined && isPodAvailable(pod, facts.minReadyMs, nowMs);
  const isKept = memory?.kept.has(slot.nodeName) || (context.isFirst && mayHaveKept(slot));
  if (isKept && slot.place !== PLACE.ELSEWHERE) slot.hasPlace = true;
  if (memory?.brokenBefore.has(slot.nodeName) && !isAvailable && !hasUnreadablePod(slot)) slot.wasBroken = true;
  const isNew = hasNeverServed(slot, node, facts);
  if (isNew && context.isFirst) {
    slot.hasBeenAvailable = false;
    slot.joinedAtMs = Math.min(nowMs, node.createdAtMs);
  }
  if (slot.replacedAtMs === NEVER && facts.hasRolledOut) recallReplacement(slot, node, context);
  const takenDownBy = memory?.takenDown.get(slot.nodeName);
  // What was written may be of before the replacement that a pod shows.
  const isShown = slot.replacedAtMs !== NEVER && slot.replacedHash === facts.target?.hash && slot.pods.length > 0;
  if (!node.isReady && takenDownBy !== undefined && !isShown) {
    noteReplaced(slot, slot.notReadySinceMs, facts, takenDownBy);
  }
  if (!node.isReady && slot.replacedAtMs !== NEVER) slot.outageDueMs = nowMs;
  if (!isAvailable && node.isReady && !isNew) recallSpell(slot, context);
  else if (!isAvailable && memory?.failed.has(slot.nodeName)) slot.isAwaitingReplacement = true;
  if (!isAvailable && slot.isAwaitingReplacement) slot.isOurs = true;
  // When its turn was, or the rollout began, is not known: it holds its place for one more deadline.
  if (slot.wasBroken && slot.replacingSinceMs !== NEVER) restartReplacing(slot, nowMs);
}

/**
 * A taint may have come when nothing was available there any more. Pods on their way out tell that only where the taint does not
 * send them away itself.
 */
function mayHaveKept(slot: Slot): boolean {
  if (slot.pods.some(({ record }) => isServing(record))) return false;
  return slot.place === PLACE.EVICTED ? liveCount(slot) > 0 : slot.pods.length > 0;
}

/**
 * Whether the node joined after the newest revision came, so that nothing was replaced there, and its first pod never was Ready:
 * as far as the last transition tells, there was none after that to the state in which it was made.
 */
function hasNeverServed(slot: Slot, node: NodeRecord, { newestSinceMs }: Facts): boolean {
  const pod = soleLivePod(slot)?.record;
  if (pod === undefined || pod.isReady || pod.unreadable !== undefined) return false;
  const { createdAtMs, readyChangedAtMs = createdAtMs } = pod;
  const isFirst = node.createdAtMs > newestSinceMs && createdAtMs - node.createdAtMs < FIRST_POD_MS;
  return isFirst && readyChangedAtMs - createdAtMs < FIRST_WORD_MS;
}

/** For `isOutage`, of those that are away. */
export function recallDeparture(slot: Slot, facts: Facts): void {
  if (slot.hasPlace && slot.notReadySinceMs !== NEVER) noteDeparture(slot, facts);
}

/** When the pod was replaced, if this rollout did it. */
function recallReplacement(slot: Slot, node: NodeRecord, { facts, nowMs }: RecallContext): void {
  const pod = soleLivePod(slot)?.record;
  if (pod === undefined && slot.pods.length === 0) {
    // Nothing tells when its pod went; a node that was away before the revision came was not touched.
    const isTouched = !node.isReady && node.createdAtMs < facts.newestSinceMs;
    if (isTouched && slot.hasPlace && slot.notReadySinceMs >= facts.newestSinceMs)
      noteReplaced(slot, slot.notReadySinceMs, facts);
    return;
  }
  const atMs = pod === undefined ? askedToGoAtMs(slot) : pod.createdAtMs;
  const isUnknown = atMs === 0;
  const hash = pod?.revisionHash ?? facts.target?.hash;
  // A pod of another revision tells what that one did, should it become the newest again.
  const isOther = pod !== undefined && !isCurrentSlot(slot, facts);
  const bornMs = isOther ? (facts.revisionsMs.get(hash ?? '') ?? NEVER) : facts.newestSinceMs;
  const isFirst = pod !== undefined && atMs - node.createdAtMs < FIRST_POD_MS && node.createdAtMs >= bornMs;
  if (isFirst || (atMs < bornMs && !isUnknown)) return;
  if (node.isReady) {
    if (nowMs - atMs <= suspectedMs(facts)) noteReplaced(slot, Math.min(nowMs, atMs), facts, hash);
    return;
  }
  slot.notReadySinceMs = Math.min(slot.notReadySinceMs, unreadySinceMs(pod));
  if (isUnknown || node.readyChangedAtMs === undefined) noteReplaced(slot, slot.notReadySinceMs, facts, hash);
  // What was made (or deleted) on a node that was away already did not take it down.
  else if (atMs <= slot.notReadySinceMs + CLOCKS_MS)
    noteReplaced(slot, Math.min(atMs, slot.notReadySinceMs), facts, hash);
}

/** When the last of the pods that are on their way out was deleted, by the API server's clock. */
function askedToGoAtMs({ pods }: Slot): number {
  let atMs = 0;
  for (const { record } of pods) {
    if (record.isTerminating) atMs = Math.max(atMs, (record.deletionAtMs ?? 0) - (record.deletionGraceMs ?? 0));
  }
  return atMs;
}

/** A node that is noticed twice (`Unknown`, then `False`) tells the second time; its pods tell the first. */
function unreadySinceMs(pod: PodRecord | undefined): number {
  if (pod === undefined || pod.isReady || pod.readyChangedAtMs === undefined) return NEVER;
  return pod.readyChangedAtMs >= pod.createdAtMs ? pod.readyChangedAtMs : NEVER;
}

/** Whether a replacement of ours is the reason why nothing is available on the Ready node. */
function recallSpell(slot: Slot, { facts, nowMs, memory, isUnderWay, watchedSinceMs }: RecallContext): void {
  const pod = soleLivePod(slot)?.record;
  if (memory?.failed.has(slot.nodeName)) {
    slot.isAwaitingReplacement = true;
    // It had its time, and no pod tells since when. What this process saw begin later is another replacement.
    const isUntold = pod === undefined || isFinished(pod);
    if (isUntold && slot.replacingSinceMs <= watchedSinceMs) restartReplacing(slot, nowMs - timeFor(slot, facts));
  } else if (slot.replacingSinceMs > watchedSinceMs && slot.replacingSinceMs !== NEVER) {
    // This process saw it begin, and knows: the cluster only tells what may have been.
    return;
  } else if (pod === undefined) slot.isAwaitingReplacement = facts.hasRolledOut;
  // Where all is current nobody replaces anything.
  else if (isCurrentSlot(slot, facts) && (pod.createdAtMs >= facts.newestSinceMs || pod.createdAtMs === 0)) {
    slot.isAwaitingReplacement = isUnderWay;
  }
  slot.isOurs = slot.isAwaitingReplacement;
  noteBrokenBefore(slot, facts);
}

/**
 * Whether nothing was available on the Ready node for longer than a progress deadline when the newest revision came, by itself. Told by
 * the cluster's times alone: this process may not have watched, and its clock is another one.
 */
export function noteBrokenBefore(slot: Slot, facts: Facts): void {
  const { node } = slot;
  const pod = soleLivePod(slot)?.record;
  if (node?.isReady !== true || pod === undefined || slot.isOurs) return;
  if (pod.isReady || pod.unreadable !== undefined) return;
  const sinceMs = Math.max(pod.createdAtMs, pod.readyChangedAtMs ?? 0, node.readyChangedAtMs ?? 0);
  if (sinceMs + facts.progressDeadlineMs < facts.newestSinceMs) slot.wasBroken = true;
}
