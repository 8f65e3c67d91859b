import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dispatcher, type DispatcherOptions } from '../../src/dispatch/dispatcher.ts';
import { laneOfSlot } from '../../src/dispatch/lane-router.ts';
import { daemonSetOfSlot, type SlotKey } from '../../src/protocol/slot.ts';
import { slotOf, taskOf } from './support/slots.ts';

function dispatcherOf(options: Partial<DispatcherOptions> = {}): Dispatcher {
  return new Dispatcher({ lanes: 2, batchMax: 64, laneInFlightMax: 128, qps: 0, burst: 0, ...options });
}

function take(dispatcher: Dispatcher, nowMs: number): SlotKey[] {
  return dispatcher.take((slot) => taskOf(slot), nowMs).flatMap(({ tasks }) => tasks.map(({ slot }) => slot));
}

const SLOT = slotOf('ds', 1);

test('dispatcher: many events while a slot is worked on → exactly one more run, after it', () => {
  const dispatcher = dispatcherOf();
  dispatcher.add(SLOT, 0);
  dispatcher.add(SLOT, 1);
  assert.deepEqual(take(dispatcher, 2), [SLOT]);
  for (let i = 0; i < 5; i++) dispatcher.add(SLOT, 3);
  assert.deepEqual(take(dispatcher, 4), []);
  assert.deepEqual(dispatcher.done(SLOT, 5), { lane: laneOfSlot(SLOT, 2), queueWaitMs: 2, workMs: 3 });
  assert.deepEqual(take(dispatcher, 6), [SLOT]);
  dispatcher.done(SLOT, 7);
  assert.deepEqual(take(dispatcher, 8), []);
  assert.equal(dispatcher.stats(8).adds, 2);
});

test('dispatcher: a slot that backs off → its lane goes on with others, and events do not shorten its wait', () => {
  const dispatcher = dispatcherOf({ lanes: 1, laneInFlightMax: 1 });
  const other = slotOf('ds', 2);
  dispatcher.add(SLOT, 0);
  take(dispatcher, 0);
  dispatcher.done(SLOT, 1);
  dispatcher.retry(SLOT, 2000, 1);
  dispatcher.add(SLOT, 2);
  dispatcher.add(other, 2);
  assert.deepEqual(take(dispatcher, 3), [other]);
  dispatcher.done(other, 4);
  assert.equal(dispatcher.nextWakeMs(4), 2001);
  assert.deepEqual(take(dispatcher, 2000), []);
  assert.deepEqual(take(dispatcher, 2001), [SLOT]);
});

test('dispatcher: retry before done → the same as after it', () => {
  const dispatcher = dispatcherOf();
  dispatcher.add(SLOT, 0);
  take(dispatcher, 0);
  dispatcher.add(SLOT, 1);
  dispatcher.retry(SLOT, 100, 1);
  dispatcher.done(SLOT, 2);
  assert.deepEqual(take(dispatcher, 100), []);
  assert.deepEqual(take(dispatcher, 101), [SLOT]);
});

test('dispatcher: failures again and again, then forget → the delay grows, then starts over', () => {
  const dispatcher = dispatcherOf({ random: () => 0 });
  const delays: number[] = [];
  for (let i = 0; i < 4; i++) {
    dispatcher.retry(SLOT, 0, 0);
    delays.push(dispatcher.nextWakeMs(0) ?? -1);
    if (i === 2) dispatcher.forget(SLOT);
  }
  assert.deepEqual(delays, [5, 10, 20, 5]);
});

test('dispatcher: a slot that resolves to nothing → dropped, and it costs no token', () => {
  const dispatcher = dispatcherOf({ lanes: 1, qps: 1, burst: 1 });
  const wanted = slotOf('ds', 2);
  dispatcher.add(SLOT, 0);
  dispatcher.add(wanted, 0);
  const batches = dispatcher.take((slot) => (slot === wanted ? taskOf(slot) : undefined), 0);
  assert.deepEqual(
    batches.map(({ tasks }) => tasks.map(({ slot }) => slot)),
    [[wanted]],
  );
  assert.equal(dispatcher.stats(0).dropped, 1);
});

test('dispatcher: cleared while a lane works on a slot → no further run; while it waits → none at all', () => {
  const dispatcher = dispatcherOf();
  dispatcher.add(SLOT, 0);
  take(dispatcher, 0);
  assert.deepEqual(dispatcher.clear(0), [], 'it is with a lane');
  dispatcher.add(SLOT, 1);
  assert.deepEqual(dispatcher.clear(1), [SLOT]);
  dispatcher.done(SLOT, 2);
  assert.deepEqual(take(dispatcher, 3), []);
  dispatcher.add(SLOT, 4);
  assert.deepEqual(dispatcher.clear(4), [SLOT]);
  dispatcher.retry(SLOT, 30_000, 5);
  assert.deepEqual(dispatcher.clear(30_004), [], 'its time has not come');
  assert.deepEqual(dispatcher.clear(30_005), [SLOT]);
  const { depth, delayed, backingOff } = dispatcher.load;
  assert.deepEqual({ depth, delayed, backingOff }, { depth: 0, delayed: 0, backingOff: 0 });
  assert.deepEqual(take(dispatcher, 1e6), []);
  assert.equal(dispatcher.nextWakeMs(1e6), undefined);
});

test('dispatcher: grown while everything runs → only the slots that move wait, and only for their old lane', () => {
  const dispatcher = dispatcherOf();
  const slots = Array.from({ length: 100 }, (_, i) => slotOf('ds', i));
  for (const slot of slots) dispatcher.add(slot, 0);
  assert.equal(take(dispatcher, 0).length, 100);
  dispatcher.resize(8, 1);
  const fresh = Array.from({ length: 50 }, (_, i) => slotOf('new', i));
  for (const slot of [...slots, ...fresh]) dispatcher.add(slot, 1);
  assert.deepEqual(new Set(take(dispatcher, 1)), new Set(fresh), 'what runs nowhere goes at once');
  const moving = slots.find((slot) => laneOfSlot(slot, 8) >= 2) as SlotKey;
  dispatcher.done(moving, 2);
  const [batch] = dispatcher.take((slot) => taskOf(slot), 2);
  assert.equal(batch?.lane, laneOfSlot(moving, 8));
  assert.deepEqual(
    batch?.tasks.map(({ slot }) => slot),
    [moving],
  );
});

test('dispatcher: tasks in all lanes are bounded → each lane has an equal share, another one after a resize', () => {
  const dispatcher = dispatcherOf({ lanes: 2, laneInFlightMax: 30, tasksInLanesMax: 40 });
  for (let i = 0; i < 500; i++) dispatcher.add(slotOf('ds', i), 0);
  const processing = (): number[] => dispatcher.stats(0).lanes.map((lane) => lane.processing);
  take(dispatcher, 0);
  assert.deepEqual(processing(), [20, 20]);
  dispatcher.resize(4, 0);
  take(dispatcher, 0);
  assert.deepEqual(processing(), [20, 20, 10, 10], 'what has more goes on with it and gets none');
  dispatcher.resize(1, 0);
  take(dispatcher, 0);
  assert.deepEqual(processing(), [30, 20, 10, 10], 'no lane has more than one lane may');
});

test('dispatcher: shrunk and grown again before a lane is done → that lane still owes what it has', () => {
  const dispatcher = dispatcherOf({ lanes: 4, laneInFlightMax: 2 });
  const onThird = Array.from({ length: 200 }, (_, i) => slotOf('ds', i)).filter((slot) => laneOfSlot(slot, 4) === 3);
  for (const slot of onThird) dispatcher.add(slot, 0);
  assert.equal(take(dispatcher, 0).length, 2);
  dispatcher.resize(2, 1);
  dispatcher.resize(4, 2);
  assert.deepEqual(take(dispatcher, 3), [], 'no room before its old work is done');
  assert.equal(dispatcher.laneLost(3, 4).length, 2);
  assert.equal(take(dispatcher, 5).length, 2);
});

test('dispatcher: a small DaemonSet behind a rollout of 10,000 → done within its fair share of the tokens', () => {
  const dispatcher = dispatcherOf({ lanes: 4, qps: 100, burst: 10, laneInFlightMax: 64 });
  for (let i = 0; i < 10_000; i++) dispatcher.add(slotOf('large', i), 0);
  for (let i = 0; i < 10; i++) dispatcher.add(slotOf('small', i), 0);
  let taken = 0;
  let small = 0;
  for (let nowMs = 0; small < 10; nowMs += 10) {
    for (const slot of take(dispatcher, nowMs)) {
      taken += 1;
      if (daemonSetOfSlot(slot) === 'shop/small') small += 1;
      dispatcher.done(slot, nowMs);
    }
    assert.ok(nowMs < 10_000, 'starved');
  }
  // Two DaemonSets take turns on each of four lanes; the lane with the most small slots has no more than all ten.
  assert.ok(taken <= 2 * 4 * 10 + 10, `${taken} were taken before the last small one`);
});

test('dispatcher: held → nothing goes; afterwards everything does', () => {
  const dispatcher = dispatcherOf();
  dispatcher.add(SLOT, 0);
  dispatcher.hold();
  assert.deepEqual(take(dispatcher, 500), []);
  assert.equal(dispatcher.nextWakeMs(500), undefined);
  dispatcher.release();
  assert.equal(dispatcher.nextWakeMs(500), 500);
  assert.deepEqual(take(dispatcher, 500), [SLOT]);
});

test('dispatcher: a lane that is being replaced → its slots wait for it, all others go on', () => {
  const dispatcher = dispatcherOf();
  const slots = Array.from({ length: 40 }, (_, i) => slotOf('ds', i));
  const onFirst = slots.filter((slot) => laneOfSlot(slot, 2) === 0);
  for (const slot of slots) dispatcher.add(slot, 0);
  take(dispatcher, 0);
  assert.deepEqual(new Set(dispatcher.laneLost(0, 10, 110)), new Set(onFirst));
  for (const slot of onFirst) dispatcher.add(slot, 10);
  const other = slots.find((slot) => laneOfSlot(slot, 2) === 1) as SlotKey;
  dispatcher.done(other, 10);
  dispatcher.add(other, 10);
  assert.deepEqual(take(dispatcher, 10), [other]);
  assert.equal(dispatcher.nextWakeMs(10), 110);
  assert.equal(take(dispatcher, 110).length, onFirst.length);
});

test('dispatcher: stats → ages of what runs and of what waits', () => {
  const dispatcher = dispatcherOf({ lanes: 1, laneInFlightMax: 2 });
  for (let i = 0; i < 4; i++) dispatcher.add(slotOf(`ds-${i % 2}`, i), i * 10);
  take(dispatcher, 100);
  dispatcher.retry(slotOf('ds-9', 9), 0, 100);
  const stats = dispatcher.stats(150);
  assert.equal(stats.depth, 2);
  assert.equal(stats.unfinishedWorkMs, 100);
  assert.equal(stats.longestRunningMs, 50);
  assert.equal(stats.oldestWaitMs, 130);
  assert.equal(stats.daemonSetsWaiting, 2);
  assert.equal(stats.delayed, 1);
  assert.equal(stats.retries, 1);
  assert.deepEqual(stats.lanes, [{ lane: 0, queued: 2, processing: 2, taken: 2 }]);
});

test('dispatcher: many runs at times with fractions → the unfinished work is exact after all of them, never below 0', () => {
  const dispatcher = dispatcherOf({ lanes: 1, laneInFlightMax: 3 });
  const slots = Array.from({ length: 3 }, (_, index) => slotOf('ds', index));
  let nowMs = 1_795_449_600_000;
  for (let round = 0; round < 500; round += 1) {
    for (const slot of slots) dispatcher.add(slot, nowMs);
    take(dispatcher, nowMs);
    assert.equal(dispatcher.stats(nowMs).unfinishedWorkMs, 0);
    nowMs += 0.3141;
    for (const slot of slots) dispatcher.done(slot, nowMs);
  }
  assert.equal(dispatcher.stats(nowMs).unfinishedWorkMs, 0);
});

test('dispatcher: done for a slot that no lane has → an assertion, because somebody counts twice', () => {
  assert.throws(() => dispatcherOf().done(SLOT, 0), { name: 'AssertionError' });
});
