import assert from 'node:assert/strict';
import { test } from 'node:test';
import { managed, untilNoted } from './managed-lanes.ts';

test('lanes: grow, then shrink → one thread after the other and each before its work, dispatcher first when shrinking', async (context) => {
  const { manager, notes } = managed(context, 2);
  await manager.start();
  await manager.set(4);
  await manager.set(1);
  const grown = ['pool 3', 'host 3', 'pause 312.5', 'pool 4', 'host 4', 'resized: set'];
  assert.deepEqual(notes, ['pool 2', ...grown, 'host 1', 'pool 1', 'resized: set']);
  assert.deepEqual(manager.state, { setting: 1, wanted: 1, actual: 1, reason: 'set' });
});

test('lanes: many more → all pauses together are no longer than 10 s', async (context) => {
  const { manager, notes } = managed(context, 2, 0.5);
  await manager.start();
  await manager.set(22);
  assert.deepEqual(
    notes.filter((note) => note.startsWith('pause')),
    Array(19).fill('pause 500'),
  );
});

test('lanes: fewer → what was last seen of those that go is no longer told, even before the next look', async (context) => {
  const { manager, sample } = managed(context, 3);
  await manager.start();
  await sample();
  assert.equal(manager.latestStats.length, 3);
  await manager.set(1);
  await manager.set(2);
  assert.deepEqual(
    manager.latestStats.map(({ lane }) => lane),
    [0],
  );
});

test('lanes: the same number again → nothing is resized or logged', async (context) => {
  const { manager, notes, logs } = managed(context, 2);
  await manager.start();
  await manager.set(2);
  assert.deepEqual(notes, ['pool 2']);
  assert.deepEqual(logs, []);
});

test('lanes: several numbers at once → the last one holds', async (context) => {
  const { manager } = managed(context, 2);
  await manager.start();
  await Promise.all([manager.set(8), manager.set(3), manager.set(5)]);
  assert.equal(manager.state.actual, 5);
});

test('lanes: a number that is taken back before anything has changed → no resize is told', async (context) => {
  const { manager, notes, logs, world } = managed(context, 2);
  await manager.start();
  world.lastLane = 2;
  const growing = manager.set(3);
  await untilNoted(notes, 'pool 3');
  await manager.set(2);
  await growing;
  assert.deepEqual(notes, ['pool 2', 'pool 3', 'pool 2']);
  assert.deepEqual(logs, []);
});

test('lanes: a new lane never answers → not counted, gets no work, not logged as done; another number is reached all the same', async (context) => {
  const { manager, world, notes, logs } = managed(context, 2);
  await manager.start();
  world.lastLane = 3;
  const grown = manager.set(5);
  await untilNoted(notes, 'pool 4');
  assert.deepEqual(manager.state, { setting: 5, wanted: 5, actual: 3, reason: 'set' });
  assert.equal(notes.includes('host 4'), false);
  assert.equal(logs.length, 0);
  await manager.set(1);
  await grown;
  assert.deepEqual(notes.slice(-3), ['host 1', 'pool 1', 'resized: set']);
  assert.deepEqual(manager.state, { setting: 1, wanted: 1, actual: 1, reason: 'set' });
  assert.deepEqual(
    logs.map(({ message, fields }) => [message, fields.from, fields.to]),
    [['worker threads resized', 2, 1]],
  );
});

test('lanes: a new lane never answers, and more are wanted → still waited for; stopped → nobody waits', async (context) => {
  const { manager, world, notes } = managed(context, 2);
  await manager.start();
  world.lastLane = 2;
  const grown = manager.set(3);
  await untilNoted(notes, 'pool 3');
  const grownMore = manager.set(4);
  await untilNoted(notes, 'pool 3', 2);
  manager.stop();
  await Promise.all([grown, grownMore]);
  assert.equal(notes.includes('host 3'), false);
});

test('lanes: a resize fails → logged and counted, never thrown, and the next one is tried', async (context) => {
  const { manager, world, notes, logs } = managed(context, 2);
  await manager.start();
  world.problem = 'planted';
  await manager.set(3);
  assert.equal(notes.at(-1), 'resize failed');
  assert.deepEqual(logs, [
    { level: 'error', message: 'worker threads not resized', fields: { from: 2, to: 3, detail: 'Error: planted' } },
  ]);
  delete world.problem;
  await manager.set(4);
  assert.deepEqual(notes.slice(-2), ['host 4', 'resized: set']);
});

test('lanes: more than CPUs → one warning, as long as it is so', async (context) => {
  const { manager, logs } = managed(context, 9, 8);
  await manager.start();
  await manager.set(10);
  const warnings = logs.filter(({ level }) => level === 'warn');
  assert.deepEqual(warnings, [
    { level: 'warn', message: 'more worker threads than CPUs', fields: { workers: 9, cpus: 8 } },
  ]);
});

test('lanes: a number that was set, and the CPUs become fewer → kept, with one warning', async (context) => {
  const { manager, world, sample, logs } = managed(context, 4);
  await manager.start();
  world.cpus = 2;
  await sample();
  world.cpus = 1;
  await sample();
  assert.equal(manager.state.actual, 4);
  const warnings = logs.filter(({ level }) => level === 'warn').map(({ fields }) => fields);
  assert.deepEqual(warnings, [{ workers: 4, cpus: 2 }]);
});

test('lanes: stopped → no sample resizes any more', async (context) => {
  const { manager, world, sample, notes } = managed(context, 'auto');
  await manager.start();
  manager.stop();
  world.nodeCount = 50_000;
  await sample();
  await manager.set(7);
  assert.deepEqual(notes, ['pool 2']);
});
