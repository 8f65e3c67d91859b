import { availableAtMs, isFinished, isOutOfService } from '../kube/availability.ts';
import { isCurrent } from '../kube/revision.ts';
import type { Facts } from './facts.ts';
import { refusedUntilMs, repeatUntilMs } from './holdback.ts';
import type { CandidateKind } from './limits/ledger.ts';
import { pendingMark } from './marks.ts';
import { isSuspect } from './outage.ts';
import { hasTerminatingPod, isPodAvailable, liveCount, NEVER, PLACE, type Slot, soleLivePod } from './slot-state.ts';
import { forceAtMs } from './stuck.ts';

/**
 * What is true of a slot, one bit each, so that a change of any of them is one XOR and the counters stay O(1).
 *
 * Only ELIGIBLE slots have any of the others, except what OTA has, which marks pods wherever they are.
 */
export const BIT = {
  /** The node should run the pod, or keeps its place. */
  eligible: 1 << 0,
  /** … and is Ready. */
  ready: 1 << 1,
  /** Its one pod is current. */
  updated: 1 << 2,
  /** Ready node, one pod, available. */
  available: 1 << 3,
  /** In U: Ready node without an available pod for whatever reason, or a node that failed; not joining, not brokenBefore. */
  unavailable: 1 << 4,
  /** In F: asked, or on the way to a replacement after a deletion. */
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
  /** Would be a candidate for deletion, but its node cannot be read, or a new pod would not be created. */
  barred: 1 << 20,
  /** A write of its pod was refused and not accepted since, wanted now or not: eligible or not. */
  refusedBefore: 1 << 21,
  /** Takes a place that a node without an available pod needs, too: in F, failed, or current and not available any more. */
  occupied: 1 << 22,
  /** The node joined a short time ago, and has not had an available pod yet. */
  joining: 1 << 23,
  /** No pod was available long before its turn, and none is now that its replacement had its time. */
  brokenBefore: 1 << 24,
  /** A percentage is of these: Ready, or in flight. */
  base: 1 << 25,
  /** Ready, and the rollout is not done before this has settled. */
  open: 1 << 26,
} as const;

export const BIT_COUNT = 27;

const CANDIDATE_DELETE = BIT.candidateUnavailable | BIT.candidateAvailable;
const HOLDS_NOTHING = ~(BIT.unavailable | BIT.inFlight | BIT.pending | BIT.occupied | BIT.open);

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

/**
 * Whether the node counts as eligible. A taint that comes later frees no place: with a current pod, a deletion under way, or no
 * available pod since before the taint came, the node keeps it.
 */
export function hasPlace(slot: Slot, facts: Facts, nowMs: number): boolean {
  if (slot.node === undefined || slot.place === PLACE.ELSEWHERE) return false;
  const { target } = facts;
  const hasCurrent = target !== undefined && slot.pods.some(({ record }) => isCurrent(record, target));
  if (slot.place >= PLACE.AWAY || hasCurrent) return true;
  if (slot.ask?.action === 'delete' && slot.ask.phase !== 'asked') return true;
  const pod = soleLivePod(slot);
  return slot.hasPlace && (pod === undefined || !isPodAvailable(pod, facts.minReadyMs, nowMs));
}

function classifyCommon(slot: Slot, facts: Facts, nowMs: number): number {
  if (slot.node === undefined || !slot.hasPlace) return 0;
  let mask: number = BIT.eligible;
  const pod = soleLivePod(slot);
  if (pod !== undefined && facts.target !== undefined && isCurrent(pod.record, facts.target)) mask |= BIT.updated;
  // A node that cannot be read may be Ready, so it counts in U unless its pod is available.
  if (slot.node.uid === '' && slot.pods.length === 0) return mask | BIT.unavailable;
  if (!slot.node.isReady && slot.node.unreadable === undefined) return mask;
  mask |= BIT.ready | BIT.base;
  if (pod !== undefined && isPodAvailable(pod, facts.minReadyMs, nowMs)) return mask | BIT.available;
  return mask | (isJoining(slot, facts, nowMs) ? BIT.joining : BIT.unavailable);
}

function isJoining({ hasBeenAvailable, joinedAtMs }: Slot, { progressDeadlineMs }: Facts, nowMs: number): boolean {
  return !hasBeenAvailable && nowMs < joinedAtMs + progressDeadlineMs;
}

function classifyMark(slot: Slot, facts: Facts): number {
  if (slot.ask !== undefined) return BIT.inFlight | BIT.outdated;
  if (slot.pods.every(({ record }) => record.unreadable !== undefined)) return 0;
  if (pendingMark(slot, facts) === undefined) return BIT.settled;
  return BIT.outdated | BIT.candidateMark;
}

function classifyNotReady(slot: Slot, facts: Facts): number {
  if (isNodeFailed(slot, facts)) return BIT.failed | BIT.unavailable | BIT.occupied;
  const isOld = !isCurrentSlot(slot, facts);
  // A deletion that may have reached the API server holds its place: the node may be back at any moment.
  const isHeld = slot.ask?.action === 'delete' && slot.ask.phase !== 'asked';
  return (isHeld ? BIT.inFlight | BIT.reserved | BIT.occupied | BIT.base : 0) | (isOld ? BIT.skipped : 0);
}

function classifyReady(slot: Slot, facts: Facts, common: number): number {
  const pod = soleLivePod(slot);
  const isUpdated = (common & BIT.updated) !== 0;
  const hasAvailable = (common & BIT.available) !== 0;
  const isJoining = (common & BIT.joining) !== 0;
  const isAsked = slot.ask?.action === 'delete';
  // Beside an available pod one on its way out is a leftover.
  const isLeaving = liveCount(slot) === 0 || (!hasAvailable && hasTerminatingPod(slot));
  const isReplacing = isLeaving || (pod !== undefined && !hasAvailable && (isUpdated || isOutOfService(pod.record)));
  let mask = isJoining ? 0 : BIT.open;
  if (isReplacing) mask |= BIT.replacing;
  // The DaemonSet controller deletes what has finished.
  const isOnItsWay = slot.isAwaitingReplacement || (pod !== undefined && isFinished(pod.record));
  if (isAsked || (isReplacing && isOnItsWay)) mask |= isUpdated ? BIT.inFlight : BIT.inFlight | BIT.pending;
  if ((mask & BIT.inFlight) !== 0 || (isReplacing && !isJoining)) mask |= BIT.occupied;
  if (isAsked && hasAvailable) mask |= BIT.reserved;
  if (isUpdated && hasAvailable && !isLeaving && slot.ask === undefined) return (mask & ~BIT.open) | BIT.settled;
  if (hasOldPod(slot, facts)) mask |= BIT.outdated;
  if (pod === undefined || isUpdated || isLeaving || isOutOfService(pod.record) || slot.ask !== undefined) return mask;
  // The DaemonSet controller creates no pod beside one that is on its way out.
  const isBarred = slot.node?.unreadable !== undefined || slot.place !== PLACE.FITS || hasTerminatingPod(slot);
  if (isBarred) return mask | BIT.barred;
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

/** What a slot is whose replacement had its time; `mask` is all that it was until then. */
export function classifyOverdue(mask: number, slot: Slot, facts: Facts, nowMs: number): number {
  const force = nowMs >= forceAtMs(slot, facts) ? BIT.candidateForce : 0;
  // Nothing was taken from a node where nothing was available before, so it is no failure of this version.
  if (slot.wasBroken || !slot.hasBeenAvailable) return (mask & HOLDS_NOTHING) | BIT.brokenBefore | force;
  return (mask & ~(BIT.inFlight | BIT.pending)) | BIT.failed | BIT.occupied | BIT.unavailable | force;
}

/** Whether the replacement is later than the DaemonSet's progress deadline allows, as far as could be seen. */
export function isOverdue(slot: Slot, facts: Facts, nowMs: number): boolean {
  return Math.min(nowMs, facts.staleSinceMs) >= overdueAtMs(slot, facts);
}

/** The deadline runs from when the replacement can start: the old pod's grace period is its own. */
function overdueAtMs(slot: Slot, facts: Facts): number {
  const fromMs = slot.goneAtMs === NEVER ? slot.replacingSinceMs + graceMs(slot) : slot.goneAtMs;
  return fromMs + slot.unseenMs + facts.progressDeadlineMs + facts.minReadyMs;
}

/** How long its replacement may take, if it begins now. */
export function timeFor(slot: Slot, { progressDeadlineMs, minReadyMs }: Facts): number {
  return graceMs(slot) + progressDeadlineMs + minReadyMs;
}

/** How long the pods that are on their way out may take. */
function graceMs({ pods }: Slot): number {
  return pods.reduce((most, { record }) => Math.max(most, record.isTerminating ? (record.deletionGraceMs ?? 0) : 0), 0);
}

/** When time alone changes something about the slot; NEVER when only an event can. */
export function dueAtMs(slot: Slot, facts: Facts, nowMs: number): number {
  let dueMs = Math.min(slot.ask?.phase === 'watching' ? slot.ask.dueMs : NEVER, slot.outageDueMs);
  const isOverdueKnown = (slot.mask & (BIT.failed | BIT.brokenBefore)) !== 0;
  if ((slot.mask & BIT.replacing) !== 0 && !isOverdueKnown && facts.staleSinceMs === NEVER) {
    dueMs = Math.min(dueMs, overdueAtMs(slot, facts));
  }
  if ((slot.mask & BIT.replacing) !== 0 && isOverdueKnown && (slot.mask & BIT.candidateForce) === 0) {
    dueMs = Math.min(dueMs, forceAtMs(slot, facts));
  }
  if ((slot.mask & BIT.joining) !== 0) dueMs = Math.min(dueMs, slot.joinedAtMs + facts.progressDeadlineMs);
  if ((slot.mask & BIT.repeated) !== 0) dueMs = Math.min(dueMs, repeatUntilMs(slot, facts.target?.hash));
  if ((slot.mask & BIT.backingOff) !== 0) {
    dueMs = Math.min(dueMs, refusedUntilMs(slot, facts.strategy === 'OTA' ? 'mark' : 'delete'));
  }
  const isKept = slot.hasPlace && slot.place < PLACE.AWAY && (slot.mask & BIT.updated) === 0;
  if (isKept || (slot.mask & (BIT.ready | BIT.available)) === BIT.ready) {
    const pod = soleLivePod(slot);
    const atMs = pod === undefined ? NEVER : availableAtMs(pod.record, pod.readySinceMs, facts.minReadyMs);
    // A kept place may have been left by then.
    if (atMs > nowMs) dueMs = Math.min(dueMs, atMs);
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

/** The node went NotReady soon after its pod was replaced for the target (or while it was), and its surroundings did not. */
function isNodeFailed(slot: Slot, facts: Facts): boolean {
  if (slot.isOutage || slot.replacedHash !== facts.target?.hash || !isSuspect(slot, facts)) return false;
  return liveCount(slot) === 0 || isCurrentSlot(slot, facts);
}
