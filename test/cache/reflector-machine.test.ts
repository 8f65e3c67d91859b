import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Driver, thing } from './reflector-machine-driver.ts';

test('reflector: start → a consistent list in pages, then synced, then a watch from there', () => {
  const driver = new Driver();
  assert.deepEqual(driver.give({ type: 'start' }), ['list rv= limit=500 continue=']);
  assert.deepEqual(driver.page([thing('a', '1')], '10', 'p2'), ['list rv= limit=500 continue=p2']);
  assert.equal(driver.machine.isSynced, false);
  assert.deepEqual(driver.page([thing('b', '2')], '10'), [
    'added a@1, added b@2',
    'synced',
    'fresh',
    'watch rv=10 for 450 s',
  ]);
  assert.equal(driver.machine.isSynced, true);
});

test('reflector: asked to start from the cache of the API server → resourceVersion 0, as client-go', () => {
  assert.deepEqual(new Driver({ initialResourceVersion: '0' }).give({ type: 'start' }), [
    'list rv=0 limit=500 continue=',
  ]);
});

test('reflector: watch timeouts → between 5 and 10 minutes', () => {
  for (const random of [0, 0.999]) {
    const driver = new Driver({ random: () => random });
    driver.give({ type: 'start' });
    assert.deepEqual(driver.page([], '1'), ['synced', 'fresh', `watch rv=1 for ${random === 0 ? 300 : 599} s`]);
  }
});

test('reflector: events and bookmarks → deltas; a watch that ends is resumed from the last of them', () => {
  const driver = Driver.watching([thing('a', '1')], '10');
  assert.deepEqual(
    driver.events(
      { type: 'modified', object: thing('a', '11', { value: 1 }) },
      { type: 'added', object: thing('b', '12') },
      { type: 'deleted', object: thing('a', '13', { value: 1 }) },
    ),
    ['modified a@11, added b@12, deleted a@13'],
  );
  assert.deepEqual(driver.events({ type: 'bookmark', resourceVersion: '20' }), []);
  assert.deepEqual(driver.give({ type: 'watch-ended' }), ['watch rv=20 for 450 s']);
  assert.deepEqual(driver.names, ['b@12']);
});

test('reflector: a change that is in no field of the record → no delta, but the version is kept', () => {
  const driver = Driver.watching([thing('a', '1')], '10');
  assert.deepEqual(driver.events({ type: 'modified', object: thing('a', '11') }), []);
  assert.deepEqual(driver.names, ['a@11']);
  driver.nowMs += 5000;
  assert.deepEqual(driver.give({ type: 'watch-ended' }), ['watch rv=11 for 450 s']);
});

test('reflector: the same name with a new UID → deleted, then added', () => {
  const driver = Driver.watching([thing('a', '1')], '10');
  const recreated = thing('a', '12', { uid: 'new' });
  assert.deepEqual(driver.events({ type: 'modified', object: recreated }), ['deleted a@1, added a@12']);
});

test('reflector: answers to what was asked before, and anything after stop → ignored', () => {
  const driver = Driver.watching([], '10');
  const old = driver.request;
  driver.nowMs += 5000;
  driver.give({ type: 'watch-ended' });
  const late = driver.machine.handle(
    { type: 'events', request: old, events: [{ type: 'added', object: thing('late', '99') }] },
    driver.nowMs,
  );
  assert.deepEqual(late, []);
  assert.deepEqual(driver.names, []);
  driver.give({ type: 'stop' });
  for (const input of [{ type: 'watch-ended' }, { type: 'woke' }, { type: 'start' }] as const) {
    assert.deepEqual(driver.give(input), []);
  }
});

test('reflector: a list of 5,000 → handed out in slices, others may run in between; synced after the last', () => {
  const driver = new Driver();
  driver.give({ type: 'start' });
  const items = Array.from({ length: 5000 }, (_, i) => thing(`t${i}`, '1'));
  const first = driver.page(items, '10');
  assert.equal(first.at(-1), 'sleep 0');
  let turns = 1;
  for (let effects = first; effects.at(-1) === 'sleep 0'; turns++) effects = driver.give({ type: 'woke' });
  assert.equal(turns, 6);
  assert.equal(driver.machine.store.size, 5000);
  assert.equal(driver.machine.isSynced, true);
});
