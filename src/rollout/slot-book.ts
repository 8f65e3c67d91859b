import assert from 'node:assert/strict';
import { type DaemonSetKey, slotKey } from '../protocol/slot.ts';
import { isAskSettled, onDeadline } from './asks.ts';
import { Candidates, NAME_RULES } from './candidates.ts';
import { BIT, candidateKind, classify, classifyOverdue, dueAtMs, hasPlace, isOverdue } from './classify.ts';
import { Counters } from './counters.ts';
import type { RolloutSizes } from './counts.ts';
import { classifyFailure, type FailureCause } from './explain.ts';
import { Heap } from './heap.ts';
import { isRefusalOver } from './holdback.ts';
import { MemoryNotes } from './memory.ts';
import type { RolloutNotice } from './notices.ts';
import { type Observation, replacingSinceMs } from './observe.ts';
import { askAgainAtMs, isOutage, isSuspect, noteDeparture, noteReplaced } from './outage.ts';
import type { PaceFeed } from './pace-feed.ts';
import { noteBrokenBefore, recall, recallDeparture } from './recall.ts';
import { type RefusedWrites, refusedWrites } from './refused-writes.ts';
import { tellRepeated, tellStanding } from './slot-notices.ts';
import { type Ask, brokenForMs, hasUnreadablePod, NEVER, newSlot, restartReplacing, type Slot } from './slot-state.ts';
import { isWanted } from './tasks.ts';

const ZONE_LABEL = 'topology.kubernetes.io/zone';

/**
 * All slots of a rollout with everything that is derived from them: counters, candidates, timers. `refresh` is the only
 * place that derives, so the derived state is a function of slots and facts, however it came about.
 */
export class SlotBook {
  readonly candidates = new Candidates();
  readonly counters = new Counters();
  readonly memory = new MemoryNotes();
  /** Slots whose write is to be looked at, by node name. They are asked, so they are no candidates. */
  readonly observesDue = new Heap<Slot>(NAME_RULES);
  readonly #slots = new Map<string, Slot>();
  #targetHash: string | undefined = undefined;
  #watchedSinceMs = NEVER;
  readonly #daemonSet: DaemonSetKey;
  readonly #notices: RolloutNotice[];
  readonly #pace: PaceFeed;
  readonly #timers = new Heap<Slot>({
    isBefore: (left, right) => left.dueMs < right.dueMs,
    placeOf: (slot) => slot.timerPlace,
    setPlace: (slot, place) => {
      slot.timerPlace = place;
    },
  });

  constructor(daemonSet: DaemonSetKey, notices: RolloutNotice[], pace: PaceFeed) {
    this.#daemonSet = daemonSet;
    this.#notices = notices;
    this.#pace = pace;
  }

  get(nodeName: string): Slot | undefined {
    return this.#slots.get(nodeName);
  }

  getOrAdd(nodeName: string): Slot {
    const known = this.#slots.get(nodeName);
    if (known !== undefined) return known;
    const slot = newSlot(slotKey(this.#daemonSet, nodeName), nodeName, this.candidates.enterZone(''));
    this.#slots.set(nodeName, slot);
    return slot;
  }

  /** In no particular order. */
  all(): IterableIterator<Slot> {
    return this.#slots.values();
  }

  sizes(): Pick<RolloutSizes, 'slots' | 'zones' | 'timers'> {
    return { slots: this.#slots.size, zones: this.candidates.zoneCount, timers: this.#timers.size };
  }

  get nextDueMs(): number | undefined {
    return this.#timers.peek()?.dueMs;
  }

  /** Derives everything about the slot again; afterwards it is forgotten if nothing is there any more. */
  refresh(slot: Slot, at: Observation): void {
    if (slot.ask !== undefined && isAskSettled(slot, slot.ask, at.facts)) this.#settle(slot, slot.ask);
    if (at.facts.isPaused && slot.ask?.phase === 'asked') slot.ask = undefined;
    // Before it can become a candidate: one place serves both.
    if (slot.ask?.phase !== 'observe-due') this.observesDue.remove(slot);
    if (isRefusalOver(slot)) slot.refusal = undefined;
    const before = slot.mask;
    this.#moveToZone(slot);
    slot.hasPlace = hasPlace(slot, at.facts, at.nowMs);
    let after = this.#derive(slot, at);
    if (((before ^ after) & BIT.ready) !== 0) slot.zone.readyCount += (after & BIT.ready) !== 0 ? 1 : -1;
    if (this.#noteAway(slot, before & ~after, at)) after = this.#derive(slot, at);
    slot.mask = after;
    this.counters.apply(before, after);
    const inFlightDelta = (after & BIT.inFlight ? 1 : 0) - (before & BIT.inFlight ? 1 : 0);
    this.candidates.place(slot, candidateKind(before), candidateKind(after));
    if (inFlightDelta !== 0) this.candidates.addInFlight(slot.zone, inFlightDelta);
    this.#schedule(slot, at);
    if (at.facts.isSynced) tellStanding(slot, at, this.#notices);
    if ((after & ~before & BIT.repeated) !== 0) tellRepeated(slot, at, this.#notices);
    this.#pace.onChange(slot, before, at.nowMs);
    this.#noteHealth(slot, at);
    this.memory.onChange(slot, at.facts);
    if ((after & BIT.replacing) === 0) {
      restartReplacing(slot, NEVER);
    }
    if (slot.node === undefined && slot.pods.length === 0) this.#forget(slot);
  }

  /** Handles what became due by time alone, and returns when that was. */
  advance(at: Observation): Observation {
    while ((this.nextDueMs ?? NEVER) <= at.nowMs) {
      const due = this.#takeDue(at.nowMs);
      // Before any of them becomes another one: in which order they come must make no difference to who went away with whom.
      for (const slot of due) this.#askOutage(slot, at);
      for (const slot of due) {
        if (slot.ask?.phase === 'watching' && slot.ask.dueMs <= at.nowMs) onDeadline(slot, slot.ask);
        this.refresh(slot, at);
      }
    }
    return at;
  }

  #takeDue(nowMs: number): Slot[] {
    const due: Slot[] = [];
    for (let slot = this.#timers.peek(); slot !== undefined && slot.dueMs <= nowMs; slot = this.#timers.peek()) {
      this.#timers.remove(slot);
      slot.dueMs = NEVER;
      due.push(slot);
    }
    return due;
  }

  /** Of all that is derived, whether the view is stale changes nothing but whether their progress deadlines run. */
  refreshReplacing(at: Observation): void {
    if (this.counters.of('replacing') === 0) return;
    for (const slot of this.#slots.values()) if ((slot.mask & BIT.replacing) !== 0) this.refresh(slot, at);
  }

  /** Nothing could be seen since then. Deadlines move on with these slots' next `refresh`. */
  noteUnseen(sinceMs: number, nowMs: number): void {
    if (this.counters.of('replacing') === 0) return;
    for (const slot of this.#slots.values()) {
      if (slot.replacingSinceMs === NEVER) continue;
      const fromMs = slot.goneAtMs === NEVER ? slot.replacingSinceMs : slot.goneAtMs;
      slot.unseenMs += nowMs - Math.max(sinceMs, fromMs);
    }
  }

  /** What happened before this process watched; whoever calls refreshes all slots. */
  recall(at: Observation, isFirst: boolean): void {
    if (isFirst) this.#watchedSinceMs = at.nowMs;
    const told = { memory: this.memory.told, watchedSinceMs: this.#watchedSinceMs };
    const context = { ...at, ...told, isFirst, isUnderWay: this.counters.of('outdated') > 0 };
    for (const slot of this.#slots.values()) recall(slot, context);
    for (const slot of this.#slots.values()) recallDeparture(slot, at.facts);
  }

  /** When another revision is the newest, what is broken by then was so before its rollout. */
  noteTarget({ facts, nowMs }: Observation): void {
    const hash = facts.target?.hash;
    const isNew = hash !== this.#targetHash && facts.isSynced;
    this.#targetHash = hash;
    if (!isNew) return;
    for (const slot of this.#slots.values()) {
      if (brokenForMs(slot, nowMs) > facts.progressDeadlineMs) slot.wasBroken = true;
      noteBrokenBefore(slot, facts);
      if (!slot.wasBroken || slot.replacingSinceMs === NEVER) continue;
      // What was broken then holds its place for a deadline of this rollout, too.
      restartReplacing(slot, nowMs);
    }
  }

  failures(): ReadonlyMap<FailureCause, number> {
    const counts = new Map<FailureCause, number>();
    if (this.counters.of('failed') === 0) return counts;
    for (const slot of this.#slots.values()) {
      if ((slot.mask & BIT.failed) === 0) continue;
      const { cause } = classifyFailure(slot, undefined);
      counts.set(cause, (counts.get(cause) ?? 0) + 1);
    }
    return counts;
  }

  /** What the API server refuses, as things are now. */
  refusals(): RefusedWrites[] {
    if (this.counters.of('refused') === 0) return [];
    return refusedWrites(this.#slots.values().filter(({ mask }) => (mask & BIT.refused) !== 0));
  }

  #settle(slot: Slot, { action, uid, hash, isFateUnknown }: Ask): void {
    slot.ask = undefined;
    const { key, nodeName: node } = slot;
    if (isFateUnknown) this.#notices.push({ type: 'write-shown', slot: key, node, action, uid, hash });
  }

  #derive(slot: Slot, at: Observation): number {
    let mask = classify(slot, at.facts, at.nowMs);
    if ((mask & BIT.settled) !== 0) slot.refusal = undefined;
    if (slot.refusal !== undefined) mask |= BIT.refusedBefore;
    if (slot.refusal !== undefined && isWanted(slot, slot.refusal, at.facts)) mask |= BIT.refused;
    if ((mask & BIT.replacing) === 0) return mask;
    slot.replacingSinceMs = replacingSinceMs(slot, (slot.mask & BIT.replacing) !== 0, at);
    return isOverdue(slot, at.facts, at.nowMs) ? classifyOverdue(mask, slot, at.facts, at.nowMs) : mask;
  }

  /**
   * Takes down that the node went NotReady, and asks, then and some times later, whether its surroundings did. True: the
   * answer is another one.
   */
  #noteAway(slot: Slot, lost: number, at: Observation): boolean {
    const { facts, nowMs } = at;
    const isAway = slot.hasPlace && slot.notReadySinceMs !== NEVER && slot.node?.unreadable === undefined;
    if (isAway && (lost & BIT.ready) !== 0 && facts.isSynced) {
      noteDeparture(slot, facts);
      slot.outageDueMs = isSuspect(slot, facts) ? nowMs : NEVER;
    }
    return this.#askOutage(slot, at);
  }

  /** True: the answer is another one. */
  #askOutage(slot: Slot, { facts, nowMs }: Observation): boolean {
    if (slot.outageDueMs > nowMs) return false;
    const before = slot.isOutage;
    slot.isOutage = isOutage(slot, facts);
    slot.outageDueMs = askAgainAtMs(slot, nowMs);
    return slot.isOutage !== before;
  }

  /** What is remembered of whether a pod is available: for whom its replacement is waited, and who was broken before. */
  #noteHealth(slot: Slot, { facts, nowMs }: Observation): void {
    const { mask } = slot;
    const isBack = BIT.settled | BIT.available;
    if ((mask & (isBack | BIT.replacing)) === isBack) {
      if (slot.isAwaitingReplacement && slot.replacedAtMs !== NEVER && facts.isSynced) noteReplaced(slot, nowMs, facts);
      slot.isAwaitingReplacement = false;
    }
    if ((mask & BIT.available) !== 0) {
      slot.hasBeenAvailable = true;
      slot.wasBroken = false;
      slot.isOurs = false;
    }
    const isUnread = hasUnreadablePod(slot);
    const isDown = (mask & (BIT.ready | BIT.available)) === BIT.ready && !isUnread;
    const isBroken = isDown && !slot.isOurs;
    if (isBroken && facts.isSynced) slot.brokenSinceMs = Math.min(slot.brokenSinceMs, nowMs);
    if (isBroken) return;
    // Away or left out, it is not broken, but not well either.
    const isOver = (mask & BIT.available) !== 0 || slot.isOurs || isUnread;
    slot.brokenMs = isOver ? 0 : brokenForMs(slot, nowMs);
    slot.brokenSinceMs = NEVER;
  }

  #moveToZone(slot: Slot): void {
    const name = slot.node?.labels[ZONE_LABEL] ?? '';
    if (name === slot.zone.name) return;
    this.candidates.place(slot, candidateKind(slot.mask), undefined);
    if ((slot.mask & BIT.inFlight) !== 0) this.candidates.addInFlight(slot.zone, -1);
    if ((slot.mask & BIT.ready) !== 0) slot.zone.readyCount -= 1;
    this.candidates.leaveZone(slot.zone);
    slot.zone = this.candidates.enterZone(name);
    if ((slot.mask & BIT.inFlight) !== 0) this.candidates.addInFlight(slot.zone, 1);
    if ((slot.mask & BIT.ready) !== 0) slot.zone.readyCount += 1;
    this.candidates.place(slot, undefined, candidateKind(slot.mask));
  }

  #schedule(slot: Slot, { facts, nowMs }: Observation): void {
    if (slot.ask?.phase === 'observe-due') this.observesDue.put(slot);
    const dueMs = dueAtMs(slot, facts, nowMs);
    if (dueMs === slot.dueMs) return;
    slot.dueMs = dueMs;
    if (dueMs === NEVER) this.#timers.remove(slot);
    else this.#timers.put(slot);
  }

  #forget(slot: Slot): void {
    assert(slot.mask === 0, 'a slot without node and pods counts for nothing');
    this.#slots.delete(slot.nodeName);
    this.candidates.leaveZone(slot.zone);
  }
}
