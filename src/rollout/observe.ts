import type { Eligibility, EligibilityRule } from '../kube/eligibility.ts';
import type { NodeRecord, PodRecord } from '../kube/records.ts';
import { isCurrentSlot } from './classify.ts';
import type { Facts } from './facts.ts';
import { noteReplacement } from './holdback.ts';
import { noteReplaced } from './outage.ts';
import {
  brokenForMs,
  hasTerminatingPod,
  liveCount,
  NEVER,
  PLACE,
  type Place,
  type Slot,
  soleLivePod,
} from './slot-state.ts';
import { newLeaving } from './stuck.ts';

/** When something is observed, and whether it is news: what is read before everything is there happened earlier. */
export interface Observation {
  readonly facts: Facts;
  readonly nowMs: number;
}

/** Judges anew whether the pod belongs there. A node that could never be read is taken for one that should run it. */
export function observePlace(slot: Slot, rule: EligibilityRule | undefined): void {
  const eligibility = slot.node === undefined ? undefined : rule?.(slot.node);
  slot.place = slot.node?.uid === '' ? PLACE.FITS : placeOf(eligibility);
}

function placeOf(eligibility: Eligibility | undefined): Place {
  if (eligibility === undefined) return PLACE.ELSEWHERE;
  if (eligibility.shouldRun) return PLACE.FITS;
  if (eligibility.reason !== 'taint' && eligibility.reason !== 'cordoned') return PLACE.ELSEWHERE;
  if (eligibility.isOnlyAway) return PLACE.AWAY;
  return eligibility.shouldContinueRunning ? PLACE.STAYS : PLACE.EVICTED;
}

/** Takes a pod's new record; the times that matter later are those of this moment, unless it is not news. */
export function observePod(slot: Slot, pod: PodRecord, at: Observation): void {
  const tracked = slot.pods.find(({ record }) => record.uid === pod.uid);
  // What cannot be read may be available.
  if (pod.unreadable !== undefined) {
    slot.hasBeenAvailable = true;
    slot.wasBroken = false;
  }
  if (tracked === undefined) {
    // Concat makes an array of exactly that length; push and spread reserve room for 17 pods, on every node.
    slot.pods = slot.pods.concat({
      record: pod,
      readySinceMs: pod.isReady ? hintedMs(pod.readyChangedAtMs, at) : NEVER,
      leaving: pod.isTerminating ? newLeaving(hintedMs(pod.deletionAtMs, at)) : undefined,
    });
    if (pod.isTerminating) noteDeletion(slot, pod.uid, at);
    else if (slot.replacedAtMs !== NEVER && slot.notReadySinceMs === NEVER && at.facts.isSynced) {
      // On a node that is away a pod appears too; that must not make its failure forgotten.
      noteReplaced(slot, at.nowMs, at.facts, pod.revisionHash ?? at.facts.target?.hash);
    }
    return;
  }
  const before = tracked.record;
  tracked.record = pod;
  if (!pod.isReady) tracked.readySinceMs = NEVER;
  // Ready then and now, but not since the same time: a spell of not being ready was missed.
  else if (!before.isReady || before.readyChangedAtMs !== pod.readyChangedAtMs) tracked.readySinceMs = at.nowMs;
  if (pod.isTerminating && !before.isTerminating) noteDeletion(slot, pod.uid, at);
  if (pod.isTerminating) tracked.leaving ??= newLeaving(at.nowMs);
}

export function observePodGone(slot: Slot, uid: string, at: Observation): void {
  const gone = slot.pods.find(({ record }) => record.uid === uid);
  if (gone === undefined) return;
  slot.pods = slot.pods.filter((pod) => pod !== gone);
  // Once: what comes and fails may go and come again, and gets no more time by that.
  if (gone.record.isTerminating && slot.goneAtMs === NEVER && !hasTerminatingPod(slot)) {
    slot.goneAtMs = at.nowMs;
    slot.unseenMs = 0;
  }
  if (!gone.record.isTerminating) noteDeletion(slot, uid, at);
}

/**
 * A pod is on its way out. With another one still there it was an excess pod, and nothing replaces it; unless it was ours: a
 * list may show the new pod before it shows that the old one is gone.
 */
function noteDeletion(slot: Slot, uid: string, { facts, nowMs }: Observation): void {
  // Our own deletion may reach a node that went NotReady unnoticed; then it went so while its pod was being replaced.
  const isOurs = slot.ask?.action === 'delete' && slot.ask.uid === uid && slot.ask.phase !== 'asked';
  if (isOurs && slot.ask?.hash !== undefined) noteReplacement(slot, slot.ask.hash, nowMs);
  if (!slot.hasPlace || (liveCount(slot) > 0 && !isOurs)) return;
  slot.isAwaitingReplacement = true;
  if (!facts.isSynced) return;
  if (brokenForMs(slot, nowMs) > facts.progressDeadlineMs) slot.wasBroken = true;
  if (isOurs) {
    slot.isOurs = true;
    noteReplaced(slot, Math.min(nowMs, slot.notReadySinceMs), facts);
    if (slot.notReadySinceMs !== NEVER) slot.outageDueMs = nowMs;
    return;
  }
  // What others delete on a node that is away must not make its failure forgotten either.
  if (slot.notReadySinceMs === NEVER) noteReplaced(slot, nowMs, facts);
}

export function observeNode(slot: Slot, node: NodeRecord | undefined, at: Observation): void {
  const wasReady = slot.node?.isReady ?? false;
  const isFirst = slot.node === undefined;
  // Until it could be read it was taken for one that should run the pod.
  if (slot.node?.uid === '' && node !== undefined && node.uid !== '') slot.hasPlace = false;
  slot.node = node;
  if (isFirst && node !== undefined) {
    slot.joinedAtMs = at.nowMs;
    // Of those that were there before, nobody can tell whether a pod of ours was the first.
    slot.hasBeenAvailable = !at.facts.isSynced;
  }
  if (node === undefined) {
    slot.place = PLACE.ELSEWHERE;
    slot.hasPlace = false;
    slot.replacedAtMs = NEVER;
    slot.outageDueMs = NEVER;
    slot.wasBroken = false;
    slot.replacements = undefined;
    slot.isAwaitingReplacement = false;
    slot.isOurs = false;
    slot.brokenSinceMs = NEVER;
    slot.brokenMs = 0;
    slot.notReadySinceMs = NEVER;
    slot.departure = undefined;
  } else if (node.isReady) {
    slot.notReadySinceMs = NEVER;
    slot.outageDueMs = NEVER;
    slot.isOutage = false;
  } else if (isFirst) slot.notReadySinceMs = hintedMs(node.readyChangedAtMs, at);
  else if (wasReady) slot.notReadySinceMs = at.nowMs;
}

/** Since when the slot is without its replacement, given what it was before; see `replacingSinceMs`. */
export function replacingSinceMs(slot: Slot, wasReplacing: boolean, at: Observation): number {
  if (at.facts.isSynced) return wasReplacing ? slot.replacingSinceMs : at.nowMs;
  const pod = isCurrentSlot(slot, at.facts) ? soleLivePod(slot)?.record : undefined;
  const hintMs = pod === undefined ? at.nowMs : Math.max(pod.createdAtMs, pod.readyChangedAtMs ?? 0);
  return Math.min(at.nowMs, hintMs, wasReplacing ? slot.replacingSinceMs : at.nowMs);
}

/** The API server's time as a hint for what happened before; never later than now, whatever its clock says. */
function hintedMs(apiTimeMs: number | undefined, { facts, nowMs }: Observation): number {
  return facts.isSynced ? nowMs : Math.min(nowMs, apiTimeMs ?? nowMs);
}

/** Whether a node's new record can change nothing but its Ready condition: heartbeats come every few seconds. */
export function hasSamePlace(left: NodeRecord, right: NodeRecord): boolean {
  if (left.isUnschedulable !== right.isUnschedulable) return false;
  return hasSameLabels(left.labels, right.labels) && hasSameTaints(left, right);
}

function hasSameLabels(left: NodeRecord['labels'], right: NodeRecord['labels']): boolean {
  if (left === right) return true;
  let count = 0;
  for (const key in left) {
    if (left[key] !== right[key]) return false;
    count += 1;
  }
  for (const _ in right) count -= 1;
  return count === 0;
}

function hasSameTaints({ taints: left }: NodeRecord, { taints: right }: NodeRecord): boolean {
  if (left === right) return true;
  if (left.length !== right.length) return false;
  return left.every((taint, index) => {
    const other = right[index];
    return other?.key === taint.key && other.value === taint.value && other.effect === taint.effect;
  });
}
