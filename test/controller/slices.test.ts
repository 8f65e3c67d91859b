import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlotBook } from '../../src/rollout/slot-book.ts';
import { budget, node } from '../rollout/records.ts';
import { optedIn, World } from './world.ts';

const NODES = 5000;
const SLOTS = 400;
const LIMITS = { slotsATurn: SLOTS, maxInFlightPerDaemonSet: NODES };

/** How often slots were looked at while `act` ran. */
function looks(t: { mock: { method: typeof import('node:test').mock.method } }, act: () => void): number {
  const spy = t.mock.method(SlotBook.prototype, 'refresh');
  act();
  const count = spy.mock.callCount();
  spy.mock.restore();
  return count;
}

/** Pumps until nothing is left to be looked at; returns the most slots of one turn. */
function pumpAll(t: Parameters<typeof looks>[0], world: World): { readonly most: number; readonly turns: number } {
  let most = 0;
  let turns = 0;
  do {
    most = Math.max(
      most,
      looks(t, () => world.pump()),
    );
    turns += 1;
    assert.ok(turns < 3000, 'it comes to an end');
  } while (world.controller.isUnfinished);
  return { most, turns };
}

test('trust 22: 32 DaemonSets are new on 5,000 nodes → no turn looks at more slots than it may, nor does being told of one', (t) => {
  const world = new World(NODES, LIMITS);
  const follow = looks(t, () => {
    for (let index = 0; index < 32; index += 1) world.add(optedIn(`agent-${index}`, '10%'), 'old', 0);
  });
  assert.ok(follow <= SLOTS, `${follow} before the first turn`);
  const { most, turns } = pumpAll(t, world);
  // What is done for a slot once it was selected is not counted: nobody leads.
  assert.ok(most <= SLOTS, `${most} in one turn`);
  assert.ok(turns >= (32 * NODES) / SLOTS);
  for (const { rollout } of world.controller.followed()) assert.equal(rollout.counts().eligible, NODES);
});

for (const { what, change } of [
  {
    what: 'a policy',
    change: { annotations: budget('20%', { 'daemonpodupdater.io/progress-deadline-seconds': '60' }) },
  },
  { what: 'a placement', change: { generation: 2, observedGeneration: 2 } },
] as const) {
  test(`trust 22: ${what} changes on 5,000 nodes → nothing is selected before all slots were looked at, a part a turn`, (t) => {
    const world = new World(NODES, LIMITS);
    const record = optedIn('agent', '10%');
    const key = world.add(record);
    pumpAll(t, world);
    world.lead();
    const told = looks(t, () => world.apply({ ...record, ...change, resourceVersion: '2' }));
    assert.ok(told <= SLOTS, `${told} when it was told`);
    const first = looks(t, () => assert.deepEqual(world.pump(), []));
    assert.ok(first <= SLOTS, `${first} in the first turn`);
    assert.equal(world.controller.find(key)?.rollout.blocked()?.code, 'not-synced');
    while (world.controller.isUnfinished) world.pump();
    world.controller.onRevisionsRead(key);
    assert.ok(world.pump().length > 0 || world.held.length > 0);
  });
}

test('trust 22: nodes come, change and go while a new DaemonSet is told of them → each counts as it is, once', (t) => {
  const world = new World(NODES, LIMITS);
  const key = world.add(optedIn('agent', '10%'), 'new', 0);
  const names = Array.from({ length: NODES }, (_, index) => `n${String(index + 1).padStart(4, '0')}`);
  const told = (type: 'added' | 'modified' | 'deleted', name: string, changes = {}) =>
    world.controller.onNode({ type, object: node(name, { resourceVersion: '2', ...changes }) }, world.nowMs);
  world.pump();
  for (const name of names.slice(-10)) told('deleted', name);
  for (const name of names.slice(-30, -10)) told('modified', name, { isReady: false });
  for (const name of names.slice(0, 5)) told('modified', name, { isReady: false });
  told('added', 'late');
  told('deleted', names[1] ?? '');
  pumpAll(t, world);
  const { eligible, ready } = world.counts(key);
  assert.deepEqual({ eligible, ready }, { eligible: NODES - 10 + 1 - 1, ready: NODES - 10 - 20 - 5 + 1 });
  assert.equal(world.controller.find(key)?.rollout.sizes().slots, eligible);
});

test('trust 22: 5,000 marks at once → a part a turn, and all of them in the end', (t) => {
  const world = new World(NODES, { ...LIMITS, laneInFlightMax: NODES, batchMax: NODES });
  world.add(optedIn('agent', '10%', { annotations: { 'apps.openyurt.io/update-strategy': 'OTA' } }));
  pumpAll(t, world);
  world.lead();
  const sent: number[] = [];
  do sent.push(world.pump().length);
  while (world.controller.isUnfinished);
  assert.equal(
    sent.reduce((sum, count) => sum + count),
    NODES,
  );
  assert.ok(Math.max(...sent) <= 2000, `${Math.max(...sent)} in one turn`);
});
