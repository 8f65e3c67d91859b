import type { SlotKey } from '../protocol/slot.ts';
import type { Task } from '../protocol/task.ts';
import { allowedUnavailable, BudgetBase } from './budget-base.ts';
import { BIT } from './classify.ts';
import type { Definition } from './definition.ts';
import { freePlaces, type LimitReason, limiterOf, stillFits, windowOf } from './limits/chain.ts';
import { actionOf, type BudgetUse, type FlightLimits, type Ledger, NO_FLIGHT_LIMITS } from './limits/ledger.ts';
import type { Observation } from './observe.ts';
import type { PaceFeed } from './pace-feed.ts';
import type { PlanLimits } from './plan.ts';
import { headOf, type Preview, previewOf, QUEUES } from './preview.ts';
import { Refill } from './refill.ts';
import type { Refusals } from './refusals.ts';
import type { SlotBook } from './slot-book.ts';
import { NEVER, type Slot } from './slot-state.ts';
import { askFor } from './tasks.ts';

/** How much may be asked for at once. */
export interface SelectLimit {
  /** New slots in this answer. */
  readonly count: number;
  /** Replacements in flight of this DaemonSet, besides the budget; a number ≥ 0 or Infinity. Marks and reads replace nothing. */
  readonly window: number;
  /** The same by the limit over all DaemonSets; default: none. */
  readonly overAll?: number;
}

interface SelectionParts {
  readonly pace: PaceFeed;
  readonly refusals: Refusals;
}

const NOTHING = { inFlight: 0, pending: 0, failed: 0, waiting: 0 };

/** Who goes next: the candidates in their order, as far as the budget, the window and the pace let them. */
export class Selection {
  readonly #book: SlotBook;
  readonly #definition: Definition;
  readonly #pace: PaceFeed;
  readonly #refusals: Refusals;
  readonly #refill = new Refill();
  readonly #base = new BudgetBase();
  /** As of the last selection. */
  #limits: FlightLimits = NO_FLIGHT_LIMITS;

  constructor(book: SlotBook, definition: Definition, { pace, refusals }: SelectionParts) {
    this.#book = book;
    this.#definition = definition;
    this.#pace = pace;
    this.#refusals = refusals;
  }

  /** Of the last selection: the smallest of the limits and the pace's window. */
  get window(): number {
    return windowOf(this.#limits);
  }

  /** What holds back whoever would be next; undefined: nothing, or nobody is left. */
  heldBy({ window, overAll }: Omit<SelectLimit, 'count'>, nowMs: number): LimitReason | undefined {
    if (this.#definition.blocked() !== undefined) return undefined;
    const limits = { ...this.#limits, perDaemonSet: window, overAll: overAll ?? Number.POSITIVE_INFINITY };
    const head = headOf(this.#book.candidates, this.#definition.facts.strategy === 'OTA' ? 'mark' : 'delete');
    return head && limiterOf(head.kind, this.#ledger(nowMs, limits))?.reason;
  }

  /** When somebody who was held back may go though nothing happens, the pace apart; undefined: nobody waits for that. */
  get wakeMs(): number | undefined {
    const isShare = this.#definition.policy?.maxUnavailable.unit === 'percent';
    const baseMs = isShare ? this.#base.wakeMs(this.#book.counters.of('base')) : NEVER;
    const wakeMs = Math.min(this.#refusals.wakeMs, this.#refill.wakeMs ?? NEVER, baseMs);
    return wakeMs === NEVER ? undefined : wakeMs;
  }

  /** Who was held back until now has to be looked at again. */
  tick(nowMs: number): void {
    this.#refusals.tick(nowMs);
    this.#refill.tick(nowMs);
  }

  /** After each event, whoever leads. */
  observe(nowMs: number): void {
    if (this.#definition.facts.isSynced) this.#base.observe(this.#book.counters.of('base'), nowMs);
  }

  /** Slots that may go now, each marked as asked: reads first, then marks and what goes by force, then deletions. */
  select(limit: SelectLimit, at: Observation): SlotKey[] {
    const pace = this.#paceWindow(at.nowMs);
    this.#limits = { perDaemonSet: limit.window, overAll: limit.overAll ?? Number.POSITIVE_INFINITY, pace };
    if (!this.#definition.facts.isSynced) return [];
    const selected: SlotKey[] = [];
    const { observesDue } = this.#book;
    for (let slot = observesDue.peek(); slot !== undefined; slot = observesDue.peek()) {
      if (selected.length >= limit.count) return selected;
      if (slot.ask !== undefined) slot.ask.phase = 'observe-asked';
      this.#book.refresh(slot, at);
      selected.push(slot.key);
    }
    if (this.#definition.blocked() !== undefined) return selected;
    const isRefilling = this.#isRefillDue(at.nowMs);
    while (selected.length < limit.count) {
      const slot = this.#next(isRefilling, at.nowMs);
      if (slot === undefined) break;
      this.#ask(slot, at);
      selected.push(slot.key);
    }
    this.#noteHeldBack(at.nowMs);
    return selected;
  }

  /** How much of the budget is in use. */
  use(): BudgetUse {
    const { counters } = this.#book;
    const { policy } = this.#definition;
    return {
      allowed: policy === undefined ? 0 : allowedUnavailable(policy.maxUnavailable, this.#base.of(counters.of('base'))),
      unavailable: counters.of('unavailable'),
      reserved: counters.of('reserved'),
      inFlight: counters.of('inFlight'),
      failed: counters.of('failed'),
      occupied: counters.of('occupied'),
    };
  }

  /** Whether what was asked of the slot may still leave: things may have got worse since. */
  mayLeave(slot: Slot, action: Task['action']): boolean {
    if (action === 'observe') return true;
    if (this.#definition.blocked() !== undefined) return false;
    // What was put off comes back by its own backoff, which would begin anew if it were taken back.
    if (action !== 'delete') return slot.ask?.setback !== undefined || this.#refusals.mayLeave(action, slot.key);
    return stillFits((slot.mask & BIT.available) !== 0 ? 'available' : 'unavailable', this.use());
  }

  /** What would be selected now, and what holds the others back. `told`: by whoever leads, if that is another process. */
  preview(nowMs: number, told: PlanLimits = {}): Preview {
    const { perDaemonSet, overAll, pace } = this.#limits;
    const { maxInFlightPerDaemonSet = perDaemonSet, maxInFlight = overAll, window = pace } = told;
    const limits = {
      perDaemonSet: Math.min(perDaemonSet, maxInFlightPerDaemonSet),
      overAll: Math.min(overAll, maxInFlight),
      pace: Math.min(pace, window),
    };
    const seen = this.#ledger(nowMs, limits);
    const tries = told.areDeletionsRefused === true ? { ...seen.tries, delete: 0 } : seen.tries;
    const seenAway = told.failed === undefined ? 0 : (this.#book.failures().get('node-not-ready') ?? 0);
    const use = told.failed === undefined ? seen : withFailed(seen, seenAway, told);
    return previewOf(this.#book.candidates, { ...seen, ...use, tries });
  }

  #ledger(nowMs: number, limits = this.#limits): Ledger {
    return { ...this.use(), ...limits, tries: this.#refusals.tries(nowMs) };
  }

  /** Deletions only when free places are given out. */
  #next(isRefilling: boolean, nowMs: number): Slot | undefined {
    const ledger = this.#ledger(nowMs);
    for (const queue of QUEUES) {
      if (queue === 'delete' && !isRefilling) continue;
      const head = headOf(this.#book.candidates, queue);
      if (head !== undefined && limiterOf(head.kind, ledger) === undefined) return head.slot;
    }
    return undefined;
  }

  /** Who waits for time alone to pass is looked at again then. */
  #noteHeldBack(nowMs: number): void {
    const ledger = this.#ledger(nowMs);
    for (const queue of QUEUES) {
      const head = headOf(this.#book.candidates, queue);
      const reason = head && limiterOf(head.kind, ledger)?.reason;
      if (head === undefined || reason === undefined) continue;
      if (reason === 'pace') this.#pace.onHeldBack(nowMs);
      if (reason === 'refusals') this.#refusals.onHeldBack(actionOf(head.kind));
    }
  }

  #isRefillDue(nowMs: number): boolean {
    const head = headOf(this.#book.candidates, 'delete');
    if (head === undefined) return false;
    const ledger = this.#ledger(nowMs);
    const places = { free: freePlaces(head.kind, ledger), size: Math.min(ledger.allowed, this.window) };
    return this.#refill.isDue(places, nowMs);
  }

  /** Infinity: it holds nothing back. Marks replace nothing, so to the pace nothing is in flight then. */
  #paceWindow(nowMs: number): number {
    const { policy, facts } = this.#definition;
    const { allowed: budget, inFlight } = this.use();
    if (policy === undefined || !facts.isSynced) return Number.POSITIVE_INFINITY;
    const isPaced = facts.strategy === 'AdvancedRollingUpdate';
    const { counters } = this.#book;
    const waiting = counters.of('candidateUnavailable') + counters.of('candidateAvailable');
    const counts = { inFlight, pending: counters.of('pending'), failed: counters.of('failed'), waiting };
    const use = { budget, ...(isPaced ? counts : NOTHING), nowMs };
    const size = this.#pace.window({ kind: policy.pace, hash: facts.target?.hash }, use);
    return isPaced && size < budget ? size : Number.POSITIVE_INFINITY;
  }

  #ask(slot: Slot, at: Observation): void {
    slot.ask = askFor(slot, at.facts, at.nowMs);
    this.#refusals.onAsked(slot.ask.action, slot.key, at.nowMs);
    if (slot.ask.action === 'delete') this.#pace.onDeparture(slot, at.nowMs);
    this.#book.refresh(slot, at);
  }
}

/**
 * As the leader has them, who may have seen nodes fail that whoever only looks takes for under way, or, where the node went
 * away, for none of its business.
 */
function withFailed(use: BudgetUse, seenAway: number, { failed = 0, failedAway = 0 }: PlanLimits): BudgetUse {
  const away = Math.max(0, failedAway - seenAway);
  const others = Math.max(0, failed - failedAway - (use.failed - seenAway));
  return {
    ...use,
    failed: use.failed + away + others,
    occupied: use.occupied + away + Math.max(0, others - use.inFlight),
    unavailable: use.unavailable + away + Math.max(0, others - use.inFlight),
    inFlight: Math.max(0, use.inFlight - others),
  };
}
