import type { KubeObject } from './api-client.ts';
import type { DaemonSetObject, NodeObject, PodObject } from './cluster.ts';
import type { ObservedRollout } from './observed-rollout.ts';
import { Places, type PlacingDaemonSet } from './places.ts';
import { hashOf, isReady, saidReadySinceMs } from './pod-facts.ts';

type DaemonSetSpecObject = DaemonSetObject &
  PlacingDaemonSet & {
    readonly spec: {
      readonly minReadySeconds?: number;
      readonly selector: { readonly matchLabels?: Readonly<Record<string, string>> };
    };
  };

interface RevisionObject extends KubeObject {
  readonly revision: number;
}

interface TrackedPod {
  readonly object: PodObject;
  readonly readySinceMs: number | undefined;
}

export type Source = 'node' | 'pod' | 'daemonSet' | 'revision';

export interface ObservedChange {
  readonly source: Source;
  readonly object: KubeObject;
  readonly isDeleted: boolean;
  readonly atMs: number;
  /** Became true at the same time as the next one: nothing is concluded in between. */
  readonly isPartial?: boolean;
}

/** A node that came is not held against a deletion this soon after it: the event, the decision and the request take time. */
const CAME_KNOWN_AFTER_MS = 1_000;

/** What can be said about one DaemonSet's rollout from watch events alone. It shares no code with the updater. */
export class Observation {
  readonly #name: string;
  readonly #nodes = new Map<string, NodeObject>();
  readonly #pods = new Map<string, TrackedPod>();
  readonly #podsOfNode = new Map<string, Set<string>>();
  readonly #revisions = new Map<string, RevisionObject>();
  readonly #deleted = new Set<string>();
  readonly #unavailable = new Set<string>();
  readonly #updated = new Set<string>();
  readonly #eligibleReady = new Set<string>();
  /** Nodes that became Ready without an available pod and have none yet, with when they came. */
  readonly #came = new Map<string, number>();
  #places = new Places();
  #daemonSet: DaemonSetSpecObject | undefined;
  #hash: string | undefined;
  #startedMs = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  #peak = 0;
  #takenDownPeak = 0;
  #cameUnavailable = 0;
  #hasGoneDown = false;
  #podMs = 0;
  #deletedPods = 0;
  #deletedCurrentPods = 0;
  #completedMs: number | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** Another one that has seen the same. */
  fork(): Observation {
    const copy = new Observation(this.#name);
    for (const [name, node] of this.#nodes) copy.#nodes.set(name, node);
    for (const [uid, pod] of this.#pods) copy.#pods.set(uid, pod);
    for (const [name, uids] of this.#podsOfNode) copy.#podsOfNode.set(name, new Set(uids));
    for (const [name, revision] of this.#revisions) copy.#revisions.set(name, revision);
    for (const uid of this.#deleted) copy.#deleted.add(uid);
    for (const name of this.#unavailable) copy.#unavailable.add(name);
    for (const name of this.#updated) copy.#updated.add(name);
    for (const name of this.#eligibleReady) copy.#eligibleReady.add(name);
    for (const [name, cameMs] of this.#came) copy.#came.set(name, cameMs);
    copy.#places = this.#places.fork();
    copy.#daemonSet = this.#daemonSet;
    copy.#hash = this.#hash;
    copy.#startedMs = this.#startedMs;
    copy.#lastMs = this.#lastMs;
    copy.#peak = this.#peak;
    copy.#takenDownPeak = this.#takenDownPeak;
    copy.#cameUnavailable = this.#cameUnavailable;
    copy.#hasGoneDown = this.#hasGoneDown;
    copy.#podMs = this.#podMs;
    copy.#deletedPods = this.#deletedPods;
    copy.#deletedCurrentPods = this.#deletedCurrentPods;
    copy.#completedMs = this.#completedMs;
    return copy;
  }

  /** Counts from here. */
  begin(nowMs: number): void {
    this.#startedMs = nowMs;
    this.#lastMs = nowMs;
    this.#peak = this.#unavailable.size;
    this.#takenDownPeak = 0;
    this.#cameUnavailable = 0;
    this.#podMs = 0;
    this.#deletedPods = 0;
    this.#deletedCurrentPods = 0;
    this.#completedMs = undefined;
  }

  get observedGeneration(): number {
    return this.#daemonSet?.status?.observedGeneration ?? 0;
  }

  get report(): ObservedRollout {
    return {
      eligibleNodes: this.#eligibleReady.size,
      updatedNodes: this.#updated.size,
      unavailablePeak: this.#peak,
      takenDownPeak: this.#takenDownPeak,
      cameUnavailable: this.#cameUnavailable,
      unavailableNow: this.#unavailable.size,
      unavailablePodSeconds: this.#podMs / 1000,
      deletedPods: this.#deletedPods,
      deletedCurrentPods: this.#deletedCurrentPods,
      isComplete: this.#isComplete(),
      completedAfterMs: this.#completedMs === undefined ? undefined : this.#completedMs - this.#startedMs,
    };
  }

  /** Changes in the order in which they became true, then the time that passed without any. */
  observe(changes: readonly ObservedChange[], nowMs: number): void {
    for (const change of changes) {
      // Another watch may bring what came first some milliseconds later; a pod is not ready for less than no time.
      const atMs = Math.max(change.atMs, this.#lastMs);
      this.#advance(atMs);
      if (this.#hasMinReady()) this.#recomputeAll(atMs);
      this.#apply({ ...change, atMs });
      if (change.isPartial !== true) this.#notePeaks(atMs);
    }
    if (this.#hasMinReady()) this.#recomputeAll(nowMs);
    this.#advance(nowMs);
  }

  /** Then pods become available by and by, without an event. */
  #hasMinReady(): boolean {
    return (this.#daemonSet?.spec.minReadySeconds ?? 0) > 0;
  }

  #notePeaks(atMs: number): void {
    this.#peak = Math.max(this.#peak, this.#unavailable.size);
    if (!this.#hasGoneDown) return;
    this.#hasGoneDown = false;
    const isKnown = (name: string): boolean =>
      atMs - (this.#came.get(name) ?? Number.NEGATIVE_INFINITY) >= CAME_KNOWN_AFTER_MS &&
      !this.#places.isJoining(name, atMs);
    this.#takenDownPeak = Math.max(this.#takenDownPeak, [...this.#unavailable].filter(isKnown).length);
  }

  /** Adds up the time for which the present number held. */
  #advance(atMs: number): void {
    if (this.#completedMs === undefined && this.#isComplete() && this.#deletedPods > 0)
      this.#completedMs = this.#lastMs;
    if (atMs <= this.#lastMs) return;
    if (this.#unavailable.size > 0) this.#podMs += this.#unavailable.size * (atMs - this.#lastMs);
    this.#lastMs = atMs;
  }

  #apply({ source, object, isDeleted, atMs }: ObservedChange): void {
    switch (source) {
      case 'node':
        if (isDeleted) this.#nodes.delete(object.metadata.name);
        else this.#nodes.set(object.metadata.name, object as NodeObject);
        this.#places.see(object.metadata.name, isDeleted, atMs);
        this.#recompute(object.metadata.name, atMs);
        break;
      case 'pod':
        this.#applyPod(object as PodObject, isDeleted, atMs);
        break;
      case 'daemonSet':
        if (object.metadata.name === this.#name) this.#applyDaemonSet(object as DaemonSetSpecObject, isDeleted);
        break;
      case 'revision':
        if (isDeleted) this.#revisions.delete(object.metadata.name);
        else this.#revisions.set(object.metadata.name, object as RevisionObject);
        this.#newestHash();
        break;
    }
  }

  #applyDaemonSet(daemonSet: DaemonSetSpecObject, isDeleted: boolean): void {
    const isSameSpec = this.#daemonSet?.metadata.generation === daemonSet.metadata.generation;
    this.#daemonSet = isDeleted ? undefined : daemonSet;
    this.#newestHash();
    if (!isSameSpec || isDeleted) this.#recomputeAll(this.#lastMs);
  }

  #applyPod(pod: PodObject, isDeleted: boolean, atMs: number): void {
    const uid = pod.metadata.uid ?? '';
    const nodeName = pod.spec.nodeName;
    const isOwned = pod.metadata.ownerReferences?.some(
      (owner) => owner.kind === 'DaemonSet' && owner.name === this.#name,
    );
    if (nodeName === undefined || isOwned !== true) return;
    const isTerminating = isDeleted || pod.metadata.deletionTimestamp !== undefined;
    if (isTerminating && !this.#deleted.has(uid)) {
      this.#deleted.add(uid);
      this.#deletedPods += 1;
      if (hashOf(pod) === this.#hash) this.#deletedCurrentPods += 1;
    }
    const uids = this.#podsOfNode.get(nodeName) ?? new Set();
    this.#podsOfNode.set(nodeName, uids);
    if (isDeleted) {
      this.#pods.delete(uid);
      uids.delete(uid);
    } else {
      const readySinceMs = this.#pods.get(uid)?.readySinceMs ?? Math.min(atMs, saidReadySinceMs(pod));
      this.#pods.set(uid, { object: pod, readySinceMs: isReady(pod.status?.conditions) ? readySinceMs : undefined });
      uids.add(uid);
    }
    this.#recompute(nodeName, atMs);
  }

  #newestHash(): void {
    const uid = this.#daemonSet?.metadata.uid;
    const owned = [...this.#revisions.values()].filter((revision) =>
      revision.metadata.ownerReferences?.some((owner) => owner.uid === uid),
    );
    const newest = owned.reduce<RevisionObject | undefined>(
      (best, revision) => (best === undefined || revision.revision > best.revision ? revision : best),
      undefined,
    );
    const hash = newest?.metadata.labels?.['controller-revision-hash'];
    if (hash === this.#hash) return;
    this.#hash = hash;
    this.#recomputeAll(this.#lastMs);
  }

  #recomputeAll(atMs: number): void {
    for (const name of new Set([...this.#nodes.keys(), ...this.#eligibleReady])) this.#recompute(name, atMs);
  }

  #recompute(nodeName: string, atMs: number): void {
    const wasThere = this.#eligibleReady.has(nodeName);
    const wasUnavailable = this.#unavailable.has(nodeName);
    this.#derive(nodeName, atMs);
    if (!this.#unavailable.has(nodeName)) this.#came.delete(nodeName);
    else if (wasThere) this.#hasGoneDown ||= !wasUnavailable;
    else {
      this.#came.set(nodeName, atMs);
      this.#cameUnavailable += 1;
    }
  }

  #derive(nodeName: string, atMs: number): void {
    this.#unavailable.delete(nodeName);
    this.#updated.delete(nodeName);
    this.#eligibleReady.delete(nodeName);
    const node = this.#nodes.get(nodeName);
    if (node === undefined || this.#daemonSet === undefined) return;
    const pods = [...(this.#podsOfNode.get(nodeName) ?? [])]
      .map((uid) => this.#pods.get(uid))
      .filter((pod) => pod !== undefined);
    const available = pods.filter((pod) => this.#isAvailable(pod, atMs));
    const hasNewest = pods.some(({ object }) => hashOf(object) === this.#hash);
    const isCounted = this.#places.counts(node, this.#daemonSet, { hasAvailable: available.length > 0, hasNewest });
    if (!isCounted || !isReady(node.status?.conditions)) return;
    this.#eligibleReady.add(nodeName);
    if (available.length === 0) this.#unavailable.add(nodeName);
    if (pods.length === 1 && available.some(({ object }) => hashOf(object) === this.#hash)) this.#updated.add(nodeName);
  }

  #isAvailable({ object, readySinceMs }: TrackedPod, atMs: number): boolean {
    const minReadyMs = (this.#daemonSet?.spec.minReadySeconds ?? 0) * 1000;
    return (
      object.metadata.deletionTimestamp === undefined && readySinceMs !== undefined && atMs - readySinceMs >= minReadyMs
    );
  }

  #isComplete(): boolean {
    const { metadata, status } = this.#daemonSet ?? {};
    return (
      metadata !== undefined &&
      status?.observedGeneration === metadata.generation &&
      this.#eligibleReady.size > 0 &&
      this.#updated.size === this.#eligibleReady.size
    );
  }
}
