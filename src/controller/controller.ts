import type { Dispatcher } from '../dispatch/dispatcher.ts';
import { parseUpdatePolicy } from '../kube/annotations.ts';
import type { DaemonSetRecord, NodeRecord, PodRecord, RevisionRecord } from '../kube/records.ts';
import { labelSelectorQuery } from '../kube/selectors.ts';
import type { Outcome } from '../protocol/outcome.ts';
import { type DaemonSetKey, daemonSetKey } from '../protocol/slot.ts';
import { rightLeftMs, type WriteRight } from '../protocol/write-right.ts';
import { DryRun } from './dry-run.ts';
import { type Change, Followed, type SyncedPart } from './followed.ts';
import { Memories } from './memories.ts';
import { NoticeBoard } from './notices.ts';
import type { ControllerPorts } from './ports.ts';
import { believedLine } from './revision-check.ts';
import { SlotTurns } from './slot-turns.ts';
import { Traffic, type TrafficOptions } from './traffic.ts';
import { type ViewLoss, ViewLosses } from './view-losses.ts';

/** Whether this process may write, and until when on its own clock. */
export interface Leadership extends WriteRight {
  readonly isLeading: boolean;
}

/**
 * The whole program without its I/O: changes of the cluster and outcomes of tasks go in, batches of tasks come out
 * through the ports. One direction: inputs only record; `pump` decides. A shell calls `pump` after every handful of
 * inputs and at `nextWakeMs`.
 *
 * Assumptions: inputs of one object come in order; `follow` is answered by `onSynced` once everything was listed.
 * Invariants: nothing is sent unless this process leads, and nothing at all by a dry run; nothing new is decided on a view that is not confirmed; a slot is
 * in at most one lane; the main thread never writes to a pod.
 */
export class Controller {
  readonly #ports: ControllerPorts;
  readonly #notices: NoticeBoard;
  readonly #traffic: Traffic;
  readonly #nodes = new Map<string, NodeRecord>();
  readonly #followed = new Map<DaemonSetKey, Followed>();
  readonly #losses = new ViewLosses();
  /** In place of all traffic. */
  readonly #dryRun: DryRun | undefined;
  readonly #memories = new Memories();
  readonly #turns: SlotTurns;
  #hasNodes = false;
  #hasDaemonSets = false;
  #isDraining = false;
  #leadership: Leadership = { isLeading: false, writeUntilMs: 0 };
  /** Nothing is sent before the lease is renewed, whatever the clocks say later. */
  #isOver = false;

  constructor(options: TrafficOptions, ports: ControllerPorts) {
    this.#ports = ports;
    this.#turns = new SlotTurns(options.slotsATurn);
    this.#notices = new NoticeBoard(ports, options.isDryRun);
    if (options.isDryRun) this.#dryRun = new DryRun(options, (...line) => ports.log(...line));
    this.#traffic = new Traffic({ options, ports, notices: this.#notices, followed: this.#followed });
  }

  get dispatcher(): Dispatcher {
    return this.#traffic.dispatcher;
  }

  onDaemonSet(change: Change<DaemonSetRecord>, nowMs: number): void {
    const daemonSet = change.object;
    const key = daemonSetKey(daemonSet.namespace, daemonSet.name);
    const followed = this.#followed.get(key);
    if (change.type === 'deleted') {
      this.#notices.deleted(daemonSet, nowMs);
      if (followed?.uid === daemonSet.uid) this.#unfollow(followed, nowMs);
      return;
    }
    const policy = parseUpdatePolicy(daemonSet);
    const isReadable = labelSelectorQuery(daemonSet.selector) !== undefined;
    this.#notices.policyRead(daemonSet, policy, isReadable);
    if (policy.kind !== 'policy' || !isReadable) {
      if (followed !== undefined) this.#unfollow(followed, nowMs);
      return;
    }
    if (followed !== undefined && followed.uid !== daemonSet.uid) this.#unfollow(followed, nowMs);
    const current = this.#followed.get(key);
    if (current === undefined) this.#follow(daemonSet, nowMs);
    else this.#updateFollowed(current, daemonSet, nowMs);
  }

  onNode(change: Change<NodeRecord>, nowMs: number): void {
    if (change.type === 'deleted') this.#nodes.delete(change.object.name);
    else this.#nodes.set(change.object.name, change.object);
    for (const followed of this.#followed.values()) followed.onNode(change, nowMs);
  }

  onPod(key: DaemonSetKey, change: Change<PodRecord>, nowMs: number): void {
    this.#followed.get(key)?.onPod(change, nowMs);
  }

  onRevision(key: DaemonSetKey, change: Change<RevisionRecord>, nowMs: number): void {
    this.#followed.get(key)?.onRevision(change, nowMs);
  }

  onNodesSynced(): void {
    this.#hasNodes = true;
    for (const followed of this.#followed.values()) followed.isDirty = true;
  }

  onDaemonSetsSynced(): void {
    this.#hasDaemonSets = true;
  }

  onSynced(key: DaemonSetKey, part: SyncedPart): void {
    this.#followed.get(key)?.markSynced(part);
  }

  /** The revisions have been read as they were committed after `readRevisions` (or `follow`) was last called. */
  onRevisionsRead(key: DaemonSetKey): void {
    this.#followed.get(key)?.onRevisionsRead();
  }

  onRevisionsProblem(key: DaemonSetKey, message: string): void {
    this.#followed.get(key)?.onRevisionsProblem(message);
  }

  /**
   * All that is not confirmed now. DaemonSets concerned are asked nothing new, and what has not left for a lane is taken
   * back; what is in flight goes on being settled.
   */
  setLosses(losses: readonly ViewLoss[]): void {
    this.#notices.viewChanged(this.#losses.replace(losses));
    for (const followed of this.#followed.values()) followed.setStale(this.#losses.stalenessOf(followed.daemonSet));
  }

  setLeadership(leadership: Leadership): void {
    const wasLeading = this.#leadership.isLeading;
    this.#leadership = leadership;
    this.#isOver = false;
    if (wasLeading === leadership.isLeading || this.#isDraining) return;
    if (leadership.isLeading) this.dispatcher.release();
    else this.dispatcher.hold();
    this.#notices.setLeading(leadership.isLeading);
    for (const followed of this.#followed.values()) {
      followed.isDirty = true;
      if (!leadership.isLeading) followed.rollout.standBy();
    }
  }

  /** What an earlier leader's rollouts knew, by DaemonSet UID; before anything is decided. Those that are followed later get it too. */
  remember(memories: ReadonlyMap<string, string>, nowMs: number): void {
    this.#memories.take(memories);
    for (const followed of this.#followed.values()) this.#remind(followed, nowMs);
  }

  /** The same for the next leader, the one that changed last at the end. */
  memories(): ReadonlyMap<string, string> {
    return this.#memories.collect(this.#followed.values(), this.#hasDaemonSets);
  }

  onOutcomes(outcomes: readonly Outcome[], nowMs: number): void {
    this.#traffic.onOutcomes(outcomes, nowMs);
  }

  onLaneLost(lane: number, reopenAtMs: number, nowMs: number): void {
    this.#traffic.onLaneLost(lane, reopenAtMs, nowMs);
  }

  resize(lanes: number, nowMs: number): void {
    this.dispatcher.resize(lanes, nowMs);
  }

  /** No new work from now on; what is in a lane finishes. */
  drain(): void {
    this.#isDraining = true;
    this.dispatcher.hold();
  }

  /** The last input: says what is left to say. */
  end(nowMs: number): void {
    this.#traffic.abandon(nowMs);
    this.#notices.deeds.flushAll(nowMs);
  }

  /** Whether a task is in a lane. */
  get isBusy(): boolean {
    return this.#traffic.isBusy;
  }

  get hasSynced(): boolean {
    if (!this.#hasNodes || !this.#hasDaemonSets) return false;
    for (const followed of this.#followed.values()) if (!followed.hasSynced) return false;
    return true;
  }

  /** Whether `pump` has more to do at once before what is told of the rollouts is of now. */
  get isUnfinished(): boolean {
    return this.#followed.values().some((followed) => followed.isUnfinished);
  }

  get leadership(): Leadership {
    return this.#leadership;
  }

  /** Replacements that a DaemonSet may have in flight, besides its budget and pace. */
  limitsOf(followed: Followed): ReturnType<Traffic['limitsOf']> {
    return this.#traffic.limitsOf(followed);
  }

  followed(): Iterable<Followed> {
    return this.#followed.values();
  }

  find(key: DaemonSetKey): Followed | undefined {
    return this.#followed.get(key);
  }

  /** What is wrong with how DaemonSets opted in, and why they are left alone if they are. */
  complaints(): ReadonlyMap<DaemonSetKey, readonly string[]> {
    return this.#notices.complaints();
  }

  get nodeCount(): number {
    return this.#nodes.size;
  }

  /** How much is remembered of what was said; the rollouts and the dispatcher tell their own. */
  noticeSizes(): ReturnType<NoticeBoard['sizes']> {
    return this.#notices.sizes();
  }

  /** Lets time pass, decides what may go, and sends what the lanes have room for. */
  pump(nowMs: number, wallMs = nowMs): void {
    if (rightLeftMs(this.#leadership, nowMs, wallMs) <= 0) this.#isOver = true;
    for (const followed of this.#turns.begin(this.#followed.values())) this.#tick(followed, nowMs);
    if (this.#dryRun !== undefined) {
      if (this.#mayWrite(nowMs)) this.#dryRun.look(this.#followed, nowMs);
    } else if (this.#mayWrite(nowMs)) {
      this.#traffic.select(nowMs);
      this.#traffic.send(this.#leadership, nowMs);
    } else if (!this.#leadership.isLeading) this.#traffic.giveUp(nowMs);
    for (const followed of this.#followed.values()) this.#notices.post(followed, nowMs);
    this.#turns.end();
  }

  /** When `pump` has to be called again though nothing came in; undefined: no need. */
  nextWakeMs(nowMs: number): number | undefined {
    let wakeMs = this.#mayWrite(nowMs) ? this.dispatcher.nextWakeMs(nowMs) : undefined;
    const lookMs = this.#mayWrite(nowMs) ? this.#dryRun?.nextWakeMs(this.#followed.values()) : undefined;
    for (const sayMs of [this.#notices.nextWakeMs(), lookMs]) {
      if (sayMs !== undefined && (wakeMs === undefined || sayMs < wakeMs)) wakeMs = sayMs;
    }
    for (const followed of this.#followed.values()) {
      const atMs = followed.nextWakeMs;
      if (atMs !== undefined && (wakeMs === undefined || atMs < wakeMs)) wakeMs = atMs;
    }
    return wakeMs;
  }

  #mayWrite(nowMs: number): boolean {
    const { isLeading, writeUntilMs } = this.#leadership;
    return !this.#isDraining && isLeading && nowMs < writeUntilMs && !this.#isOver;
  }

  #follow(daemonSet: DaemonSetRecord, nowMs: number): void {
    const followed = new Followed(daemonSet, this.#nodes.values(), this.#turns.budget);
    followed.setStale(this.#losses.stalenessOf(daemonSet));
    this.#followed.set(followed.key, followed);
    followed.rollout.setDaemonSet(daemonSet, nowMs);
    this.#remind(followed, nowMs);
    followed.feed(nowMs);
    this.#ports.follow(daemonSet);
  }

  #remind(followed: Followed, nowMs: number): void {
    const memory = this.#memories.of(followed.uid);
    if (memory === undefined) return;
    followed.rollout.remember(memory, nowMs);
    followed.isDirty = true;
  }

  #updateFollowed(followed: Followed, daemonSet: DaemonSetRecord, nowMs: number): void {
    const hasNewSelector = JSON.stringify(daemonSet.selector) !== JSON.stringify(followed.daemonSet.selector);
    followed.update(daemonSet, nowMs);
    if (!hasNewSelector) return;
    followed.forgetSync();
    this.#ports.follow(daemonSet);
  }

  #unfollow(followed: Followed, nowMs: number): void {
    this.#followed.delete(followed.key);
    this.#memories.forget(followed.uid);
    this.#traffic.forget(followed);
    this.#notices.unfollowed(followed.key, nowMs);
    this.#ports.unfollow(followed.key);
  }

  #tick(followed: Followed, nowMs: number): void {
    followed.tick(nowMs);
    const step = followed.checkRevisions(nowMs);
    if (step === 'list') this.#ports.readRevisions(followed.key);
    else if (step === 'believed') this.#ports.log(...believedLine(followed.key, followed.rollout.newestRevision));
    if (followed.isDirty) followed.settle(this.#hasNodes, nowMs);
  }
}
