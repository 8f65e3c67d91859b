import { isEqualJson } from './fields.ts';
import {
  controllerUid,
  type DaemonSetObject,
  isConditionTrue,
  keyOf,
  type NodeObject,
  nodeNameOf,
  type PodObject,
  type RevisionObject,
} from './objects.ts';
import { type PlacementVerdict, placementOf } from './placement.ts';
import type { Commit, Store } from './store.ts';
import type { Timeline } from './timeline.ts';

/** A pod and since when it is Ready, to the millisecond (the object itself only tells whole seconds). */
export interface IndexedPod {
  readonly pod: PodObject;
  readonly hash: string;
  readonly readySinceMs: number | undefined;
}

/** One DaemonSet on one node. */
export interface Slot {
  readonly nodeName: string;
  placement: PlacementVerdict;
  isNodeReady: boolean;
  hasNode: boolean;
  /** In order of creation. */
  pods: readonly IndexedPod[];
}

export interface Entry {
  daemonSet: DaemonSetObject;
  readonly slots: Map<string, Slot>;
  /** The owned ControllerRevision with the highest number. */
  newest: RevisionObject | undefined;
}

export interface IndexListener {
  /** Something about the slot changed: node, pods, or that a pod became available by waiting. */
  onSlot?(entry: Entry, slot: Slot, commit: Commit | undefined): void;
  /** A DaemonSet came, changed or went; its slots are up to date, and `onSlot` is not called for each. */
  onDaemonSet?(entry: Entry, commit: Commit): void;
  onRevision?(entry: Entry, commit: Commit): void;
}

const NOWHERE: PlacementVerdict = { shouldRun: false, shouldContinue: false, isWanted: false, fits: false };

/**
 * Slots by DaemonSet and node, kept up to date with every commit at O(1) a pod event. The DaemonSet controller and the
 * observer read it; it shares nothing with the rollout planner.
 */
export class ClusterIndex {
  readonly #timeline: Timeline;
  readonly #entries = new Map<string, Entry>();
  readonly #nodes = new Map<string, NodeObject>();
  readonly #listeners: IndexListener[] = [];

  constructor(store: Store, timeline: Timeline) {
    this.#timeline = timeline;
    store.onCommit((commit) => this.#onCommit(commit));
  }

  listen(listener: IndexListener): void {
    this.#listeners.push(listener);
  }

  /** By UID. */
  entry(uid: string): Entry | undefined {
    return this.#entries.get(uid);
  }

  entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  node(name: string): NodeObject | undefined {
    return this.#nodes.get(name);
  }

  #onCommit(commit: Commit): void {
    switch (commit.resource) {
      case 'pods':
        this.#onPod(commit);
        break;
      case 'nodes':
        this.#onNode(commit);
        break;
      case 'daemonsets':
        this.#onDaemonSet(commit);
        break;
      case 'controllerrevisions':
        this.#onRevision(commit);
        break;
      default:
        break;
    }
  }

  #onPod(commit: Commit): void {
    const pod = commit.object as PodObject;
    const entry = this.#entries.get(controllerUid(pod) ?? '');
    if (entry === undefined) return;
    const slot = this.#slot(entry, nodeNameOf(pod));
    const index = slot.pods.findIndex((known) => known.pod.metadata.uid === pod.metadata.uid);
    const known = slot.pods[index];
    if (commit.type === 'DELETED') {
      slot.pods = slot.pods.filter((other) => other !== known);
    } else {
      const indexed = { pod, hash: revisionHashOf(pod), readySinceMs: this.#readySince(pod, known) };
      slot.pods = known === undefined ? [...slot.pods, indexed] : slot.pods.with(index, indexed);
      if (known?.readySinceMs !== indexed.readySinceMs) this.#planAvailable(entry, slot, indexed);
    }
    this.#tell(entry, slot, commit);
    if (slot.pods.length === 0 && !slot.hasNode) entry.slots.delete(slot.nodeName);
  }

  #readySince(pod: PodObject, known: IndexedPod | undefined): number | undefined {
    if (!isConditionTrue(pod.status.conditions, 'Ready')) return undefined;
    return known?.readySinceMs ?? this.#timeline.nowMs;
  }

  /** A pod becomes available without any write once it has been Ready for long enough. */
  #planAvailable(entry: Entry, slot: Slot, indexed: IndexedPod): void {
    const waitMs = (entry.daemonSet.spec.minReadySeconds ?? 0) * 1000;
    if (waitMs === 0 || indexed.readySinceMs === undefined) return;
    this.#timeline.after(waitMs, () => this.#tell(entry, slot, undefined));
  }

  #slot(entry: Entry, nodeName: string): Slot {
    let slot = entry.slots.get(nodeName);
    if (slot === undefined) {
      slot = { nodeName, placement: NOWHERE, isNodeReady: false, hasNode: false, pods: [] };
      entry.slots.set(nodeName, slot);
      this.#place(entry, slot);
    }
    return slot;
  }

  #place(entry: Entry, slot: Slot): void {
    const node = this.#nodes.get(slot.nodeName);
    slot.hasNode = node !== undefined;
    slot.isNodeReady = node !== undefined && isConditionTrue(node.status.conditions, 'Ready');
    slot.placement = node === undefined ? NOWHERE : placementOf(entry.daemonSet, node);
  }

  #onNode(commit: Commit): void {
    const node = commit.object as NodeObject;
    const { name } = node.metadata;
    const previous = commit.previous as NodeObject | undefined;
    if (commit.type === 'DELETED') this.#nodes.delete(name);
    else this.#nodes.set(name, node);
    if (commit.type === 'MODIFIED' && previous !== undefined && !isMovingPods(previous, node)) return;
    for (const entry of this.#entries.values()) {
      const slot = this.#slot(entry, name);
      this.#place(entry, slot);
      this.#tell(entry, slot, commit);
      if (!slot.hasNode && slot.pods.length === 0) entry.slots.delete(name);
    }
  }

  #onDaemonSet(commit: Commit): void {
    const daemonSet = commit.object as DaemonSetObject;
    const { uid } = daemonSet.metadata;
    const entry = this.#entries.get(uid) ?? { daemonSet, slots: new Map(), newest: undefined };
    const hasMoved = commit.type === 'ADDED' || !isEqualJson(entry.daemonSet.spec, daemonSet.spec);
    entry.daemonSet = daemonSet;
    if (commit.type === 'DELETED') this.#entries.delete(uid);
    else this.#entries.set(uid, entry);
    if (hasMoved) {
      for (const name of this.#nodes.keys()) this.#slot(entry, name);
      for (const slot of entry.slots.values()) this.#place(entry, slot);
    }
    for (const listener of this.#listeners) listener.onDaemonSet?.(entry, commit);
  }

  #onRevision(commit: Commit): void {
    const revision = commit.object as RevisionObject;
    const entry = this.#entries.get(controllerUid(revision) ?? '');
    if (entry === undefined) return;
    if (commit.type !== 'DELETED' && revision.revision >= (entry.newest?.revision ?? 0)) entry.newest = revision;
    for (const listener of this.#listeners) listener.onRevision?.(entry, commit);
  }

  #tell(entry: Entry, slot: Slot, commit: Commit | undefined): void {
    for (const listener of this.#listeners) listener.onSlot?.(entry, slot, commit);
  }
}

/** Whether a node's change can matter to where pods run or count; heartbeats do not. */
function isMovingPods(previous: NodeObject, node: NodeObject): boolean {
  if (isConditionTrue(previous.status.conditions, 'Ready') !== isConditionTrue(node.status.conditions, 'Ready')) {
    return true;
  }
  return !isEqualJson(previous.spec, node.spec) || !isEqualJson(previous.metadata.labels, node.metadata.labels);
}

export function isTerminating(pod: PodObject): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

/** Ready for `minReadySeconds`, and not terminating. */
export function isAvailable(indexed: IndexedPod, minReadySeconds: number, nowMs: number): boolean {
  if (indexed.readySinceMs === undefined || isTerminating(indexed.pod)) return false;
  return nowMs >= indexed.readySinceMs + minReadySeconds * 1000;
}

export function revisionHashOf(object: { metadata: PodObject['metadata'] }): string {
  return object.metadata.labels?.['controller-revision-hash'] ?? '';
}

/** The key `namespace/name` of the entry's DaemonSet. */
export function entryKey(entry: Entry): string {
  return keyOf(entry.daemonSet);
}
