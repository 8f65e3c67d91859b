import type { DaemonSetRecord, NodeRecord, PodRecord, RevisionRecord } from '../kube/records.ts';
import type { Outcome } from '../protocol/outcome.ts';
import { nodeOfSlot, type SlotKey } from '../protocol/slot.ts';
import type { Task } from '../protocol/task.ts';
import { type AfterOutcome, noteTask, onSent, releaseAsk, SHOWN, takeOutcome, type Write } from './asks.ts';
import { countsOf, type RolloutCounts, type RolloutSizes } from './counts.ts';
import { type Block, type Change, Definition } from './definition.ts';
import type { FailureCause } from './explain.ts';
import type { RolloutIdentity } from './identity.ts';
import type { RolloutNotice } from './notices.ts';
import { hasSamePlace, type Observation, observeNode, observePlace, observePod, observePodGone } from './observe.ts';
import type { PaceStatus } from './pace.ts';
import { PaceFeed } from './pace-feed.ts';
import { type NodePlan, type PlanLimits, planOf, toldBlock } from './plan.ts';
import { Progress } from './progress.ts';
import { Refusals } from './refusals.ts';
import type { RefusedWrites } from './refused-writes.ts';
import { Selection, type SelectLimit } from './selection.ts';
import { SlotBook } from './slot-book.ts';
import { NEVER, type Slot } from './slot-state.ts';
import { NO_SLOT_LIMIT, type SlotBudget, Sweep } from './sweep.ts';
import { taskOf } from './tasks.ts';

/**
 * The rollout of one DaemonSet: which old pod goes next, and when. Pure: everything comes in as arguments.
 *
 * Assumptions:
 * - The DaemonSet controller creates missing pods, deletes finished and excess ones, and updates nothing (OnDelete).
 * - Watches tell the truth late: events may repeat and may be missing, but the latest state of every object arrives. Until
 *   the first complete lists have arrived (`setSynced`), API times are hints for what happened before.
 * - `nowMs` never decreases. A worker's write may be applied until its outcome says that it was not.
 *
 * Invariants:
 * - Nothing is asked for beyond the budget (docs/design.md), and what has not left is given back when it does not fit any more.
 * - Only the one, old, not terminating, not finished pod of an eligible Ready node is ever deleted (stuck.ts apart); with OTA none is.
 * - A slot has at most one thing asked of it, in flight until the cluster shows its effect or an outcome says it has none.
 * - Counters, candidates and timers are functions of slots and facts; an event costs O(log n), a new policy, place or target O(n log n).
 */
export class Rollout {
  readonly #identity: RolloutIdentity;
  readonly #definition: Definition;
  readonly #notices: RolloutNotice[] = [];
  readonly #progress = new Progress(this.#notices);
  readonly #pace = new PaceFeed();
  readonly #refusals = new Refusals();
  readonly #book: SlotBook;
  readonly #selection: Selection;
  readonly #sweep: Sweep;

  constructor(identity: RolloutIdentity, budget: SlotBudget = NO_SLOT_LIMIT) {
    this.#identity = identity;
    this.#definition = new Definition(identity.uid);
    this.#book = new SlotBook(identity.key, this.#notices, this.#pace);
    this.#sweep = new Sweep(this.#book, this.#definition, budget);
    this.#selection = new Selection(this.#book, this.#definition, { pace: this.#pace, refusals: this.#refusals });
  }

  /** A record of another UID (the DaemonSet was deleted and created again) is ignored: that is another rollout. */
  setDaemonSet(daemonSet: DaemonSetRecord, nowMs: number): void {
    if (daemonSet.uid !== this.#identity.uid) return;
    this.#begin(nowMs);
    this.#applyChange(this.#definition.setDaemonSet(daemonSet), nowMs);
  }

  upsertRevision(revision: RevisionRecord, nowMs: number): void {
    this.#begin(nowMs);
    this.#applyChange(this.#definition.upsertRevision(revision), nowMs);
  }

  removeRevision(revision: RevisionRecord, nowMs: number): void {
    this.#begin(nowMs);
    this.#applyChange(this.#definition.removeRevision(revision), nowMs);
  }

  get newestRevision(): RevisionRecord | undefined {
    return this.#definition.newestRevision;
  }

  /** Nothing is selected before all is there, nor while it is not confirmed, nor while another revision may be the newest. */
  setSynced(isSynced: boolean, nowMs: number, staleReason?: string, revisionDoubt?: string): void {
    this.#definition.revisionDoubt = revisionDoubt;
    const { staleSinceMs, isSynced: wasSynced } = this.#begin(nowMs).facts;
    const change = this.#definition.setSynced(isSynced, staleReason, nowMs);
    if (!wasSynced && isSynced) this.#book.recall(this.#at(nowMs), true);
    if (staleReason === undefined && staleSinceMs !== NEVER) this.#book.noteUnseen(staleSinceMs, nowMs);
    this.#applyChange(change, nowMs);
  }

  upsertNode(node: NodeRecord, nowMs: number): void {
    const slot = this.#book.getOrAdd(node.name);
    const isSamePlace = slot.node !== undefined && slot.node.uid !== '' && hasSamePlace(slot.node, node);
    if (isSamePlace && slot.node?.isReady === node.isReady && slot.node.unreadable === node.unreadable) {
      slot.node = node;
      return;
    }
    observeNode(slot, node, this.#begin(nowMs));
    if (!isSamePlace) observePlace(slot, this.#definition.rule);
    this.#refresh(slot, nowMs);
  }

  removeNode(name: string, nowMs: number): void {
    const slot = this.#book.get(name);
    if (slot === undefined) return;
    observeNode(slot, undefined, this.#begin(nowMs));
    this.#refresh(slot, nowMs);
  }

  /** Pods of other owners, and pods that are bound for no node yet, are ignored. */
  upsertPod(pod: PodRecord, nowMs: number): void {
    if (pod.nodeName === '') return;
    if (pod.ownerUid !== this.#identity.uid) {
      this.removePod(pod, nowMs);
      return;
    }
    const slot = this.#book.getOrAdd(pod.nodeName);
    observePod(slot, pod, this.#begin(nowMs));
    this.#refresh(slot, nowMs);
  }

  removePod(pod: PodRecord, nowMs: number): void {
    const slot = this.#book.get(pod.nodeName);
    if (slot === undefined) return;
    observePodGone(slot, pod.uid, this.#begin(nowMs));
    this.#refresh(slot, nowMs);
  }

  /** Slots that may go now, in order, each marked as asked until it is settled or released: reads of pods whose fate is unknown, then the rest. */
  select(limit: SelectLimit, nowMs: number): SlotKey[] {
    this.tick(nowMs);
    return this.#selection.select(limit, this.#at(nowMs));
  }

  /** What the lane that takes an asked slot has to do now; undefined: it is not wanted, does not fit any more (both are released), or has left. */
  taskFor(key: SlotKey, nowMs: number): Task | undefined {
    this.tick(nowMs);
    const slot = this.#book.get(nodeOfSlot(key));
    if (slot?.ask === undefined) return undefined;
    const task = taskOf(slot, this.#identity.namespace, this.#at(nowMs));
    if (task === undefined || !this.#selection.mayLeave(slot, task.action)) {
      this.release(key, nowMs);
      return undefined;
    }
    noteTask(slot.ask, task);
    return task;
  }

  onSent(key: SlotKey, nowMs: number): Write | undefined {
    this.#begin(nowMs);
    const slot = this.#book.get(nodeOfSlot(key));
    const write = slot?.ask && onSent(slot, slot.ask, this.#definition.facts);
    if (slot?.ask !== undefined) this.#refresh(slot, nowMs);
    return write;
  }

  onOutcome(outcome: Outcome, nowMs: number): AfterOutcome {
    const slot = this.#book.get(nodeOfSlot(outcome.slot));
    if (slot === undefined) return SHOWN;
    this.#begin(nowMs);
    this.#refusals.onOutcome(outcome);
    const after = takeOutcome(slot, outcome, { ...this.#at(nowMs), answers: this.#refusals.answers });
    this.#refresh(slot, nowMs);
    return after;
  }

  /** Forgets a slot that was asked and has not left (leadership lost, dropped by the dispatcher). */
  release(key: SlotKey, nowMs: number): void {
    this.#begin(nowMs);
    const slot = this.#book.get(nodeOfSlot(key));
    if (slot?.ask === undefined) return;
    releaseAsk(slot, slot.ask, nowMs);
    this.#refresh(slot, nowMs);
  }

  /** When `tick` has something to do without any event (0: now): a pod's minReadySeconds, a progress or observe deadline, the pace. */
  nextWakeMs(): number | undefined {
    if (this.isUnfinished) return 0;
    const wakeMs = Math.min(this.#pace.wakeMs ?? NEVER, this.#selection.wakeMs ?? NEVER, this.#book.nextDueMs ?? NEVER);
    return wakeMs === NEVER ? undefined : wakeMs;
  }

  /** When the pace alone wants to be asked again; undefined: it does not. Never infinite: it would stay when all else is done. */
  get paceWakeMs(): number | undefined {
    return this.#pace.wakeMs;
  }

  /** Not every slot has been looked at since something changed; `tick` goes on with that. */
  get isUnfinished(): boolean {
    return this.#sweep.isUnfinished;
  }

  tick(nowMs: number): void {
    this.#begin(nowMs);
    this.#pace.tick(nowMs);
    this.#selection.tick(nowMs);
    this.#sweep.advance(this.#at(nowMs));
    this.#updateProgress(nowMs);
  }

  /** What happened since the last call, oldest first. */
  takeNotices(): RolloutNotice[] {
    return this.#notices.splice(0);
  }

  blocked(): Block | undefined {
    return this.#definition.blocked();
  }

  /** A mark takes nothing away, so OTA has none. */
  get replacementsInFlight(): number {
    return this.#definition.facts.strategy === 'OTA' ? 0 : this.#book.counters.of('inFlight');
  }

  counts(): RolloutCounts {
    const { facts } = this.#definition;
    return countsOf(this.#book.counters, { use: this.#selection.use(), window: this.#selection.window, facts });
  }

  /** How much is remembered: slots, zones and revisions as the cluster has them; timers and paced deletions, at most one a slot. */
  sizes(): RolloutSizes {
    return { ...this.#book.sizes(), paced: this.#pace.size, revisions: this.#definition.revisionCount };
  }

  /** Failed nodes by cause; O(n). */
  failures(): ReadonlyMap<FailureCause, number> {
    return this.#book.failures();
  }

  /** Writes that the API server refuses; O(n). */
  refusals(): readonly RefusedWrites[] {
    return this.#book.refusals();
  }

  /** Whether a write was refused that may have to be done yet, be it not now: its node is away. */
  get hasRefusedBefore(): boolean {
    return this.#book.counters.of('refusedBefore') > 0;
  }

  wasRefused({ slot, action }: Outcome): boolean {
    return this.#book.get(nodeOfSlot(slot))?.refusal?.action === action;
  }

  standBy(): void {
    this.#pace.forget();
  }
  /** What the next leader has to know and cannot read from the cluster; undefined: not known yet. Changes rarely, costs little. */
  memory(): string | undefined {
    return this.#definition.facts.isSynced ? this.#book.memory.text : undefined;
  }

  /** Takes over an earlier leader's `memory()`, before the first selection of each leadership. Anybody may have written it. */
  remember(text: string, nowMs: number): void {
    const at = this.#begin(nowMs);
    if (!this.#book.memory.remember(text) || !at.facts.isSynced) return;
    this.#book.recall(at, false);
    this.#applyChange('facts', nowMs);
  }

  /** What holds back whoever would be next; undefined: nothing. */
  heldBy(limits: Omit<SelectLimit, 'count'>, nowMs: number): ReturnType<Selection['heldBy']> {
    return this.#selection.heldBy(limits, nowMs);
  }

  pace(nowMs: number): PaceStatus {
    return this.#pace.status(nowMs);
  }

  /** Every node with its reason, by name; O(n log n). */
  plan(nowMs: number, told: PlanLimits = {}): NodePlan[] {
    this.tick(nowMs);
    const { facts, rule } = this.#definition;
    const parts = { preview: this.#selection.preview(nowMs, told), block: this.blocked() ?? toldBlock(told) };
    return planOf(this.#book.all(), { facts, rule, ...parts, nowMs });
  }

  #applyChange(change: Change, nowMs: number): void {
    const at = this.#at(nowMs);
    this.#book.noteTarget(at);
    this.#sweep.apply(change, at);
    this.#updateProgress(nowMs);
  }

  #refresh(slot: Slot, nowMs: number): void {
    this.#book.refresh(slot, this.#at(nowMs));
    this.#updateProgress(nowMs);
  }

  #updateProgress(nowMs: number): void {
    this.#selection.observe(nowMs);
    this.#progress.update(this.#definition.facts, this.blocked(), { counters: this.#book.counters, nowMs });
  }

  /** Starts an event: what became due by time is handled before it, so that a late tick changes nothing. */
  #begin(nowMs: number): Observation {
    return this.#book.advance(this.#at(nowMs));
  }

  #at(nowMs: number): Observation {
    return { facts: this.#definition.facts, nowMs };
  }
}
