import type { DaemonSetRecord, NodeRecord, PodRecord, RevisionRecord } from '../kube/records.ts';
import { type DaemonSetKey, daemonSetKey } from '../protocol/slot.ts';
import { Rollout } from '../rollout/rollout.ts';
import { NO_SLOT_LIMIT, type SlotBudget } from '../rollout/sweep.ts';
import { type CheckStep, RevisionCheck } from './revision-check.ts';
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
  /** More may go than was asked for at once. */
  hasMore = false;
  readonly #slots: SlotBudget;
  /** The nodes that its rollout has not been told of. Those that change meanwhile are told twice, which makes no difference. */
  #unfed: Iterator<NodeRecord> | undefined;
  #hasPods = false;
  #hasRevisions = false;
  #wasSynced = false;
  /** Everything has been read, and not yet looked at. */
  #isHeldBack = false;
  readonly #check = new RevisionCheck();

  constructor(daemonSet: DaemonSetRecord, nodes: Iterator<NodeRecord>, slots: SlotBudget = NO_SLOT_LIMIT) {
    this.key = daemonSetKey(daemonSet.namespace, daemonSet.name);
    this.uid = daemonSet.uid;
    this.daemonSet = daemonSet;
    const { uid, namespace, name } = daemonSet;
    this.rollout = new Rollout({ key: this.key, uid, namespace, name }, slots);
    this.#slots = slots;
    this.#unfed = nodes;
    this.#check.begin(daemonSet);
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

  /** They have been read as they were after that was last asked for. */
  onRevisionsRead(): void {
    this.#check.onRead();
    this.isDirty = true;
  }

  onRevisionsProblem(message: string): void {
    this.#check.onProblem(message);
    this.isDirty = true;
  }

  /** Whether its revisions are to be read anew. Without them nothing is selected. */
  checkRevisions(nowMs: number): CheckStep {
    const step = this.#check.look(this.daemonSet, this.rollout.newestRevision, nowMs);
    if (step !== 'none') this.isDirty = true;
    return step;
  }

  /** Tells the rollout what of the view may be relied on. `hasNodes`: all nodes have been read. */
  settle(hasNodes: boolean, nowMs: number): void {
    const isRead = hasNodes && this.hasSynced && this.#unfed === undefined;
    // What happened before is told from all slots as they are, so the first time none may be left to be looked at.
    const isSynced = isRead && (this.#wasSynced || !this.rollout.isUnfinished);
    this.#wasSynced = isSynced;
    this.#isHeldBack = isRead && !isSynced;
    this.rollout.setSynced(isSynced, nowMs, this.staleness?.reason, this.#check.problem(this.daemonSet));
  }

  /** Lets time pass, and goes on with what was too much at once. */
  tick(nowMs: number): void {
    this.feed(nowMs);
    const wakeMs = this.nextWakeMs;
    this.hasMore = false;
    if (wakeMs === undefined || wakeMs > nowMs) return;
    this.rollout.tick(nowMs);
    this.isDirty = true;
  }

  /** Whether what its rollout counts is of all its slots as they are. */
  get isCounted(): boolean {
    return this.#unfed === undefined && !this.#isHeldBack && !this.rollout.isUnfinished;
  }

  get isUnfinished(): boolean {
    return this.hasMore || !this.isCounted;
  }

  /** 0: now. */
  get nextWakeMs(): number | undefined {
    if (this.isUnfinished) return 0;
    const wakeMs = Math.min(this.rollout.nextWakeMs() ?? Number.POSITIVE_INFINITY, this.#check.wakeMs);
    return Number.isFinite(wakeMs) ? wakeMs : undefined;
  }

  /** The selector changed: pods and revisions are read anew. */
  forgetSync(): void {
    this.#hasPods = false;
    this.#hasRevisions = false;
    this.#check.begin(this.daemonSet);
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

  /** Tells the rollout of as many of the nodes as may be looked at now. */
  feed(nowMs: number): void {
    while (this.#unfed !== undefined && this.#slots.left > 0) {
      const next = this.#unfed.next();
      if (next.done) {
        this.#unfed = undefined;
        this.isDirty = true;
        return;
      }
      if (this.#slots !== NO_SLOT_LIMIT) this.#slots.left -= 1;
      this.rollout.upsertNode(next.value, nowMs);
    }
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
