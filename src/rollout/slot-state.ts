import { isAvailable, isFinished } from '../kube/availability.ts';
import type { NodeRecord, PodRecord } from '../kube/records.ts';
import type { WriteName } from '../protocol/actions/registry.ts';
import type { OutcomeCode } from '../protocol/outcome.ts';
import type { SlotKey } from '../protocol/slot.ts';
import type { Heap } from './heap.ts';
import type { CandidateKind } from './limits/ledger.ts';

/** A time that is not known, and "never" of things that wait for none. */
export const NEVER = Number.POSITIVE_INFINITY;

export interface TrackedPod {
  record: PodRecord;
  /** When its Ready transition was observed here; NEVER while it is not Ready. */
  readySinceMs: number;
  /** Undefined until it is terminating. */
  leaving: Leaving | undefined;
}

/** What is known of a pod on its way out. */
export interface Leaving {
  /** When its termination was observed here. */
  readonly sinceMs: number;
  /** Forced deletions so far, and when the last one was answered; NEVER: there was none. */
  forcedCount: number;
  forcedAtMs: number;
}

/** Why it was the slot's turn. Facts and no words: there is one for each slot in flight, and few are ever read. */
export interface Choice {
  readonly kind: CandidateKind;
  /** The pod's `controller.kubernetes.io/pod-deletion-cost`. */
  readonly deletionCost: number;
  /** '' when the node is in none. */
  readonly zone: string;
  /** Attempts that the API server refused. */
  readonly refusedCount: number;
}

/**
 * What was asked of a slot, from its selection until the watch shows the effect.
 *
 * - `asked`: selected, nothing has left. - `sent`: with a worker.
 * - `watching`: a write may have been applied; the watch, or at `dueMs` a read, will tell.
 * - `observe-due`, `observe-asked`, `observe-sent`: the same for that read.
 */
export interface Ask {
  readonly action: WriteName;
  uid: string;
  readonly choice: Choice;
  phase: 'asked' | 'sent' | 'watching' | 'observe-due' | 'observe-asked' | 'observe-sent';
  dueMs: number;
  /** The target that it was sent for. */
  hash: string | undefined;
  /** Reads so far; each one that tells nothing doubles the next deadline. */
  observeCount: number;
  /** What a mark writes, from the moment its task was made. */
  mark: { readonly needsUpgrade: boolean; readonly hash: string } | undefined;
  /** Why the last attempt wrote nothing. */
  setback: Answer | undefined;
  /** It was sent, and nobody answered. */
  isFateUnknown: boolean;
}

/** What was deleted on a node before, for holdback.ts; one small record a node that was updated. */
export interface Replacements {
  /** The target of the last deletion of ours, and the one before it that was another. */
  readonly hash: string;
  readonly otherHash: string | undefined;
  /** Deletions for one of these two that were not the first. */
  readonly repeatCount: number;
  /** When the last one took effect, as observed. */
  readonly atMs: number;
}

/** What the API server said to a write that it did not accept; one for all slots that it was said to (answers.ts). */
export interface Answer {
  readonly code: OutcomeCode;
  /** With signs in place of names. */
  text: string;
}

/** A write that the API server refused for good. */
export interface Refusal {
  readonly action: Ask['action'];
  readonly uid: string;
  /** In a row. */
  readonly count: number;
  /** When it is tried again. */
  readonly untilMs: number;
  readonly answer: Answer;
}

/** A node that went NotReady, or a pod that was replaced. */
export interface Happening {
  readonly slot: Slot;
  readonly atMs: number;
}

/** A zone's candidates of one kind. */
export interface ZoneQueue {
  readonly slots: Heap<Slot>;
  /** The zone's. */
  readonly inFlight: { readonly count: number };
  place: number;
}

/** A value of `topology.kubernetes.io/zone`; '' for nodes without one. */
export interface Zone {
  readonly name: string;
  /** Nodes there; a zone without any is forgotten. */
  slotCount: number;
  /** Replacements in flight there. */
  readonly inFlight: { count: number };
  /** Eligible nodes there that are Ready. */
  readyCount: number;
  /** Nodes that went NotReady, and pods that were replaced, lately, by time (outage.ts). */
  readonly departures: Happening[];
  readonly replaced: Happening[];
  readonly unavailable: ZoneQueue;
  readonly available: ZoneQueue;
}

/**
 * Whether the pod belongs on a node, least first. `ELSEWHERE`: selectors do not match, or the node is excluded. `EVICTED`: a
 * taint lets it not even stay; `STAYS`: it may stay, but would not be created again. `AWAY`: the same, by the taints of a
 * NotReady node alone. `FITS`: it would be created.
 */
export const PLACE = { ELSEWHERE: 0, EVICTED: 1, STAYS: 2, AWAY: 3, FITS: 4 } as const;
export type Place = (typeof PLACE)[keyof typeof PLACE];

/** One node as this DaemonSet sees it. Made lean: there are as many as nodes, for each DaemonSet. */
export interface Slot {
  readonly key: SlotKey;
  readonly nodeName: string;
  node: NodeRecord | undefined;
  /** The DaemonSet's pods there, terminating ones too; nearly always one. */
  pods: readonly TrackedPod[];
  place: Place;
  /** It counts as eligible: it fits, or it keeps its place whatever taints came. */
  hasPlace: boolean;
  zone: Zone;
  ask: Ask | undefined;
  /** Bits of classify.ts that the counters hold for this slot. */
  mask: number;
  /** Since when the slot is without its replacement (REPLACING); NEVER otherwise. */
  replacingSinceMs: number;
  /** How much of that time the view was stale, spells that are over. */
  unseenMs: number;
  /** Since when its replacement can start, the old pod being gone; NEVER: not before `replacingSinceMs`. */
  goneAtMs: number;
  /** When its pod last was replaced: the deletion, then the new pod's appearance, as observed; NEVER: not seen. */
  replacedAtMs: number;
  /** The target of that; undefined: none was known. */
  replacedHash: string | undefined;
  /** The node went NotReady soon after, and its surroundings did so too (outage.ts). */
  isOutage: boolean;
  /** When that is to be asked (again); NEVER: not any more. */
  outageDueMs: number;
  /** When the node joined, as observed; -NEVER: it has not. */
  joinedAtMs: number;
  /** A pod of the DaemonSet was available there, or that cannot be told. */
  hasBeenAvailable: boolean;
  /** Since when no pod is available on the Ready node though nobody deleted one; NEVER: one is, or one was deleted. */
  brokenSinceMs: number;
  /** How long that was so before, in spells that ended because the node went away or was left out. */
  brokenMs: number;
  /** That was so for longer than a progress deadline when its turn came; until a pod is available. */
  wasBroken: boolean;
  /** When the node went NotReady, as observed; NEVER while it is Ready. */
  notReadySinceMs: number;
  /** That, among those of its zone; undefined: this node was not seen to go. */
  departure: Happening | undefined;
  /** A deletion was seen and its replacement was not yet available. */
  isAwaitingReplacement: boolean;
  /** … and it was ours, or that cannot be told. */
  isOurs: boolean;
  replacements: Replacements | undefined;
  /** Of a pod that is there, until the slot is settled. */
  refusal: Refusal | undefined;
  /** The target for which its failure was told; undefined: it did not fail, or recovered. */
  failureToldHash: string | undefined;
  // Places in the heaps (heap.ts), and what they are ordered by.
  deletionCost: number;
  candidatePlace: number;
  dueMs: number;
  timerPlace: number;
}

const NO_PODS: readonly TrackedPod[] = [];

export function newSlot(key: SlotKey, nodeName: string, zone: Zone): Slot {
  return {
    key,
    nodeName,
    node: undefined,
    pods: NO_PODS,
    place: PLACE.ELSEWHERE,
    hasPlace: false,
    zone,
    ask: undefined,
    mask: 0,
    replacingSinceMs: NEVER,
    unseenMs: 0,
    goneAtMs: NEVER,
    replacedAtMs: NEVER,
    replacedHash: undefined,
    isOutage: false,
    outageDueMs: NEVER,
    joinedAtMs: -NEVER,
    hasBeenAvailable: true,
    brokenSinceMs: NEVER,
    brokenMs: 0,
    wasBroken: false,
    notReadySinceMs: NEVER,
    departure: undefined,
    isAwaitingReplacement: false,
    isOurs: false,
    replacements: undefined,
    refusal: undefined,
    failureToldHash: undefined,
    deletionCost: 0,
    candidatePlace: -1,
    dueMs: NEVER,
    timerPlace: -1,
  };
}

/** Pods that are not terminating; one that has finished counts only where no other is, because it is a leftover beside them. */
export function liveCount(slot: Slot): number {
  let running = 0;
  let finished = 0;
  for (const { record } of slot.pods) {
    if (record.isTerminating) continue;
    if (isFinished(record)) finished += 1;
    else running += 1;
  }
  return running === 0 ? finished : running;
}

/** The pod of the node when exactly one is live. */
export function soleLivePod(slot: Slot): TrackedPod | undefined {
  let running: TrackedPod | undefined;
  let finished: TrackedPod | undefined;
  for (const pod of slot.pods) {
    if (pod.record.isTerminating) continue;
    if (isFinished(pod.record)) finished = pod;
    else if (running !== undefined) return undefined;
    else running = pod;
  }
  if (running !== undefined) return running;
  return liveCount(slot) === 1 ? finished : undefined;
}

/** Its replacement has its time from then on; NEVER: it has none. */
export function restartReplacing(slot: Slot, sinceMs: number): void {
  slot.replacingSinceMs = sinceMs;
  slot.goneAtMs = NEVER;
  slot.unseenMs = 0;
}

/** For how long nothing has been available on the Ready node though nobody replaced its pod. */
export function brokenForMs({ brokenSinceMs, brokenMs }: Slot, nowMs: number): number {
  return brokenMs + (brokenSinceMs === NEVER ? 0 : nowMs - brokenSinceMs);
}

/** Such a pod may be anything, available too. */
export function hasUnreadablePod({ pods }: Slot): boolean {
  return pods.some(({ record }) => record.unreadable !== undefined);
}

/** What orders it among others: the pod's `controller.kubernetes.io/pod-deletion-cost`. */
export function deletionCostOf(slot: Slot): number {
  return soleLivePod(slot)?.record.deletionCost ?? 0;
}

export function hasTerminatingPod(slot: Slot): boolean {
  return slot.pods.some(({ record }) => record.isTerminating);
}

export function isPodAvailable(pod: TrackedPod, minReadyMs: number, nowMs: number): boolean {
  return isAvailable(pod.record, pod.readySinceMs, { minReadyMs, nowMs });
}
