import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backoffMs } from '../../src/dispatch/backoff.ts';
import { Dispatcher } from '../../src/dispatch/dispatcher.ts';
import { laneOfSlot } from '../../src/dispatch/lane-router.ts';
import type { SlotKey } from '../../src/protocol/slot.ts';
import { slotOf, taskOf } from './support/slots.ts';

/** A step of an interleaving; numbers are reduced to what exists at that point. */
type Step =
  | { do: 'add' | 'forget' | 'done'; slot: number }
  | { do: 'clear' }
  | { do: 'retry'; slot: number; atLeastMs: number }
  | { do: 'take' }
  | { do: 'resize'; lanes: number }
  | { do: 'laneLost'; lane: number; closedMs: number }
  | { do: 'pass'; ms: number };

const SLOTS = Array.from({ length: 12 }, (_, i) => slotOf(`ds-${i % 3}`, i));
const BATCH_MAX = 3;
const LANE_IN_FLIGHT_MAX = 4;

const slotIndex = fc.nat({ max: SLOTS.length - 1 });
const steps = fc.array(
  fc.oneof<fc.WeightedArbitrary<Step>[]>(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), slot: slotIndex }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('done' as const), slot: slotIndex }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('retry' as const), slot: slotIndex, atLeastMs: fc.nat({ max: 50 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), slot: slotIndex }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('resize' as const), lanes: fc.integer({ min: 1, max: 5 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('laneLost' as const),
        lane: fc.nat({ max: 4 }),
        closedMs: fc.nat({ max: 20 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 30 }) }) },
  ),
  { maxLength: 120, size: 'max' },
);

/** What the dispatcher promises, in the plainest terms: no layers, everything found by searching. */
class Model {
  readonly dispatcher = new Dispatcher({
    lanes: 2,
    batchMax: BATCH_MAX,
    laneInFlightMax: LANE_IN_FLIGHT_MAX,
    qps: 0,
    burst: 0,
  });
  nowMs = 1000;
  lanes = 2;
  /** When each slot that needs work may go. */
  readonly pending = new Map<SlotKey, number>();
  readonly processing = new Map<SlotKey, number>();
  readonly failures = new Map<SlotKey, number>();
  readonly closedUntilMs = new Map<number, number>();

  apply(step: Step): void {
    const slot = 'slot' in step ? (SLOTS[step.slot] as SlotKey) : (SLOTS[0] as SlotKey);
    switch (step.do) {
      case 'add':
        this.#add(slot);
        break;
      case 'retry':
        this.#retry(slot, step.atLeastMs);
        break;
      case 'forget':
        this.failures.delete(slot);
        this.dispatcher.forget(slot);
        break;
      case 'clear':
        this.#clear();
        break;
      case 'done':
        this.#done([...this.processing.keys()][step.slot % Math.max(1, this.processing.size)]);
        break;
      case 'take':
        this.take();
        break;
      case 'resize':
        this.lanes = step.lanes;
        for (const lane of this.closedUntilMs.keys()) if (lane >= step.lanes) this.closedUntilMs.delete(lane);
        this.dispatcher.resize(step.lanes, this.nowMs);
        break;
      case 'laneLost':
        this.#laneLost(step.lane, step.closedMs);
        break;
      case 'pass':
        this.nowMs += step.ms;
        break;
    }
  }

  #add(slot: SlotKey): void {
    this.dispatcher.add(slot, this.nowMs);
    if (!this.pending.has(slot)) this.pending.set(slot, this.nowMs);
  }

  #clear(): void {
    const due = [...this.pending].filter(([, atMs]) => atMs <= this.nowMs).map(([slot]) => slot);
    assert.deepEqual(this.dispatcher.clear(this.nowMs).sort(), due.sort());
    for (const slot of due) {
      this.pending.delete(slot);
      this.failures.delete(slot);
    }
  }

  #retry(slot: SlotKey, atLeastMs: number): void {
    this.dispatcher.retry(slot, atLeastMs, this.nowMs);
    const failures = this.failures.get(slot) ?? 0;
    this.failures.set(slot, failures + 1);
    const delayMs = backoffMs({ failures, atLeastMs, random: 0 });
    assert.ok(delayMs >= atLeastMs);
    this.pending.set(slot, this.nowMs + delayMs);
  }

  #done(slot: SlotKey | undefined): void {
    if (slot === undefined) return;
    const lane = this.processing.get(slot);
    this.processing.delete(slot);
    const report = this.dispatcher.done(slot, this.nowMs);
    assert.equal(report.lane, lane, 'done reports the lane that took the slot');
    assert.ok(report.queueWaitMs >= 0 && report.workMs >= 0);
  }

  #laneLost(lane: number, closedMs: number): void {
    const lost = this.dispatcher.laneLost(lane, this.nowMs, this.nowMs + closedMs);
    const expected = [...this.processing].filter(([, on]) => on === lane).map(([slot]) => slot);
    assert.deepEqual(new Set(lost), new Set(expected), 'a lost lane names what it worked on');
    for (const slot of lost) this.processing.delete(slot);
    if (closedMs > 0) this.closedUntilMs.set(lane, this.nowMs + closedMs);
  }

  take(): void {
    for (const { lane, tasks } of this.dispatcher.take((slot) => taskOf(slot), this.nowMs)) {
      assert.ok(lane < this.lanes, 'work goes to lanes that are there');
      assert.ok(tasks.length >= 1 && tasks.length <= BATCH_MAX, 'batches are bounded');
      assert.ok((this.closedUntilMs.get(lane) ?? 0) <= this.nowMs, 'a lane that is being replaced gets nothing');
      for (const { slot } of tasks) {
        assert.ok(!this.processing.has(slot), 'never on two lanes at once');
        assert.ok((this.pending.get(slot) ?? Infinity) <= this.nowMs, 'only what was asked for, and not early');
        assert.equal(lane, laneOfSlot(slot, this.lanes), 'a slot goes to its lane');
        this.pending.delete(slot);
        this.processing.set(slot, lane);
      }
      assert.ok(this.#busy(lane) <= LANE_IN_FLIGHT_MAX, 'a lane has no more than it may have');
    }
    for (const slot of this.takeable()) assert.fail(`${slot} could go and did not`);
  }

  /** Nothing but its own run, its own time and the room of its own lane may hold a slot back. */
  takeable(): SlotKey[] {
    return [...this.pending]
      .filter(([slot, readyAtMs]) => readyAtMs <= this.nowMs && !this.processing.has(slot))
      .map(([slot]) => slot)
      .filter((slot) => this.#busy(laneOfSlot(slot, this.lanes)) < LANE_IN_FLIGHT_MAX)
      .filter((slot) => (this.closedUntilMs.get(laneOfSlot(slot, this.lanes)) ?? 0) <= this.nowMs);
  }

  #busy(lane: number): number {
    return [...this.processing.values()].filter((on) => on === lane).length;
  }

  checkStats(): void {
    const stats = this.dispatcher.stats(this.nowMs);
    assert.equal(stats.processing, this.processing.size);
    assert.equal(
      stats.lanes.reduce((sum, lane) => sum + lane.processing, 0),
      this.processing.size,
    );
    const dirtyAndRunning = [...this.pending.keys()].filter((slot) => this.processing.has(slot)).length;
    const waiting = stats.depth + stats.delayed;
    assert.ok(waiting <= this.pending.size && waiting >= this.pending.size - dirtyAndRunning, 'no slot is lost');
  }

  /** Ends everything, following the dispatcher's own wake-ups: if one is missing, work is left behind. */
  drain(): void {
    for (let round = 0; round < 1000; round++) {
      this.take();
      for (const slot of [...this.processing.keys()]) this.#done(slot);
      const wakeMs = this.dispatcher.nextWakeMs(this.nowMs);
      if (wakeMs === undefined) return;
      assert.ok(wakeMs >= this.nowMs);
      this.nowMs = wakeMs;
    }
    assert.fail('does not come to rest');
  }
}

test('dispatcher: any interleaving → one lane a slot, one run a request, nothing lost, nobody held back by others', () => {
  fc.assert(
    fc.property(steps, (interleaving) => {
      const model = new Model();
      for (const step of interleaving) {
        model.apply(step);
        model.checkStats();
        const wakeMs = model.dispatcher.nextWakeMs(model.nowMs);
        if (model.takeable().length > 0) assert.equal(wakeMs, model.nowMs, 'it wakes up for what could go');
      }
      model.drain();
      assert.equal(model.pending.size, 0, 'every request ran');
      const stats = model.dispatcher.stats(model.nowMs);
      assert.deepEqual([stats.depth, stats.processing, stats.delayed, stats.unfinishedWorkMs], [0, 0, 0, 0]);
    }),
    { numRuns: 1500 },
  );
});

test('dispatcher: any load under a rate limit → never more than burst + qps × time, and all of it in the end', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 150 }),
      (qps, burst, lanes, count) => {
        const dispatcher = new Dispatcher({ lanes, batchMax: 7, laneInFlightMax: 9, qps, burst });
        for (let i = 0; i < count; i++) dispatcher.add(slotOf(`ds-${i % 4}`, i), 0);
        let taken = 0;
        let nowMs = 0;
        for (;;) {
          for (const { tasks } of dispatcher.take((slot) => taskOf(slot), nowMs)) {
            taken += tasks.length;
            for (const { slot } of tasks) dispatcher.done(slot, nowMs);
          }
          assert.ok(taken <= burst + (qps * nowMs) / 1000 + 1e-6, `${taken} after ${nowMs} ms`);
          const wakeMs = dispatcher.nextWakeMs(nowMs);
          if (wakeMs === undefined) break;
          nowMs = wakeMs;
        }
        assert.equal(taken, count);
        // A wake-up is up to 2 ms late, and with a burst of 1 that time is lost.
        assert.ok(nowMs <= (count / qps) * 1000 + 2 * count, `done after ${nowMs} ms`);
      },
    ),
    { numRuns: 200 },
  );
});
