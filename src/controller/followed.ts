import type { DaemonSetRecord, NodeRecord, PodRecord, RevisionRecord } from '../kube/records.ts';
import { type DaemonSetKey, daemonSetKey } from '../protocol/slot.ts';
import { Rollout } from '../rollout/rollout.ts';
import type { Hold } from './stale-notices.ts';
import type { Staleness } from './view-losses.ts';

/** What a reflector can report about an object; `deleted` carries the last state that was seen. */
export interface Change<T> {
  readonly type: 'added' | 'modified' | 'deleted';
  readonly object: T;
}

/** What has to be listed completely before a DaemonSet's rollout may decide anything. */
export type SyncedPart = 'pods' | 'revisions';

/** An opted-in DaemonSet: its rollout, and what the controller keeps beside it. */
export class Followed {
  readonly key: DaemonSetKey;
  readonly uid: string;
  readonly rollout: Rollout;
  daemonSet: DaemonSetRecord;
  /** In-flight replacements when they were last counted; the controller's total is the sum of these. */
  inFlightCounted = 0;
  /** When it was last given something to do, counted in turns of all DaemonSets. */
  lastTurn = 0;
  /** Something happened since the rollout was last asked what may go. */
  isDirty = true;
  /** Why what is known about it cannot be relied on now. */
  staleness: Staleness | undefined = undefined;
  #hasPods = false;
  #hasRevisions = false;

  constructor(daemonSet: DaemonSetRecord) {
    this.key = daemonSetKey(daemonSet.namespace, daemonSet.name);
    this.uid = daemonSet.uid;
    this.daemonSet = daemonSet;
    this.rollout = new Rollout({
      key: this.key,
      uid: daemonSet.uid,
      namespace: daemonSet.namespace,
      name: daemonSet.name,
    });
  }

  update(daemonSet: DaemonSetRecord, nowMs: number): void {
    this.daemonSet = daemonSet;
    this.rollout.setDaemonSet(daemonSet, nowMs);
    this.isDirty = true;
  }

  markSynced(part: SyncedPart): void {
    if (part === 'pods') this.#hasPods = true;
    else this.#hasRevisions = true;
    this.isDirty = true;
  }

  /** The selector changed: pods and revisions are read anew. */
  forgetSync(): void {
    this.#hasPods = false;
    this.#hasRevisions = false;
  }

  setStale(staleness: Staleness | undefined): void {
    if (this.staleness?.reason !== staleness?.reason) this.isDirty = true;
    this.staleness = staleness;
  }

  /** Why nothing new is decided, when that is neither its own wish nor settled by itself. */
  get hold(): Hold | undefined {
    const block = this.rollout.blocked();
    if (block?.code === 'unreadable') return { reason: block.message, isOwn: true, isFelt: true };
    if (this.staleness === undefined) return undefined;
    const { reason, isShared } = this.staleness;
    return { reason, isOwn: false, isFelt: !isShared || !this.hasSynced || this.#hasWork };
  }

  get #hasWork(): boolean {
    const { waiting, inFlight, isPaused } = this.rollout.counts();
    return inFlight > 0 || (waiting > 0 && !isPaused);
  }

  get hasSynced(): boolean {
    return this.#hasPods && this.#hasRevisions;
  }

  onNode(change: Change<NodeRecord>, nowMs: number): void {
    if (change.type === 'deleted') this.rollout.removeNode(change.object.name, nowMs);
    else this.rollout.upsertNode(change.object, nowMs);
    this.isDirty = true;
  }

  onPod(change: Change<PodRecord>, nowMs: number): void {
    if (change.type === 'deleted') this.rollout.removePod(change.object, nowMs);
    else this.rollout.upsertPod(change.object, nowMs);
    this.isDirty = true;
  }

  onRevision(change: Change<RevisionRecord>, nowMs: number): void {
    if (change.type === 'deleted') this.rollout.removeRevision(change.object, nowMs);
    else this.rollout.upsertRevision(change.object, nowMs);
    this.isDirty = true;
  }
}
