import type { SimulatedCluster } from '../../src/simulator/cluster.ts';
import { type Entry, isAvailable, isTerminating, type Slot } from '../../src/simulator/cluster-index.ts';
import type { DaemonSetObject } from '../../src/simulator/objects.ts';
import { allowedUnavailable } from '../../src/simulator/observer-policy.ts';
import type { Commit } from '../../src/simulator/store.ts';
import type { SlotHistory } from './slot-history.ts';

/** The clock of a process may be so much too fast, and the API's times are whole seconds. */
const DRIFT_MAX = 0.08;

/** How a node without an available pod came to be so. */
interface Down {
  /** The commit with which it began. */
  sinceRevision: number;
  /** Who deleted a pod there, as one whose effect it still waited for; undefined: nobody who could count it. */
  by: object | undefined;
  /** A pod is Ready there, and will be available then; Infinity: none is. */
  wakesAtMs: number;
}

/** What was in force from that commit on. */
interface Era {
  readonly revision: number;
  readonly daemonSet: DaemonSetObject;
  /** Of percentages: eligible nodes that are Ready, or where a process has a pod replaced. */
  readonly base: number;
}

interface Watched {
  readonly down: Map<string, Down>;
  /** With which commit an eligible node became Ready, or a Ready one eligible. */
  readonly countedSince: Map<string, number>;
  readonly base: Set<string>;
  readonly eras: Era[];
}

/** What the process had been told when it handed a deletion to a lane: the oldest of what it decided from. */
export interface Told {
  readonly revision: number;
  /** The one that decided; its other deletions are known to it. */
  readonly decider: object;
  /** The times of pods that were there before are hints. */
  readonly isHint: (podUid: string) => boolean;
}

export interface Excess {
  /** Eligible Ready nodes without an available pod, now, but for those that are nobody's failure. */
  readonly down: number;
  /** Of those, such that the process was told of, or brought about. */
  readonly known: number;
  readonly allowed: number;
}

/**
 * The budget in the true state, whatever anybody knows. After each deletion that the API server applies:
 *
 *     |U| − X ≤ A, X = those of U that came to it after what the process was told, by somebody else
 *
 * Somebody else is another process, another user, a kubelet, a node that came back, and a request that arrives after its
 * process was shown that it had no effect.
 */
export class TrueBudget {
  readonly #cluster: SimulatedCluster;
  readonly #history: SlotHistory;
  /** By the DaemonSet's UID. */
  readonly #watched = new Map<string, Watched>();

  constructor(cluster: SimulatedCluster, history: SlotHistory) {
    this.#cluster = cluster;
    this.#history = history;
    cluster.index.listen({
      onSlot: (entry, slot) => this.#look(this.#of(entry), entry, slot),
      onDaemonSet: (entry, commit) => this.#onDaemonSet(entry, commit),
      // With it changes who keeps a place.
      onRevision: (entry) => {
        for (const slot of entry.slots.values()) this.#look(this.#of(entry), entry, slot);
      },
    });
  }

  /** A deletion of the process was applied to the pod of that node; `by` as in `Down`. */
  onDeletion(uid: string, nodeName: string, by: object | undefined): void {
    const down = this.#watched.get(uid)?.down.get(nodeName);
    if (down !== undefined) down.by = by;
  }

  excess(uid: string, nodeName: string, told: Told): Excess | undefined {
    const entry = this.#cluster.index.entry(uid);
    const watched = this.#watched.get(uid);
    // On a node that does not count nothing was taken away.
    if (entry === undefined || watched?.down.has(nodeName) !== true) return undefined;
    const { allowed, minReadyMs } = bestOf(erasSince(watched.eras, told.revision));
    let count = 0;
    let known = 0;
    for (const [name, { sinceRevision, by }] of watched.down) {
      const slot = entry.slots.get(name);
      if (slot === undefined || this.#isServed(slot, told, minReadyMs)) continue;
      if (name !== nodeName && this.#history.mayBeExcused(uid, name)) continue;
      // That it keeps its place is told by nothing in the cluster, and written down a moment later.
      if (by !== told.decider && slot.pods.length === 0 && !slot.placement.fits) continue;
      count += 1;
      const wasTold = sinceRevision <= told.revision || by === told.decider;
      const isCounted = (watched.countedSince.get(name) ?? 0) <= told.revision;
      if (name === nodeName || (wasTold && isCounted)) known += 1;
    }
    return { down: count, known, allowed };
  }

  #isServed({ pods }: Slot, told: Told, minReadyMs: number): boolean {
    for (const indexed of pods) {
      if (indexed.readySinceMs === undefined || isTerminating(indexed.pod)) continue;
      if (told.isHint(indexed.pod.metadata.uid)) return true;
      if (isAvailable(indexed, (minReadyMs * (1 - DRIFT_MAX)) / 1000 - 1, this.#cluster.nowMs)) return true;
    }
    return false;
  }

  #onDaemonSet(entry: Entry, commit: Commit): void {
    const { uid } = entry.daemonSet.metadata;
    if (commit.type === 'DELETED') {
      this.#watched.delete(uid);
      return;
    }
    const watched = this.#of(entry);
    const previous = commit.previous as DaemonSetObject | undefined;
    const { metadata, spec } = entry.daemonSet;
    // Most of its commits are of its status.
    if (previous?.spec === spec && previous.metadata.annotations === metadata.annotations) return;
    for (const slot of entry.slots.values()) this.#look(watched, entry, slot);
    this.#begin(watched, entry);
  }

  #of(entry: Entry): Watched {
    const { uid } = entry.daemonSet.metadata;
    let watched = this.#watched.get(uid);
    if (watched === undefined) {
      watched = { down: new Map(), countedSince: new Map(), base: new Set(), eras: [] };
      this.#watched.set(uid, watched);
      this.#begin(watched, entry);
    }
    return watched;
  }

  #begin(watched: Watched, { daemonSet }: Entry): void {
    const { revision } = this.#cluster.store;
    watched.eras.push({ revision, daemonSet, base: watched.base.size });
  }

  #look(watched: Watched, entry: Entry, slot: Slot): void {
    const { nodeName } = slot;
    const past = this.#history.of(entry.daemonSet.metadata.uid, nodeName);
    const isEligible = past?.isEligible ?? false;
    const isBase = isEligible && (slot.isNodeReady || past?.isReplacing === true);
    if (isBase !== watched.base.has(nodeName)) {
      if (isBase) watched.base.add(nodeName);
      else watched.base.delete(nodeName);
      this.#begin(watched, entry);
    }
    const minReadyMs = 1000 * (entry.daemonSet.spec.minReadySeconds ?? 0);
    const { nowMs, store } = this.#cluster;
    if (!isEligible || !slot.isNodeReady) watched.countedSince.delete(nodeName);
    else if (!watched.countedSince.has(nodeName)) watched.countedSince.set(nodeName, store.revision);
    const servedAtMs = servedAtMsOf(slot, minReadyMs);
    if (!isEligible || !slot.isNodeReady || servedAtMs <= nowMs) {
      watched.down.delete(nodeName);
      return;
    }
    const isWaking = servedAtMs !== Number.POSITIVE_INFINITY;
    const down = watched.down.get(nodeName);
    if (isWaking && down?.wakesAtMs !== servedAtMs) {
      this.#cluster.timeline.at(servedAtMs, () => this.#look(watched, entry, slot));
    }
    // Somebody may have taken the pod that is not Ready any more for available.
    if (down === undefined || (down.wakesAtMs !== Number.POSITIVE_INFINITY && !isWaking)) {
      watched.down.set(nodeName, { sinceRevision: store.revision, by: undefined, wakesAtMs: servedAtMs });
    } else down.wakesAtMs = servedAtMs;
  }
}

/** From when on a pod there is available, as things are; Infinity: none will be. */
function servedAtMsOf({ pods }: Slot, minReadyMs: number): number {
  let servedAtMs = Number.POSITIVE_INFINITY;
  for (const { pod, readySinceMs } of pods) {
    if (readySinceMs !== undefined && !isTerminating(pod)) servedAtMs = Math.min(servedAtMs, readySinceMs + minReadyMs);
  }
  return servedAtMs;
}

/** The largest bound and the smallest minReadySeconds of them. */
function bestOf(eras: readonly Era[]): { readonly allowed: number; readonly minReadyMs: number } {
  let baseMost = 0;
  for (const { base } of eras) baseMost = Math.max(baseMost, base);
  let allowed = 1;
  let minReadySeconds = Number.POSITIVE_INFINITY;
  let last: DaemonSetObject | undefined;
  for (const { daemonSet } of eras) {
    if (daemonSet === last) continue;
    last = daemonSet;
    allowed = Math.max(allowed, allowedUnavailable(daemonSet, baseMost));
    minReadySeconds = Math.min(minReadySeconds, daemonSet.spec.minReadySeconds ?? 0);
  }
  return { allowed, minReadyMs: 1000 * minReadySeconds };
}

/** Those in force at `revision` or later. */
function erasSince(eras: readonly Era[], revision: number): readonly Era[] {
  const first = eras.findLastIndex((era) => era.revision <= revision);
  return eras.slice(Math.max(0, first));
}
