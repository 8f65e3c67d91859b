import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../client/local-server.ts';
import { listBytes } from '../client/protobuf-encoder.ts';
import { Driver, failure, thing } from './reflector-machine-driver.ts';
import { answer, PODS, pod, setUp } from './reflector-setup.ts';

const LIST = 'list rv= limit=500 continue=';

test('trust 6: reflector: a fresh list is asked for while watching → at once, of what is committed; then the watch from there', () => {
  const driver = Driver.watching([thing('a', '1')], '10');
  assert.deepEqual(driver.give({ type: 'relist' }), [LIST]);
  assert.deepEqual(driver.page([thing('b', '11')], '20'), [
    'deleted a@1',
    'added b@11',
    'fresh',
    'watch rv=20 for 450 s',
  ]);
});

test('trust 6: reflector: a fresh list is asked for while a list is under way → that one is not fresh, the next one is', () => {
  const driver = new Driver();
  driver.give({ type: 'start' });
  assert.deepEqual(driver.give({ type: 'relist' }), []);
  assert.deepEqual(driver.page([], '10'), ['synced', LIST]);
  assert.deepEqual(driver.give({ type: 'relist' }), []);
  assert.deepEqual(driver.page([], '11'), [LIST]);
  assert.deepEqual(driver.page([], '12'), ['fresh', 'watch rv=12 for 450 s']);
});

test('trust 6: reflector: a fresh list fails → tried again when its time has come, and still of what is committed', () => {
  const driver = Driver.watching([], '10');
  driver.give({ type: 'relist' });
  assert.deepEqual(driver.give({ type: 'list-failed', failure: failure('forbidden') }), [
    'problem list forbidden 1200',
    'sleep 1200',
  ]);
  assert.deepEqual(driver.give({ type: 'woke' }), [LIST]);
  assert.deepEqual(driver.page([], '20'), ['fresh', 'watch rv=20 for 450 s']);
  driver.give({ type: 'watch-failed', failure: failure('gone') });
  assert.deepEqual(driver.give({ type: 'woke' }), ['list rv=20 limit=0 continue='], 'others may be of a cache again');
  assert.deepEqual(driver.page([], '30'), ['watch rv=30 for 450 s'], 'and are not fresh');
});

test('trust 6: reflector: a fresh list is asked for while a watch waits to be tried again → it is a list, when its time has come', () => {
  const driver = Driver.watching([], '10');
  driver.give({ type: 'watch-failed', failure: failure('too-many-requests', { retryAfterMs: 5000 }) });
  assert.deepEqual(driver.give({ type: 'relist' }), []);
  assert.deepEqual(driver.give({ type: 'woke' }), [LIST]);
});

test('trust 6: reflector: the pages of a fresh list expire → the whole of what is committed', () => {
  const driver = Driver.watching([], '10');
  driver.give({ type: 'relist' });
  driver.page([thing('a', '1')], '20', 'more');
  assert.deepEqual(driver.give({ type: 'list-failed', failure: failure('gone') }), [
    'problem list gone 0',
    'list rv= limit=0 continue=',
  ]);
  assert.deepEqual(driver.page([thing('a', '1')], '21'), ['added a@1', 'fresh', 'watch rv=21 for 450 s']);
});

test('trust 6: reflector shell: a fresh list is asked for while a watch is silent → it ends, one consistent list, a watch from there', async (t) => {
  let lists = 0;
  const setup = await setUp(
    t,
    PODS,
    (_query, response) => {
      lists += 1;
      answer(response, listBytes('PodList', { items: [pod(`of-list-${lists}`)], resourceVersion: `${lists}0` }));
    },
    { isFreshTold: true },
  );
  await eventually('watching', () => setup.watches.length === 1);
  setup.reflector.relist();
  await eventually('the first watch is over', () => setup.watches[0]?.destroyed === true);
  await eventually('watching again', () => setup.watches.length === 2);
  assert.deepEqual(setup.order, [
    'added of-list-1',
    'synced',
    'fresh',
    'deleted of-list-1',
    'added of-list-2',
    'fresh',
  ]);
  const requests = setup.server.requests.map((request) => request.replace(/^.*labelSelector=app%3Dagent&/, ''));
  assert.deepEqual(requests.slice(2), ['limit=500', 'resourceVersion=20&allowWatchBookmarks=true&timeoutSeconds=300']);
  assert.deepEqual(setup.problems, [], 'nothing went wrong');
});

test('trust 6: reflector shell: a fresh list is asked for while one is handed out → that one is not fresh', async (t) => {
  let lists = 0;
  const setup = await setUp(
    t,
    PODS,
    (_query, response) => {
      lists += 1;
      answer(response, listBytes('PodList', { items: [pod('a', `${lists}`)], resourceVersion: `${lists}0` }));
    },
    {
      isFreshTold: true,
      onDelta: (reflector) => {
        if (lists === 1) reflector.relist();
      },
    },
  );
  await eventually('watching', () => setup.watches.length === 1);
  assert.deepEqual(setup.order, ['added a', 'synced', 'fresh']);
  assert.equal(lists, 2);
});
