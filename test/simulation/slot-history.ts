import type { SimulatedCluster } from '../../src/simulator/cluster.ts';
import {
  type Entry,
  isAvailable,
  isTerminating,
  revisionHashOf,
  type Slot,
} from '../../src/simulator/cluster-index.ts';
import type { DaemonSetObject, NodeObject, PodObject } from '../../src/simulator/objects.ts';
import { isCordonedOff, isExcluded, progressDeadlineMs } from '../../src/simulator/observer-policy.ts';

/** A process's clock may be so much too slow, and the API's times are whole seconds. */
const DRIFT = 0.1;
const SLACK_MS = 3000;

/** What is true of one DaemonSet on one node, since that node joined. */
export interface SlotPast {
  readonly nodeUid: string;
  readonly joinedAtMs: number;
  /** No taint takes it out any more. */
  keepsPlace: boolean;
  isEligible: boolean;
  isReady: boolean;
  isServed: boolean;
  wasServed: boolean;
  /** How long none has been, without the time in which the node was not Ready, until `lookedAtMs`. */
  brokenMs: number;
  lookedAtMs: number;
  /** The first deletion by a process since a pod was available, and how long the pod had been broken then. */
  turn: { readonly atMs: number; readonly brokenMs: number } | undefined;
  /** A process deleted a pod, and none has been available since. */
  isReplacing: boolean;
}

interface Watched {
  readonly slots: Map<string, SlotPast>;
  newestHash: string;
  newestSinceMs: number;
}

/** Who is eligible in the true state, and who was so long without a pod that it is nobody's failure. */
export class SlotHistory {
  readonly #cluster: SimulatedCluster;
  readonly #areClocksTrue: boolean;
  /** By the DaemonSet's UID. */
  readonly #watched = new Map<string, Watched>();

  constructor(cluster: SimulatedCluster, areClocksTrue: boolean) {
    this.#cluster = cluster;
    this.#areClocksTrue = areClocksTrue;
    cluster.index.listen({
      onSlot: (entry, slot) => this.#look(entry, slot),
      onDaemonSet: (entry, { type, previous }) => {
        const before = previous as DaemonSetObject | undefined;
        const { metadata, spec } = entry.daemonSet;
        if (type === 'DELETED') this.#watched.delete(metadata.uid);
        else if (before?.spec !== spec || before.metadata.annotations !== metadata.annotations) this.#lookAtAll(entry);
      },
      onRevision: (entry) => this.#lookAtAll(entry),
    });
  }

  of(uid: string, nodeName: string): SlotPast | undefined {
    return this.#watched.get(uid)?.slots.get(nodeName);
  }

  onDeletion(uid: string, nodeName: string): void {
    const past = this.of(uid, nodeName);
    if (past === undefined) return;
    // What comes for another version and fails again gets no more time.
    if (!past.isReplacing || past.turn === undefined) {
      past.turn = { atMs: this.#cluster.nowMs, brokenMs: past.brokenMs };
    }
    past.isReplacing = !past.isServed;
    if (!past.isServed) past.keepsPlace = true;
  }

  /**
   * Whether the node, which has no available pod, may be left out of the budget: it is joining, or was broken before and its time
   * is up. All doubt is in the process's favour; with wrong clocks there is more of it.
   */
  mayBeExcused(uid: string, nodeName: string): boolean {
    const entry = this.#cluster.index.entry(uid);
    const past = this.of(uid, nodeName);
    if (entry === undefined || past === undefined) return true;
    const { daemonSet } = entry;
    const { nowMs } = this.#cluster;
    const deadlineMs = progressDeadlineMs(daemonSet);
    const timeMs = (1 - DRIFT) * (deadlineMs + 1000 * (daemonSet.spec.minReadySeconds ?? 0)) - SLACK_MS;
    const longMs = this.#areClocksTrue ? (1 - DRIFT) * deadlineMs - SLACK_MS : 0;
    const { turn, wasServed, joinedAtMs } = past;
    if (!wasServed) {
      if (!this.#areClocksTrue || nowMs - joinedAtMs <= (1 + DRIFT) * deadlineMs + SLACK_MS) return true;
      return turn === undefined ? !hasOld(entry, nodeName) : nowMs - turn.atMs >= timeMs;
    }
    if (turn !== undefined && turn.brokenMs >= longMs && nowMs - turn.atMs >= timeMs) return true;
    if (past.isReplacing || hasOld(entry, nodeName)) return false;
    // It needed no turn, and was broken when the rollout began.
    const sinceMs = nowMs - (this.#watched.get(uid)?.newestSinceMs ?? nowMs);
    return brokenNow(past, nowMs) - sinceMs >= longMs && sinceMs >= timeMs;
  }

  #lookAtAll(entry: Entry): void {
    for (const slot of entry.slots.values()) this.#look(entry, slot);
  }

  #look(entry: Entry, slot: Slot): void {
    const { nowMs, index } = this.#cluster;
    const watched = this.#of(entry);
    const node = index.node(slot.nodeName);
    if (node === undefined) {
      watched.slots.delete(slot.nodeName);
      return;
    }
    let past = watched.slots.get(slot.nodeName);
    if (past?.nodeUid !== node.metadata.uid) {
      past = newPast(node, nowMs);
      watched.slots.set(slot.nodeName, past);
    }
    const minReadySeconds = entry.daemonSet.spec.minReadySeconds ?? 0;
    const isServed = slot.pods.some((indexed) => isAvailable(indexed, minReadySeconds, nowMs));
    if (isServed) past.isReplacing = false;
    past.brokenMs = isServed ? 0 : brokenNow(past, nowMs);
    past.lookedAtMs = nowMs;
    // A pod that is left of a former node of that name is none of this one's.
    past.wasServed ||= isServed && slot.pods.some(({ pod }) => !isOlder(pod, node));
    const belongs = slot.placement.isWanted && !isExcluded(node);
    const fits = belongs && slot.placement.fits && !isCordonedOff(entry.daemonSet, node);
    const hasNew = slot.pods.some(({ hash }) => hash === watched.newestHash);
    const isHeld = hasNew || past.isReplacing || (past.isEligible && !isServed);
    past.keepsPlace = belongs && (isHeld || (past.keepsPlace && !isServed));
    past.isEligible = fits || past.keepsPlace;
    past.keepsPlace ||= past.isEligible && !isServed;
    past.isReady = slot.isNodeReady;
    past.isServed = isServed;
  }

  #of(entry: Entry): Watched {
    const { uid } = entry.daemonSet.metadata;
    let watched = this.#watched.get(uid);
    if (watched === undefined) {
      watched = { slots: new Map(), newestHash: '', newestSinceMs: this.#cluster.nowMs };
      this.#watched.set(uid, watched);
    }
    const newestHash = entry.newest === undefined ? '' : revisionHashOf(entry.newest);
    if (newestHash !== watched.newestHash) {
      watched.newestHash = newestHash;
      watched.newestSinceMs = this.#cluster.nowMs;
    }
    return watched;
  }
}

function brokenNow({ brokenMs, lookedAtMs, isServed, isReady }: SlotPast, nowMs: number): number {
  return brokenMs + (isReady && !isServed ? nowMs - lookedAtMs : 0);
}

function isOlder(pod: PodObject, node: NodeObject): boolean {
  return Date.parse(pod.metadata.creationTimestamp) < Date.parse(node.metadata.creationTimestamp);
}

/** A pod that waits for its turn. */
function hasOld(entry: Entry, nodeName: string): boolean {
  const newest = entry.newest === undefined ? '' : revisionHashOf(entry.newest);
  return (entry.slots.get(nodeName)?.pods ?? []).some(({ pod, hash }) => hash !== newest && !isTerminating(pod));
}

function newPast(node: NodeObject, nowMs: number): SlotPast {
  return {
    nodeUid: node.metadata.uid,
    joinedAtMs: nowMs,
    keepsPlace: false,
    isEligible: false,
    isReady: false,
    isServed: false,
    wasServed: false,
    brokenMs: 0,
    lookedAtMs: nowMs,
    turn: undefined,
    isReplacing: false,
  };
}
