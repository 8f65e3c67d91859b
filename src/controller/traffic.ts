import assert from 'node:assert/strict';
import { Dispatcher } from '../dispatch/dispatcher.ts';
import type { Outcome } from '../protocol/outcome.ts';
import { type DaemonSetKey, daemonSetOfSlot, type SlotKey } from '../protocol/slot.ts';
import type { Task } from '../protocol/task.ts';
import type { WriteRight } from '../protocol/write-right.ts';
import type { SelectLimit } from '../rollout/selection.ts';
import type { Followed } from './followed.ts';
import type { NoticeBoard } from './notices.ts';
import type { ControllerPorts } from './ports.ts';
import type { Sent } from './write-lines.ts';

export interface TrafficOptions {
  readonly lanes: number;
  readonly batchMax: number;
  /** Tasks one lane may hold at a time. */
  readonly laneInFlightMax: number;
  /** See DispatcherOptions. */
  readonly tasksInLanesMax?: number;
  /** Client-side rate limit; 0 is unlimited. */
  readonly qps: number;
  readonly burst: number;
  /** See DispatcherOptions. */
  readonly rateMemory?: SharedArrayBuffer;
  /** Replacements in flight over all DaemonSets. */
  readonly maxInFlight: number;
  /** Replacements in flight of one DaemonSet, whatever its budget. */
  readonly maxInFlightPerDaemonSet: number;
  readonly taskTimeoutMs: number;
  /** Slots that are looked at in one turn, of all that are to be looked at after a change. */
  readonly slotsATurn?: number;
  readonly isDryRun: boolean;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Marks need no place, so every node may have its turn at the same time; that many are a few milliseconds of work. */
const SELECTED_MAX = 2000;

interface TrafficParts {
  readonly options: TrafficOptions;
  readonly ports: ControllerPorts;
  readonly notices: NoticeBoard;
  readonly followed: ReadonlyMap<DaemonSetKey, Followed>;
}

/**
 * Slots on their way: selected by the rollouts, through the dispatcher into the lanes, and back as outcomes.
 *
 * Invariant: what is in a lane is in `#sent`, and ends there exactly once: by its outcome or with its lane.
 */
export class Traffic {
  readonly dispatcher: Dispatcher;
  readonly #parts: TrafficParts;
  readonly #sent = new Map<SlotKey, Sent>();
  #inFlightCount = 0;
  /** Slots that may still be selected in this turn. */
  #selectable = SELECTED_MAX;
  /** Whether what is in flight is known of everybody. */
  #areCounted = true;
  /** Counts the times that a rollout was given something. */
  #turns = 0;

  constructor(parts: TrafficParts) {
    const { lanes, batchMax, laneInFlightMax, tasksInLanesMax, qps, burst, rateMemory, random } = parts.options;
    this.#parts = parts;
    this.dispatcher = new Dispatcher({
      lanes,
      batchMax,
      laneInFlightMax,
      tasksInLanesMax,
      qps,
      burst,
      rateMemory,
      random,
    });
    this.dispatcher.hold();
  }

  /** Whether a task is in a lane. */
  get isBusy(): boolean {
    return this.#sent.size > 0;
  }

  /** The rollout ends; what a lane does for it now goes on, and nobody waits for it. */
  forget(followed: Followed): void {
    this.#inFlightCount -= followed.inFlightCounted;
    followed.inFlightCounted = 0;
  }

  /** What could leave and may not is given back: whoever leads decides again, and nothing is kept of those that opt out. */
  giveUp(nowMs: number): void {
    for (const slot of this.dispatcher.clear(nowMs)) {
      this.#parts.followed.get(daemonSetOfSlot(slot))?.rollout.release(slot, nowMs);
    }
  }

  /** Asks the rollouts that changed what may go now. */
  select(nowMs: number): void {
    const asked = this.#inTurn();
    this.#selectable = SELECTED_MAX;
    this.#areCounted = this.#parts.followed.values().every(({ isCounted }) => isCounted);
    // Whoever has fewest in flight is asked first, for an equal share; what the shares leave over goes round once more.
    for (const [index, followed] of asked.entries()) {
      this.#selectFrom(followed, Math.ceil(this.#room / (asked.length - index)), nowMs);
    }
    for (const followed of asked) if (Number.isFinite(this.#room)) this.#selectFrom(followed, this.#room, nowMs);
    // Held back by the limit over all: to be asked again when another one finishes.
    for (const followed of asked) followed.isDirty = this.#room === 0 || followed.hasMore;
  }

  /** Hands the lanes what they have room for. No write leaves after the right to it. */
  send(right: WriteRight, nowMs: number): void {
    if (!this.#sendOnce(right, nowMs)) return;
    // What is not wanted any more gives its place to others, or to something else for the same slot; no event tells so.
    this.select(nowMs);
    this.#sendOnce(right, nowMs);
  }

  /** Whether a rollout took something back. */
  #sendOnce({ writeUntilMs, writeUntilWallMs }: WriteRight, nowMs: number): boolean {
    const { ports, options, followed } = this.#parts;
    const { taskTimeoutMs, isDryRun } = options;
    let hasReleased = false;
    const resolve = (slot: SlotKey): Task | undefined => {
      const owner = followed.get(daemonSetOfSlot(slot));
      const task = owner?.rollout.taskFor(slot, nowMs);
      if (owner !== undefined && task === undefined) {
        owner.isDirty = true;
        hasReleased = true;
      }
      return task;
    };
    for (const { lane, tasks } of this.dispatcher.take(resolve, nowMs)) {
      for (const task of tasks) {
        const write = followed.get(daemonSetOfSlot(task.slot))?.rollout.onSent(task.slot, nowMs);
        this.#sent.set(task.slot, { task, write });
      }
      ports.send(lane, { tasks, writeUntilMs, writeUntilWallMs, taskTimeoutMs, isDryRun });
    }
    return hasReleased;
  }

  onOutcomes(outcomes: readonly Outcome[], nowMs: number): void {
    for (const outcome of outcomes) {
      const sent = this.#sent.get(outcome.slot);
      // A lane that was given up answers late: its tasks are settled already.
      if (sent === undefined) continue;
      this.#sent.delete(outcome.slot);
      this.#parts.ports.taskDone(outcome, this.dispatcher.done(outcome.slot, nowMs));
      this.#settle(sent, outcome, nowMs);
    }
  }

  /** The thread died: what became of its tasks is for the watch to tell. */
  onLaneLost(lane: number, reopenAtMs: number, nowMs: number): void {
    for (const slot of this.dispatcher.laneLost(lane, nowMs, reopenAtMs)) {
      const sent = this.#sent.get(slot);
      assert.ok(sent !== undefined, 'what a lane works on was sent to it');
      this.#sent.delete(slot);
      const outcome = unknownOutcome(sent.task, 'the worker thread died');
      this.#parts.ports.taskDone(outcome, undefined);
      this.#settle(sent, outcome, nowMs);
    }
  }

  /** The process ends: nobody waits for what is with the lanes now, and it may be done all the same. */
  abandon(nowMs: number): void {
    for (const sent of this.#sent.values()) {
      const followed = this.#parts.followed.get(daemonSetOfSlot(sent.task.slot));
      const outcome = unknownOutcome(sent.task, 'the process ended before the answer came');
      this.#parts.notices.deeds.ended(sent, outcome, { followed, isShown: false, nowMs });
    }
  }

  /** Replacements that may still go, over all DaemonSets; none while those of one are still being counted. */
  get #room(): number {
    const room = Math.max(0, this.#parts.options.maxInFlight - this.#inFlightCount);
    return this.#areCounted || room === Number.POSITIVE_INFINITY ? room : 0;
  }

  /** Replacements that it may have in flight: by the limit on each, and by what others leave of the limit over all. */
  limitsOf(followed: Followed): Required<Omit<SelectLimit, 'count'>> {
    return this.#limitsOf(followed, this.#room);
  }

  #limitsOf({ inFlightCounted }: Followed, room: number): Required<Omit<SelectLimit, 'count'>> {
    return { window: this.#parts.options.maxInFlightPerDaemonSet, overAll: inFlightCounted + room };
  }

  /** What changed, fewest in flight first; of equals, whose last turn is longest ago. */
  #inTurn(): Followed[] {
    const asked: Followed[] = [];
    for (const followed of this.#parts.followed.values()) if (followed.isDirty) asked.push(followed);
    for (const followed of asked) this.#recount(followed);
    return asked.sort((a, b) => a.inFlightCounted - b.inFlightCounted || a.lastTurn - b.lastTurn);
  }

  #selectFrom(followed: Followed, room: number, nowMs: number): void {
    const limits = this.#limitsOf(followed, room);
    const slots = followed.rollout.select({ count: this.#selectable, ...limits }, nowMs);
    followed.hasMore = slots.length === this.#selectable;
    this.#selectable -= slots.length;
    if (slots.length === 0) return;
    for (const slot of slots) this.dispatcher.add(slot, nowMs);
    this.#turns += 1;
    followed.lastTurn = this.#turns;
    this.#recount(followed);
  }

  #recount(followed: Followed): void {
    const counted = followed.rollout.replacementsInFlight;
    this.#inFlightCount += counted - followed.inFlightCounted;
    followed.inFlightCounted = counted;
  }

  #settle(sent: Sent, outcome: Outcome, nowMs: number): void {
    const { notices } = this.#parts;
    const followed = this.#parts.followed.get(daemonSetOfSlot(outcome.slot));
    if (followed === undefined) {
      notices.deeds.ended(sent, outcome, { followed, isShown: false, nowMs });
      this.dispatcher.forget(outcome.slot);
      return;
    }
    followed.isDirty = true;
    notices.outcome(followed, outcome, nowMs);
    const disposition = followed.rollout.onOutcome(outcome, nowMs);
    notices.deeds.ended(sent, outcome, { followed, isShown: disposition.isShown === true, nowMs });
    if (disposition.then === 'retry') this.dispatcher.retry(outcome.slot, disposition.afterMs, nowMs);
    else this.dispatcher.forget(outcome.slot);
  }
}

function unknownOutcome(task: Task, message: string): Outcome {
  const { slot, action, uid } = task;
  const nothing = { httpStatus: 0, retryAfterMs: 0, durationMs: 0, isTerminating: false };
  return { slot, action, uid, code: 'unknown', message, ...nothing };
}
