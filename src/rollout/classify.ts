import { availableAtMs, isOutOfService } from '../kube/availability.ts';
import { isCurrent } from '../kube/revision.ts';
import type { CandidateKind } from './candidates.ts';
import type { Facts } from './facts.ts';
import { refusedUntilMs, repeatUntilMs } from './holdback.ts';
import { pendingMark } from './marks.ts';
import { hasTerminatingPod, isPodAvailable, liveCount, NEVER, type Slot, soleLivePod } from './slot-state.ts';
import { forceAtMs } from './stuck.ts';

/**
 * What is true of a slot, one bit each, so that a change of any of them is one XOR and the counters stay O(1).
 *
 * Only ELIGIBLE slots have any of the others, except what OTA has, which marks pods wherever they are.
 */
export const BIT = {
  /** The node should run the pod. */
  eligible: 1 << 0,
  /** … and is Ready. */
  ready: 1 << 1,
  /** Its one pod is current. */
  updated: 1 << 2,
  /** Ready node, one pod, available. */
  available: 1 << 3,
  /** In U: Ready node without an available pod for whatever reason, or a node that failed. */
  unavailable: 1 << 4,
  /** Asked, or REPLACING, or a node that failed. */
  inFlight: 1 << 5,
  /** In R: asked, and the pod still is available (or cannot be seen, because the node is not Ready). */
  reserved: 1 << 6,
  /** NotReady node that is not current and did not fail. */
  skipped: 1 << 7,
  failed: 1 << 8,
  /** A pod is missing, terminating, finished, or current and not (yet) available. */
  replacing: 1 << 9,
  /** Current, available, nothing asked. */
  settled: 1 << 10,
  /** There is an old pod (OTA: a pod whose condition differs). */
  outdated: 1 << 11,
  candidateUnavailable: 1 << 12,
  candidateAvailable: 1 << 13,
  candidateMark: 1 << 14,
  /** In flight, and the new pod does not exist yet. */
  pending: 1 << 15,
  /** Failed, because a pod is stuck in Terminating that may be deleted by force now. */
  candidateForce: 1 << 16,
  /** Would be a candidate, but its pods were deleted for this target again and again (holdback.ts). */
  repeated: 1 << 17,
  /** Would be a candidate, but its deletion or mark was refused, and is not tried again yet. */
  backingOff: 1 << 18,
  /** A write of its pod was refused, and is still wanted. */
  refused: 1 << 19,
  /** Would be a candidate for deletion, but its node cannot be read. */
  unknown: 1 << 20,
  /** A write of its pod was refused and not accepted since, wanted now or not: eligible or not. */
  refusedBefore: 1 << 21,
} as const;

export const BIT_COUNT = 22;

const CANDIDATE_DELETE = BIT.candidateUnavailable | BIT.candidateAvailable;

/** A node that goes NotReady this long after minReadySeconds, counted from the replacement of its pod, failed. */
const NODE_FAILURE_WINDOW_MS = 5 * 60_000;

/** Everything about a slot but whether its progress deadline has passed (see `isOverdue`). */
export function classify(slot: Slot, facts: Facts, nowMs: number): number {
  const common = classifyCommon(slot, facts, nowMs);
  switch (facts.strategy) {
    case undefined:
      return common;
    case 'OTA':
      return holdBack(common | classifyMark(slot, facts), slot, { facts, nowMs });
    case 'AdvancedRollingUpdate':
      if ((common & BIT.eligible) === 0) return common;
      if ((common & BIT.ready) === 0) return common | classifyNotReady(slot, facts);
      return holdBack(common | classifyReady(slot, facts, common), slot, { facts, nowMs });
  }
}

function classifyCommon(slot: Slot, facts: Facts, nowMs: number): number {
  if (slot.node === undefined || slot.eligibility !== 2) return 0;
  let mask: number = BIT.eligible;
  const pod = soleLivePod(slot);
  if (pod !== undefined && facts.target !== undefined && isCurrent(pod.record, facts.target)) mask |= BIT.updated;
  // A node that cannot be read may be Ready, so it counts in U unless its pod is available.
  if (slot.node.uid === '' && slot.pods.length === 0) return mask | BIT.unavailable;
  if (!slot.node.isReady && slot.node.unreadable === undefined) return mask;
  const hasAvailable = pod !== undefined && isPodAvailable(pod, facts.minReadyMs, nowMs);
  return mask | BIT.ready | (hasAvailable ? BIT.available : BIT.unavailable);
}

function classifyMark(slot: Slot, facts: Facts): number {
  if (slot.ask !== undefined) return BIT.inFlight | BIT.outdated;
  if (slot.pods.every(({ record }) => record.unreadable !== undefined)) return 0;
  if (pendingMark(slot, facts) === undefined) return BIT.settled;
  return BIT.outdated | BIT.candidateMark;
}

function classifyNotReady(slot: Slot, facts: Facts): number {
  if (isNodeFailed(slot, facts)) return BIT.failed | BIT.unavailable | BIT.inFlight;
  const isOld = !isCurrentSlot(slot, facts);
  // A deletion that may have reached the API server holds its place: the node may be back at any moment.
  const isHeld = slot.ask?.action === 'delete' && slot.ask.phase !== 'asked';
  return (isHeld ? BIT.inFlight | BIT.reserved : 0) | (isOld ? BIT.skipped : 0);
}

function classifyReady(slot: Slot, facts: Facts, common: number): number {
  const pod = soleLivePod(slot);
  const isUpdated = (common & BIT.updated) !== 0;
  const hasAvailable = (common & BIT.available) !== 0;
  const isAsked = slot.ask?.action === 'delete';
  const isLeaving = hasTerminatingPod(slot) || liveCount(slot) === 0;
  const isReplacing = isLeaving || (pod !== undefined && !hasAvailable && (isUpdated || isOutOfService(pod.record)));
  let mask = 0;
  if (isReplacing) mask |= BIT.replacing;
  if (isReplacing || isAsked) mask |= isUpdated ? BIT.inFlight : BIT.inFlight | BIT.pending;
  if (isAsked && hasAvailable) mask |= BIT.reserved;
  if (isUpdated && hasAvailable && !isLeaving && slot.ask === undefined) mask |= BIT.settled;
  if (hasOldPod(slot, facts)) mask |= BIT.outdated;
  if (pod === undefined || isUpdated || isLeaving || isOutOfService(pod.record) || slot.ask !== undefined) return mask;
  if (slot.node?.unreadable !== undefined) return mask | BIT.unknown;
  return mask | (hasAvailable ? BIT.candidateAvailable : BIT.candidateUnavailable);
}

/** Takes a slot that has to wait out of the candidates. */
function holdBack(mask: number, slot: Slot, at: { readonly facts: Facts; readonly nowMs: number }): number {
  const isMark = (mask & BIT.candidateMark) !== 0;
  if (!isMark && (mask & CANDIDATE_DELETE) === 0) return mask;
  const waiting = mask & ~(CANDIDATE_DELETE | BIT.candidateMark);
  if (!isMark && at.nowMs < repeatUntilMs(slot, at.facts.target?.hash)) return waiting | BIT.repeated;
  return at.nowMs < refusedUntilMs(slot, isMark ? 'mark' : 'delete') ? waiting | BIT.backingOff : mask;
}

/** What follows once the progress deadline has passed. */
export function classifyOverdue(slot: Slot, facts: Facts, nowMs: number): number {
  return BIT.failed | (nowMs >= forceAtMs(slot, facts) ? BIT.candidateForce : 0);
}

/** Whether the replacement is later than the DaemonSet's progress deadline allows, as far as could be seen. */
export function isOverdue(slot: Slot, facts: Facts, nowMs: number): boolean {
  return Math.min(nowMs, facts.staleSinceMs) >= overdueAtMs(slot, facts);
}

function overdueAtMs({ replacingSinceMs, unseenMs }: Slot, { progressDeadlineMs }: Facts): number {
  return replacingSinceMs + unseenMs + progressDeadlineMs;
}

/** When time alone changes something about the slot; NEVER when only an event can. */
export function dueAtMs(slot: Slot, facts: Facts): number {
  let dueMs = slot.ask?.phase === 'watching' ? slot.ask.dueMs : NEVER;
  if ((slot.mask & (BIT.replacing | BIT.failed)) === BIT.replacing && facts.staleSinceMs === NEVER) {
    dueMs = Math.min(dueMs, overdueAtMs(slot, facts));
  }
  if ((slot.mask & (BIT.replacing | BIT.failed | BIT.candidateForce)) === (BIT.replacing | BIT.failed)) {
    dueMs = Math.min(dueMs, forceAtMs(slot, facts));
  }
  if ((slot.mask & BIT.repeated) !== 0) dueMs = Math.min(dueMs, repeatUntilMs(slot, facts.target?.hash));
  if ((slot.mask & BIT.backingOff) !== 0) {
    dueMs = Math.min(dueMs, refusedUntilMs(slot, facts.strategy === 'OTA' ? 'mark' : 'delete'));
  }
  if ((slot.mask & (BIT.ready | BIT.available)) === BIT.ready) {
    const pod = soleLivePod(slot);
    if (pod !== undefined) dueMs = Math.min(dueMs, availableAtMs(pod.record, pod.readySinceMs, facts.minReadyMs));
  }
  return dueMs;
}

export function candidateKind(mask: number): CandidateKind | undefined {
  if ((mask & BIT.candidateUnavailable) !== 0) return 'unavailable';
  if ((mask & BIT.candidateAvailable) !== 0) return 'available';
  if ((mask & BIT.candidateForce) !== 0) return 'force';
  return (mask & BIT.candidateMark) !== 0 ? 'mark' : undefined;
}

export function isCurrentSlot(slot: Slot, facts: Facts): boolean {
  const pod = soleLivePod(slot);
  return pod !== undefined && facts.target !== undefined && isCurrent(pod.record, facts.target);
}

/** Whether a pod of an earlier revision still runs there. */
export function hasOldPod(slot: Slot, facts: Facts): boolean {
  const { target } = facts;
  if (target === undefined) return false;
  return slot.pods.some(({ record }) => !record.isTerminating && !isOutOfService(record) && !isCurrent(record, target));
}

/** The node went NotReady soon after its pod was replaced by one of the target revision (or while it was). */
function isNodeFailed(slot: Slot, facts: Facts): boolean {
  if (liveCount(slot) > 0 && !isCurrentSlot(slot, facts)) return false;
  const afterMs = slot.notReadySinceMs - Math.min(slot.replacedAtMs, replacedBeforeWatchingMs(slot, facts));
  return afterMs >= 0 && afterMs <= facts.minReadyMs + NODE_FAILURE_WINDOW_MS;
}

/**
 * When the pod was replaced, told from the cluster alone, for the time before this process watched: a current pod that is
 * younger than its revision, on a node that is older.
 */
function replacedBeforeWatchingMs(slot: Slot, facts: Facts): number {
  const pod = soleLivePod(slot)?.record;
  if (slot.replacedAtMs !== NEVER || pod === undefined || slot.node === undefined) return NEVER;
  const targetCreatedAtMs = facts.target?.createdAtMs ?? 0;
  const isReplacement = pod.createdAtMs > targetCreatedAtMs && slot.node.createdAtMs < targetCreatedAtMs;
  return isReplacement ? pod.createdAtMs : NEVER;
}
