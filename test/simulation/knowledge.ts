import { type DaemonSetKey, type SlotKey, slotKey } from '../../src/protocol/slot.ts';
import { revisionHashOf } from '../../src/simulator/cluster-index.ts';
import {
  controllerUid,
  type DaemonSetObject,
  findCondition,
  isConditionTrue,
  keyOf,
  type NodeObject,
  nodeNameOf,
  type PodObject,
  type RevisionObject,
} from '../../src/simulator/objects.ts';
import { type PlacementVerdict, placementOf } from '../../src/simulator/placement.ts';
import type { Commit } from '../../src/simulator/store.ts';
import { type CommitLog, Cursor } from './commit-log.ts';
import type { KnownPod } from './known-pod.ts';
import type { SimProcess } from './process.ts';
import { SiteLog } from './site-log.ts';

/** What a process has been told of one DaemonSet. */
export class KnownDaemonSet {
  readonly key: DaemonSetKey;
  readonly uid: string;
  /** By node: when the process was told of a deletion of its own there, and for which revision; since then the node has not gone. */
  readonly replaced = new Map<string, { readonly atMs: number; readonly hash: string }>();
  /** Nodes that have lost a pod, whoever deleted it. */
  readonly bereft = new Set<string>();
  readonly #knowledge: Knowledge;
  readonly #process: SimProcess;
  readonly #log: CommitLog;
  readonly #pods: Cursor;
  readonly #revisions: Cursor;
  /** By UID. */
  readonly pods = new Map<string, KnownPod>();
  /** Names of nodes of which something was told since the budget was last looked at. */
  readonly touched = new Set<string>();
  /** Of those, the nodes where a pod was Ready for a moment at least. */
  readonly wereUp = new Set<string>();
  readonly #podsByNode = new Map<string, readonly KnownPod[]>();
  readonly revisions = new Map<string, RevisionObject>();
  /** By name; those in `revisions` are of before. */
  readonly unreadableRevisions = new Set<string>();
  readonly placements = new Map<string, { readonly node: NodeObject; readonly verdict: PlacementVerdict }>();
  podsRevision = 0;
  /** The template that `placements` were judged with. */
  placedFor: unknown;
  #hasPods = false;
  #hasRevisions = false;
  settledAtMs = Number.POSITIVE_INFINITY;

  constructor({ key, uid }: Pick<KnownDaemonSet, 'key' | 'uid'>, knowledge: Knowledge, log: CommitLog) {
    this.key = key;
    this.uid = uid;
    this.#knowledge = knowledge;
    this.#process = knowledge.process;
    this.#log = log;
    this.#pods = new Cursor(log, 'pods');
    this.#revisions = new Cursor(log, 'controllerrevisions');
  }

  onPods(revision: number, how: 'list' | 'watch'): void {
    this.podsRevision = Math.max(this.podsRevision, revision);
    if (how === 'list') this.#listPods(revision);
    else for (const commit of this.#pods.advance(revision)) this.#see(commit);
    this.#hasPods = true;
    this.#settle();
  }

  onRevisions(revision: number): void {
    for (const commit of this.#revisions.advance(revision)) {
      const object = commit.object as RevisionObject;
      if (controllerUid(object) !== this.uid) continue;
      const key = keyOf(object);
      this.unreadableRevisions.delete(key);
      if (commit.type === 'DELETED') this.revisions.delete(key);
      else if (this.#log.isReadable(commit)) this.revisions.set(key, object);
      else this.unreadableRevisions.add(key);
      this.touchAll();
    }
    this.#hasRevisions = true;
    this.#settle();
  }

  newest(): RevisionObject | undefined {
    let newest: RevisionObject | undefined;
    for (const revision of this.revisions.values()) {
      if (newest === undefined || revision.revision > newest.revision) newest = revision;
    }
    return newest;
  }

  podsOn(nodeName: string): readonly KnownPod[] {
    return this.#podsByNode.get(nodeName) ?? NO_PODS;
  }

  /** Everything has been listed once. */
  get isComplete(): boolean {
    return Math.max(this.settledAtMs, this.#knowledge.nodesListedAtMs) !== Number.POSITIVE_INFINITY;
  }

  touchAll(): void {
    for (const name of this.#knowledge.nodes.keys()) this.touched.add(name);
  }

  /** A list shows where things ended, not how they got there. */
  #listPods(revision: number): void {
    const last = new Map<string, Commit>();
    for (const commit of this.#pods.advance(revision)) last.set(commit.object.metadata.uid, commit);
    for (const commit of last.values()) this.#see(commit);
  }

  #see(commit: Commit): void {
    const pod = commit.object as PodObject;
    const { uid } = pod.metadata;
    const known = this.pods.get(uid);
    if (commit.type !== 'DELETED' && !this.#log.isReadable(commit)) {
      if (known !== undefined) this.#replace(uid, known, { ...known, isUnreadable: true });
      return;
    }
    if (controllerUid(pod) !== this.uid || commit.type === 'DELETED') {
      if (known?.leavingSinceMs === undefined) this.#noteLeaving(known);
      this.#replace(uid, known, undefined);
      return;
    }
    const { nowMs } = this.#process;
    // Until everything is there, and for a moment after, times are taken from the objects.
    const isHint = nowMs < Math.max(this.settledAtMs, this.#knowledge.nodesListedAtMs) + 1000;
    const isLeaving = pod.metadata.deletionTimestamp !== undefined;
    const leavingSinceMs = isLeaving ? (known?.leavingSinceMs ?? nowMs) : undefined;
    if (isLeaving && known?.leavingSinceMs === undefined) this.#noteLeaving(known);
    const isReady = isConditionTrue(pod.status.conditions, 'Ready');
    const isSame =
      known !== undefined &&
      known.leavingSinceMs === leavingSinceMs &&
      (known.readySinceMs !== undefined) === isReady &&
      readyTime(known.pod) === readyTime(pod);
    if (isReady) this.wereUp.add(nodeNameOf(pod));
    const readySinceMs = isReady ? nowMs : undefined;
    const seen = isSame ? { readySinceMs: known.readySinceMs, isHint: known.isHint } : { readySinceMs, isHint };
    const wasReady = isReady || known?.wasReady === true;
    this.#replace(uid, known, {
      pod,
      nodeName: nodeNameOf(pod),
      sinceMs: known?.sinceMs ?? nowMs,
      leavingSinceMs,
      isUnreadable: false,
      wasReady,
      ...seen,
    });
  }

  /** A pod that was there is on its way out: was it this process, and is the node to get another one? */
  #noteLeaving(known: KnownPod | undefined): void {
    if (known === undefined) return;
    const { nodeName, pod } = known;
    this.bereft.add(nodeName);
    const knowledge = this.#knowledge;
    const { uid } = pod.metadata;
    if (knowledge.pendingUidOf(slotKey(this.key, nodeName)) !== uid) return;
    const isAlone = this.podsOn(nodeName).every((other) => other === known || other.leavingSinceMs !== undefined);
    if (!isAlone || !knowledge.nodes.has(nodeName)) return;
    const notReadySinceMs = knowledge.notReadySinceMs.get(nodeName) ?? Number.POSITIVE_INFINITY;
    const newest = this.newest();
    const hash = newest === undefined ? '' : revisionHashOf(newest);
    this.replaced.set(nodeName, { atMs: Math.min(this.#process.nowMs, notReadySinceMs), hash });
  }

  #replace(uid: string, before: KnownPod | undefined, after: KnownPod | undefined): void {
    if (before !== undefined) this.#unplace(before, after);
    if (after === undefined) {
      this.pods.delete(uid);
      return;
    }
    this.pods.set(uid, after);
    this.touched.add(after.nodeName);
    const others = this.podsOn(after.nodeName);
    this.#podsByNode.set(after.nodeName, others.length === 0 ? [after] : [...others, after]);
  }

  #unplace(before: KnownPod, after: KnownPod | undefined): void {
    const { nodeName } = before;
    this.touched.add(nodeName);
    const there = this.podsOn(nodeName);
    if (there.length > 1) {
      this.#podsByNode.set(
        nodeName,
        there.filter((known) => known !== before),
      );
    } else if (after?.nodeName === nodeName) this.#podsByNode.set(nodeName, NO_PODS);
    else this.#podsByNode.delete(nodeName);
  }

  #settle(): void {
    if (!this.#hasPods || !this.#hasRevisions || this.settledAtMs !== Number.POSITIVE_INFINITY) return;
    this.settledAtMs = this.#process.nowMs;
  }
}

const NO_PODS: readonly KnownPod[] = [];

function readyTime(pod: PodObject): string {
  return findCondition(pod.status.conditions, 'Ready')?.lastTransitionTime ?? '';
}

/**
 * What one process can know of the cluster: the API server's true state, as of the resource version that each of its
 * streams has reached. Made from the history alone; shares nothing with reflectors, stores and rollouts.
 */
export class Knowledge {
  readonly nodes = new Map<string, NodeObject>();
  /** By `namespace/name`. */
  readonly daemonSets = new Map<string, DaemonSetObject>();
  readonly followed = new Map<DaemonSetKey, KnownDaemonSet>();
  /** By node, when the process was told; only nodes that are NotReady. */
  readonly notReadySinceMs = new Map<string, number>();
  readonly site = new SiteLog();
  /** Of nodes that came while the process was there. */
  readonly cameAtMs = new Map<string, number>();
  /** What cannot be read as it is now, by key; what is known of it is of before. */
  readonly unreadable = { nodes: new Set<string>(), daemonSets: new Set<string>() };
  /** The pod whose deletion the process has sent last, by slot. */
  pendingUidOf: (slot: SlotKey) => string | undefined = () => undefined;
  nodesRevision = 0;
  daemonSetsRevision = 0;
  /** When the nodes were there for the first time. */
  nodesListedAtMs = Number.POSITIVE_INFINITY;
  readonly process: SimProcess;
  readonly #log: CommitLog;
  readonly #nodeCursor: Cursor;
  readonly #daemonSetCursor: Cursor;

  constructor(process: SimProcess, log: CommitLog) {
    this.process = process;
    this.#log = log;
    this.#nodeCursor = new Cursor(log, 'nodes');
    this.#daemonSetCursor = new Cursor(log, 'daemonsets');
  }

  onNodes(revision: number): void {
    this.nodesRevision = Math.max(this.nodesRevision, revision);
    this.nodesListedAtMs = Math.min(this.nodesListedAtMs, this.process.nowMs);
    for (const commit of this.#nodeCursor.advance(revision)) this.#seeNode(commit);
  }

  #seeNode(commit: Commit): void {
    const node = commit.object as NodeObject;
    const name = keyOf(node);
    const isGone = commit.type === 'DELETED';
    for (const known of this.followed.values()) {
      known.touched.add(name);
      if (isGone) known.replaced.delete(name);
      if (isGone) known.bereft.delete(name);
    }
    this.unreadable.nodes.delete(name);
    if (!isGone && !this.#log.isReadable(commit)) {
      this.unreadable.nodes.add(name);
      return;
    }
    const isReady = isConditionTrue(node.status.conditions, 'Ready');
    if (commit.type === 'ADDED' && this.process.nowMs > this.nodesListedAtMs)
      this.cameAtMs.set(name, this.process.nowMs);
    else if (isGone) this.cameAtMs.delete(name);
    if (isGone) this.nodes.delete(name);
    else this.nodes.set(name, node);
    if (isGone) this.site.forget(name);
    else this.site.see(node, isReady, this.process.nowMs);
    if (isGone || isReady) this.notReadySinceMs.delete(name);
    else if (!this.notReadySinceMs.has(name)) this.notReadySinceMs.set(name, this.process.nowMs);
  }

  onDaemonSets(revision: number): void {
    this.daemonSetsRevision = Math.max(this.daemonSetsRevision, revision);
    for (const commit of this.#daemonSetCursor.advance(revision)) {
      const key = keyOf(commit.object);
      this.unreadable.daemonSets.delete(key);
      if (commit.type === 'DELETED') this.daemonSets.delete(key);
      else if (this.#log.isReadable(commit)) this.daemonSets.set(key, commit.object as DaemonSetObject);
      else this.unreadable.daemonSets.add(key);
    }
  }

  follow(key: DaemonSetKey, uid: string): KnownDaemonSet {
    const known = new KnownDaemonSet({ key, uid }, this, this.#log);
    known.touchAll();
    this.followed.set(key, known);
    return known;
  }

  placement(daemonSet: DaemonSetObject, known: KnownDaemonSet, node: NodeObject): PlacementVerdict {
    const { template } = daemonSet.spec;
    if (known.placedFor !== template) {
      known.placedFor = template;
      known.placements.clear();
    }
    const { name } = node.metadata;
    const judged = known.placements.get(name);
    if (judged?.node === node) return judged.verdict;
    const verdict = placementOf(daemonSet, node);
    known.placements.set(name, { node, verdict });
    return verdict;
  }
}
