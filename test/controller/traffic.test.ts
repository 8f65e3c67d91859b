import assert from 'node:assert/strict';
import { test } from 'node:test';
import { T0 } from '../rollout/records.ts';
import { nodesOf, optedIn, World } from './world.ts';

test('controller: not the leader → reads and counts, sends nothing; leading → sends', () => {
  const world = new World(4);
  const key = world.add(optedIn('agent', '2'));
  assert.deepEqual(world.pump(), []);
  assert.equal(world.counts(key).waiting, 4);
  assert.equal(world.controller.nextWakeMs(world.nowMs), undefined);
  world.lead();
  assert.equal(world.pump().length, 2);
  assert.equal(world.ports.batches[0]?.writeUntilMs, Number.POSITIVE_INFINITY);
});

test('controller: the lease runs out → nothing is sent from then on; renewed → it goes on', () => {
  const world = new World(4);
  world.lead(T0 + 1000);
  world.add(optedIn('agent', '1'));
  const [first] = world.pump(999);
  assert.ok(first);
  assert.equal(world.ports.batches[0]?.writeUntilMs, T0 + 1000);
  world.replace(first);
  assert.deepEqual(world.pump(1), [], 'at writeUntilMs it is over');
  world.lead(T0 + 5000);
  assert.equal(world.pump().length, 1);
  assert.equal(world.ports.batches.at(-1)?.writeUntilMs, T0 + 5000);
});

test('trust 18: the wall clock is past the lease → nothing is sent, and nothing wakes it, until it is renewed', () => {
  const world = new World(4);
  world.lead(T0 + 10_000, 50_000);
  world.add(optedIn('agent', '2'));
  assert.deepEqual(world.pump(1, 50_000), [], 'the wall clock is past it');
  assert.equal(world.controller.nextWakeMs(world.nowMs), undefined);
  assert.deepEqual(world.pump(1, 40_000), [], 'a clock that is set back gives nothing back');
  world.lead(T0 + 20_000, 70_000);
  assert.equal(world.pump(1, 60_000).length, 2);
  assert.equal(world.ports.batches[0]?.writeUntilWallMs, 70_000);
});

test('controller: leadership lost with slots asked for → they are not sent; leading again → each once', () => {
  const world = new World(8, { lanes: 1, batchMax: 2, laneInFlightMax: 2 });
  world.lead();
  world.add(optedIn('agent', '8'));
  const first = world.pump();
  assert.equal(first.length, 2, 'the lane has room for two');
  world.standBy();
  for (const task of first) world.replace(task);
  assert.deepEqual(world.pump(10), []);
  world.lead();
  const order = world.finish();
  assert.equal(new Set([...order, ...nodesOf(first)]).size, 8);
  assert.equal(order.length, 6, 'nothing twice');
});

test('controller: an outcome while standing by → settled, not retried before it leads again', () => {
  const world = new World(1);
  world.lead();
  world.add(optedIn('agent', '1'));
  const [task] = world.pump();
  assert.ok(task);
  world.standBy();
  world.answer(task, 'fenced');
  assert.deepEqual(world.pump(60_000), []);
  world.lead();
  assert.deepEqual(nodesOf(world.pump(1)), ['n1']);
});

test('controller: a write is refused for now → again after Retry-After, while others go on', () => {
  const world = new World(3);
  world.lead();
  world.add(optedIn('agent', '2'));
  const [first, second] = world.pump();
  assert.ok(first && second);
  world.answer(first, 'throttled', { httpStatus: 429, retryAfterMs: 2000 });
  world.replace(second);
  assert.deepEqual(nodesOf(world.pump(1)), ['n3']);
  assert.deepEqual(world.pump(1998), []);
  const wakeMs = world.controller.nextWakeMs(world.nowMs);
  assert.ok(wakeMs !== undefined && wakeMs <= T0 + 2000, 'it asks to be woken for the retry');
  assert.deepEqual(nodesOf(world.pump(1)), nodesOf([first]));
});

test('controller: a write is forbidden → said with the verb and resource, and tried again later and later', () => {
  const world = new World(1);
  world.lead();
  world.add(optedIn('agent', '1'));
  const delays: number[] = [];
  let lastMs = world.nowMs;
  let [task] = world.pump();
  for (let round = 0; round < 4; round++) {
    assert.ok(task);
    world.answer(task, 'forbidden', { httpStatus: 403, message: 'cannot delete resource "pods"' });
    const wakeMs = world.controller.nextWakeMs(world.nowMs);
    assert.ok(wakeMs !== undefined);
    [task] = world.pump(wakeMs - world.nowMs);
    delays.push(world.nowMs - lastMs);
    lastMs = world.nowMs;
  }
  assert.deepEqual(delays, [1000, 2000, 4000, 8000]);
  assert.match(world.ports.events.find(({ reason }) => reason === 'WriteForbidden')?.message ?? '', /cannot delete/);
});

test('controller: the credentials of a write are refused → tried again, and no event about the DaemonSet', () => {
  const world = new World(1);
  world.lead();
  world.add(optedIn('agent', '1'));
  const [task] = world.pump();
  assert.ok(task);
  world.answer(task, 'forbidden', { httpStatus: 401, message: 'Unauthorized' });
  assert.deepEqual(world.pump(5), [task]);
  assert.deepEqual(world.ports.reasons(), ['RolloutStarted']);
});

test('controller: a lane is lost → its tasks are unknown, not sent again, and settled by what the watch shows', () => {
  const world = new World(6, { lanes: 2 });
  world.lead();
  const key = world.add(optedIn('agent', '6'));
  const sent = world.pump();
  assert.equal(sent.length, 6);
  const lane = world.held[0]?.lane ?? 0;
  const lost = world.loseLane(lane);
  assert.ok(lost.length > 0 && lost.length < 6);
  assert.deepEqual(
    world.ports.ended.map(({ code }) => code),
    lost.map(() => 'unknown'),
  );
  assert.deepEqual(world.pump(1000), [], 'they may have been applied');
  for (const { task } of [...world.held]) world.replace(task);
  const [first, ...others] = lost;
  assert.ok(first);
  world.deletePod(first);
  world.createPod(key, first.slot.split('/')[2] ?? '', 'new', { readyChangedAtMs: world.nowMs });
  assert.deepEqual(world.pump(1), []);
  // The watch tells nothing about the others, so after a while their pods are read.
  const reads = world.pump(30_000);
  assert.deepEqual(nodesOf(reads), nodesOf(others));
  assert.ok(reads.every(({ action }) => action === 'observe'));
  for (const read of reads) world.answer(read, 'done');
  const again = world.pump(10);
  assert.deepEqual(nodesOf(again), nodesOf(others), 'they were not applied, so they are sent again');
  assert.ok(again.every(({ action }) => action === 'delete'));
  for (const task of again) world.replace(task);
  world.pump();
  assert.equal(world.counts(key).settled, 6);
});

test('controller: a lost lane answers after all → the answer changes nothing', () => {
  const world = new World(1, { lanes: 1 });
  world.lead();
  const key = world.add(optedIn('agent', '1'));
  const [task] = world.pump();
  assert.ok(task);
  world.loseLane(0);
  const ended = world.ports.ended.length;
  world.held.push({ lane: 0, task });
  world.answer(task, 'done');
  assert.equal(world.ports.ended.length, ended);
  assert.equal(world.counts(key).inFlight, 1);
});

test('controller: resized in the middle → no slot is in two lanes, all are done', () => {
  const world = new World(60, { lanes: 4, laneInFlightMax: 4 });
  world.lead();
  world.add(optedIn('agent', '100%'));
  const open = new Map<string, number>();
  const lanes = [4, 7, 2, 1, 8, 3];
  let rounds = 0;
  for (world.pump(); world.held.length > 0; world.pump(1)) {
    open.clear();
    for (const { task } of world.held) open.set(task.slot, (open.get(task.slot) ?? 0) + 1);
    assert.deepEqual(Math.max(...open.values()), 1);
    world.controller.resize(lanes[rounds % lanes.length] ?? 1, world.nowMs);
    const oldest = world.held.slice(0, 3);
    for (const { task } of oldest) world.replace(task);
    rounds += 1;
  }
  assert.equal(world.ports.ended.length, 60);
});

test('controller: drained → nothing new; it is busy until the lanes have answered', () => {
  const world = new World(4);
  world.lead();
  const key = world.add(optedIn('agent', '2'));
  const sent = world.pump();
  assert.equal(sent.length, 2);
  world.controller.drain();
  for (const task of sent) {
    assert.equal(world.controller.isBusy, true);
    world.replace(task);
  }
  assert.equal(world.controller.isBusy, false);
  assert.deepEqual(world.pump(60_000), []);
  world.lead(T0 + 1e9);
  assert.deepEqual(world.pump(1), [], 'not even when the lease is renewed');
  assert.equal(world.counts(key).inFlight, 0, 'nothing is asked for either');
});

test('controller: the lease is lost → what has not left is given back, a Retry-After is kept; answers of what has left are taken', () => {
  const world = new World(8, { lanes: 1, laneInFlightMax: 2, batchMax: 2 });
  world.lead();
  const agent = world.add(optedIn('agent', '4'));
  const [first, second] = world.pump();
  assert.ok(first !== undefined && second !== undefined);
  assert.equal(world.counts(agent).inFlight, 4, 'two with a lane, two wait for it');
  world.standBy();
  world.pump();
  assert.equal(world.counts(agent).inFlight, 2);
  world.answer(first, 'throttled', { httpStatus: 429, retryAfterMs: 30_000 });
  world.replace(second);
  world.pump(29_000);
  assert.equal(world.controller.dispatcher.load.delayed, 1);
  world.pump(1000);
  const { depth, delayed, backingOff, processing } = world.controller.dispatcher.load;
  assert.deepEqual({ depth, delayed, backingOff, processing }, { depth: 0, delayed: 0, backingOff: 0, processing: 0 });
  const { inFlight, updated } = world.counts(agent);
  assert.deepEqual({ inFlight, updated }, { inFlight: 0, updated: 1 });
  world.lead();
  assert.equal(world.finish().length, 7, 'it goes on as if nothing had been asked');
});

test('controller: the lease is lost, and a DaemonSet opts out → nothing is kept of it', () => {
  const world = new World(6, { lanes: 1, laneInFlightMax: 1, batchMax: 1 });
  world.lead();
  world.add(optedIn('agent', '3'));
  world.pump();
  world.standBy();
  world.apply(optedIn('agent', '3', { annotations: {} }));
  world.pump();
  assert.equal(world.controller.dispatcher.load.depth, 0);
});
