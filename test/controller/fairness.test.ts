import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budget } from '../rollout/records.ts';
import { daemonSetsOf, optedIn, World } from './world.ts';

const OTA = { 'apps.openyurt.io/update-strategy': 'OTA' };

test('controller: a limit over all DaemonSets → never exceeded, and shared', () => {
  const world = new World(30, { maxInFlight: 4 });
  world.lead();
  const keys = [world.add(optedIn('one', '30')), world.add(optedIn('two', '30')), world.add(optedIn('three', '30'))];
  const most = new Map<string, number>();
  let replaced = 0;
  for (world.pump(); world.held.length > 0; world.pump(1)) {
    assert.ok(world.held.length <= 4);
    const [first] = world.held;
    if (first === undefined) break;
    world.replace(first.task);
    replaced += 1;
    if (replaced === 30) for (const key of keys) most.set(key, world.counts(key).updated);
  }
  assert.equal(replaced, 90);
  for (const [key, updated] of most) assert.ok(updated >= 7, `${key} has had ${updated} of 30 turns`);
});

test('controller: a limit of one over two DaemonSets, whatever happens in between → they take turns', () => {
  for (let pumps = 1; pumps <= 4; pumps++) {
    const world = new World(10, { maxInFlight: 1 });
    world.lead();
    const keys = [world.add(optedIn('one', '10')), world.add(optedIn('two', '10'))];
    world.pump();
    for (let turn = 0; turn < 10; turn++) {
      const [first] = world.held;
      assert.ok(first);
      world.replace(first.task);
      for (let i = 0; i < pumps; i++) world.pump(1);
    }
    const updated = keys.map((key) => world.counts(key).updated);
    assert.ok(Math.min(...updated) >= 4, `with ${pumps} pumps a turn: ${updated}`);
  }
});

test('controller: marks → count against no limit, and take nothing away', () => {
  const world = new World(20, { maxInFlight: 1, maxInFlightPerDaemonSet: 1 });
  world.lead();
  world.add(optedIn('agent', '1', { annotations: OTA }));
  const sent = world.pump();
  assert.equal(sent.length, 20);
  assert.ok(sent.every((task) => task.action === 'mark' && task.needsUpgrade && task.hash === 'new'));
});

test('controller: marks on their way → take no place of a limit over all DaemonSets', () => {
  const world = new World(10, { maxInFlight: 2 });
  world.lead();
  world.add(optedIn('marked', '1', { annotations: OTA }));
  assert.equal(world.pump().length, 10);
  world.add(optedIn('deleted', '10'));
  assert.deepEqual(daemonSetsOf(world.pump(1)), { 'kube-system/deleted': 2 });
});

test('controller: a DaemonSet comes to a limit that another has used up → gets what is free until both have as many', () => {
  const world = new World(20, { maxInFlight: 4 });
  world.lead();
  world.add(optedIn('one', '20'));
  assert.equal(world.pump().length, 4);
  world.add(optedIn('two', '20'));
  for (let turn = 0; turn < 2; turn++) {
    const [oldest] = world.held;
    assert.ok(oldest);
    world.replace(oldest.task);
    assert.deepEqual(daemonSetsOf(world.pump(1)), { 'kube-system/two': 1 });
  }
});

test('controller: 10 nodes next to 10,000 → the small one is served as if it were alone', () => {
  const world = new World(10_000, { lanes: 2, laneInFlightMax: 8, batchMax: 4, maxInFlightPerDaemonSet: 10_000 });
  world.lead();
  world.add(optedIn('large', '100%', { annotations: OTA }));
  // Its slots are looked at a part at a time.
  while (world.held.length === 0) for (const task of world.pump()) assert.match(task.slot, /large/);
  const small = optedIn('small', '100%', { annotations: OTA });
  world.add(small, 'old', 10);
  let served = 0;
  let answered = 0;
  while (served < 10) {
    const [first] = world.held;
    assert.ok(first);
    world.answer(first.task, 'done');
    answered += 1;
    served += daemonSetsOf(world.pump(1))['kube-system/small'] ?? 0;
    assert.ok(answered < 100, `${served} of 10 after ${answered} answers`);
  }
  // The lanes take turns between the two; one of them may get more of the ten than the other.
  assert.ok(answered <= 45, `${answered} answers until the small one was served`);
});

test('controller: the budget is raised in the middle → the difference goes at once', () => {
  const world = new World(10);
  world.lead();
  const record = optedIn('agent', '1');
  world.add(record);
  assert.equal(world.pump().length, 1);
  world.apply({ ...record, annotations: budget('4'), resourceVersion: '2' });
  assert.equal(world.pump(1).length, 3);
});
