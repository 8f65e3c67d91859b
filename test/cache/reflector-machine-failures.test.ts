import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiErrorOf } from '../../src/client/status-error.ts';
import { Driver, failure, thing } from './reflector-machine-driver.ts';

test('reflector: 410 in an ERROR event → the events before it count, then a list from the last version, not in pages', () => {
  const driver = Driver.watching([thing('a', '1'), thing('b', '2')], '10');
  const error = apiErrorOf({
    httpStatus: 410,
    body: Buffer.from('{"kind":"Status","reason":"Expired","code":410}'),
    retryAfterMs: 0,
    labels: { verb: 'watch', resource: 'things' },
  });
  assert.deepEqual(
    driver.events(
      { type: 'modified', object: thing('a', '11', { value: 1 }) },
      { type: 'error', error },
      { type: 'added', object: thing('ignored', '99') },
    ),
    ['modified a@11', 'problem watch gone 1200', 'sleep 1200'],
  );
  assert.deepEqual(driver.give({ type: 'woke' }), ['list rv=11 limit=0 continue=']);
  const relisted = [thing('a', '30', { value: 1 }), thing('c', '31'), thing('b', '32', { uid: 'other' })];
  assert.deepEqual(driver.page(relisted, '40'), ['added c@31, deleted b@2, added b@32', 'watch rv=40 for 450 s']);
});

test('reflector: 410 after an outage → a list at once, whatever the delays before; another one soon after → backs off', () => {
  const driver = Driver.watching([thing('a', '1')], '10');
  driver.nowMs += 600_000;
  for (let i = 0; i < 6; i++) {
    driver.give({ type: 'watch-failed', failure: failure('connection-refused') });
    driver.nowMs += 30_000;
    driver.give({ type: 'woke' });
  }
  assert.deepEqual(driver.give({ type: 'watch-failed', failure: failure('gone') }), [
    'problem watch gone 250',
    'sleep 250',
  ]);
  driver.nowMs += 250;
  assert.deepEqual(driver.give({ type: 'woke' }), ['list rv=10 limit=0 continue=']);
  driver.page([thing('a', '1')], '40');
  driver.nowMs += 29_000;
  assert.deepEqual(driver.give({ type: 'watch-failed', failure: failure('gone') }), [
    'problem watch gone 45000',
    'sleep 45000',
  ]);
});

test('reflector: 410 with Retry-After after an outage → waits that long', () => {
  const driver = Driver.watching([], '10');
  driver.nowMs += 600_000;
  const refusal = failure('gone', { httpStatus: 410, retryAfterMs: 3000 });
  assert.deepEqual(driver.give({ type: 'watch-failed', failure: refusal }), ['problem watch gone 3000', 'sleep 3000']);
});

test('reflector: objects that are missing in the relist → deleted, with their last known state', () => {
  const driver = Driver.watching([thing('a', '1'), thing('b', '2')], '10');
  driver.give({ type: 'watch-failed', failure: failure('gone', { httpStatus: 410 }) });
  driver.give({ type: 'woke' });
  assert.deepEqual(driver.page([thing('b', '2')], '40'), ['deleted a@1', 'watch rv=40 for 450 s']);
});

test('reflector: relist at a version that is gone or too new → at once from the newest, in pages', () => {
  for (const refusal of [failure('gone'), failure('timeout', { isVersionTooLarge: true, httpStatus: 504 })]) {
    const driver = Driver.watching([], '10');
    driver.give({ type: 'watch-failed', failure: failure('gone') });
    driver.give({ type: 'woke' });
    assert.deepEqual(driver.give({ type: 'list-failed', failure: refusal }), [
      `problem list ${refusal.code} 0`,
      'list rv= limit=500 continue=',
    ]);
    assert.deepEqual(driver.page([], '50'), ['fresh', 'watch rv=50 for 450 s']);
    driver.give({ type: 'watch-failed', failure: failure('gone') });
    assert.deepEqual(driver.give({ type: 'woke' }), ['list rv=50 limit=0 continue=']);
  }
});

test('reflector: a continue token expires → the whole list again, without pages; next time in pages', () => {
  const driver = new Driver();
  driver.give({ type: 'start' });
  driver.page([thing('a', '1')], '10', 'p2');
  assert.deepEqual(driver.give({ type: 'list-failed', failure: failure('gone') }), [
    'problem list gone 0',
    'list rv= limit=0 continue=',
  ]);
  assert.deepEqual(driver.page([thing('b', '2')], '11'), ['added b@2', 'synced', 'fresh', 'watch rv=11 for 450 s']);
});

test('reflector: 410 for everything → backs off instead of spinning', () => {
  const driver = new Driver();
  driver.give({ type: 'start' });
  const effects = driver.give({ type: 'list-failed', failure: failure('gone') });
  assert.deepEqual(effects, ['problem list gone 1200', 'sleep 1200']);
});

test('reflector: failures in a row → 0.8 s doubled to 30 s, times 1 to 2; 2 minutes without one → from the start', () => {
  const driver = new Driver({ random: () => 0 });
  driver.give({ type: 'start' });
  const delays = Array.from({ length: 8 }, () => {
    const effects = driver.give({ type: 'list-failed', failure: failure('connection-refused') });
    driver.nowMs += 30_000;
    driver.give({ type: 'woke' });
    return effects[1];
  });
  const expected = [800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000];
  assert.deepEqual(
    delays,
    expected.map((delay) => `sleep ${delay}`),
  );
  driver.nowMs += 91_000;
  assert.deepEqual(driver.give({ type: 'list-failed', failure: failure('unavailable') })[1], 'sleep 800');
});

test('reflector: 429 with Retry-After → waits at least that long', () => {
  const driver = Driver.watching([], '10');
  const refusal = failure('too-many-requests', { retryAfterMs: 7000, httpStatus: 429 });
  assert.deepEqual(driver.give({ type: 'watch-failed', failure: refusal }), [
    'problem watch too-many-requests 7000',
    'sleep 7000',
  ]);
  assert.deepEqual(driver.give({ type: 'woke' }), ['watch rv=10 for 450 s']);
});

test('reflector: watch refused for whatever reason → tried again from the same version, nothing is listed', () => {
  for (const code of [
    'connection-refused',
    'unauthorized',
    'forbidden',
    'internal',
    'unavailable',
    'tls',
    'dns',
  ] as const) {
    const driver = Driver.watching([thing('a', '1')], '10');
    assert.deepEqual(driver.give({ type: 'watch-failed', failure: failure(code) }), [
      `problem watch ${code} 1200`,
      'sleep 1200',
    ]);
    assert.deepEqual(driver.give({ type: 'woke' }), ['watch rv=10 for 450 s']);
    assert.deepEqual(driver.names, ['a@1']);
  }
});

test('reflector: a connection that breaks after it was useful → resumed at once; one that was not → after a while', () => {
  const driver = Driver.watching([], '10');
  driver.events({ type: 'bookmark', resourceVersion: '11' });
  assert.deepEqual(driver.give({ type: 'watch-failed', failure: failure('connection-lost') }), [
    'problem watch connection-lost 0',
    'watch rv=11 for 450 s',
  ]);
  assert.deepEqual(driver.give({ type: 'watch-failed', failure: failure('connection-lost') }), [
    'problem watch connection-lost 1200',
    'sleep 1200',
  ]);
});

test('reflector: a watch that ends at once without an event → after a while, or a proxy would be asked in a loop', () => {
  const driver = Driver.watching([], '10');
  driver.nowMs += 9999;
  assert.deepEqual(driver.give({ type: 'watch-ended' }), ['problem watch connection-lost 1200', 'sleep 1200']);
  driver.give({ type: 'woke' });
  driver.nowMs += 10_000;
  assert.deepEqual(driver.give({ type: 'watch-ended' }), ['watch rv=10 for 450 s']);
});

test('reflector: watches that are accepted late and end at once, for five minutes → asked less and less often, as when refused', () => {
  const driver = Driver.watching([], '10');
  const beganMs = driver.nowMs;
  let watches = 0;
  for (; driver.nowMs < beganMs + 300_000; watches++) {
    driver.nowMs += 1100;
    const effects = driver.give({ type: 'watch-ended' });
    const delay = /^sleep (\d+)$/.exec(effects.at(-1) ?? '');
    assert.ok(delay !== null, effects.join());
    driver.nowMs += Number(delay[1]);
    driver.give({ type: 'woke' });
  }
  assert.equal(watches, 11);
});

test('reflector: a watch that ends soon → at once if it came further, later if it said only what was known', () => {
  const driver = Driver.watching([], '10');
  driver.events({ type: 'bookmark', resourceVersion: '10' }, { type: 'skipped', message: 'no name', isDeleted: false });
  assert.deepEqual(driver.give({ type: 'watch-ended' }), ['problem watch connection-lost 1200', 'sleep 1200']);
  driver.give({ type: 'woke' });
  driver.events({ type: 'bookmark', resourceVersion: '11' });
  assert.deepEqual(driver.give({ type: 'watch-ended' }), ['watch rv=11 for 450 s']);
});

test('reflector: a garbled frame → the watch again from the last good version; three in a row → a list', () => {
  const driver = Driver.watching([], '10');
  driver.events({ type: 'added', object: thing('a', '12') });
  for (let i = 0; i < 2; i++) {
    const effects = driver.give({ type: 'watch-failed', failure: failure('malformed') });
    assert.match(effects[0] ?? '', /problem watch malformed/);
    assert.deepEqual(driver.give({ type: 'woke' }), ['watch rv=12 for 450 s']);
  }
  driver.give({ type: 'watch-failed', failure: failure('malformed') });
  assert.deepEqual(driver.give({ type: 'woke' }), ['list rv=12 limit=0 continue=']);
});

test('reflector: a garbled list → the list again', () => {
  const driver = new Driver();
  driver.give({ type: 'start' });
  driver.give({ type: 'list-failed', failure: failure('malformed') });
  assert.deepEqual(driver.give({ type: 'woke' }), ['list rv= limit=500 continue=']);
  assert.deepEqual(driver.page([], ''), ['problem list malformed 2400', 'sleep 2400']);
});

test('reflector: an object that makes no sense → reported, everything else goes on', () => {
  const driver = Driver.watching([thing('a', '1')], '10');
  assert.deepEqual(
    driver.events(
      { type: 'skipped', message: 'no name', isDeleted: false },
      { type: 'added', object: thing('b', '12') },
    ),
    ['added b@12', 'problem object malformed 0'],
  );
});

test('reflector: a watch that falls silent → asked again at once from the same version, and that is no problem', () => {
  const driver = Driver.watching([thing('a', '1')], '10');
  driver.nowMs += 90_000;
  assert.deepEqual(driver.give({ type: 'watch-failed', failure: failure('silent') }), ['watch rv=10 for 450 s']);
  driver.nowMs += 90_000;
  assert.deepEqual(driver.give({ type: 'watch-failed', failure: failure('timeout') }), [
    'problem watch timeout 0',
    'watch rv=10 for 450 s',
  ]);
});

test('reflector: an object whose change cannot be used, and of which nothing is known any more → told as gone; usable again → as new', () => {
  const driver = Driver.watching([thing('a', '10'), thing('b', '11')], '12');
  const change = {
    type: 'skipped',
    message: 'a: too large',
    isDeleted: false,
    object: { namespace: 'ns', name: 'a' },
  } as const;
  assert.deepEqual(driver.events(change), ['deleted a@10', 'problem object malformed 0']);
  assert.deepEqual(driver.events(change), ['problem object malformed 0']);
  assert.deepEqual(driver.events({ type: 'modified', object: thing('a', '14') }), ['added a@14']);
});

test('reflector: a page too large to be read → smaller and smaller pages, and they stay small', () => {
  const driver = new Driver();
  driver.give({ type: 'start' });
  const limits = Array.from({ length: 4 }, () => {
    driver.give({ type: 'list-failed', failure: failure('too-large') });
    return driver.give({ type: 'woke' })[0];
  });
  assert.deepEqual(
    limits,
    [50, 5, 1, 1].map((limit) => `list rv= limit=${limit} continue=`),
  );
  assert.deepEqual(driver.page([thing('a', '1')], '10', 'p2'), ['list rv= limit=1 continue=p2']);
  driver.page([], '10');
  driver.nowMs += 60_000;
  driver.give({ type: 'watch-failed', failure: failure('gone') });
  assert.deepEqual(driver.give({ type: 'woke' }), ['list rv= limit=1 continue=']);
});

test('reflector: a list in one piece that is too large → from the newest version, in pages', () => {
  const driver = Driver.watching([], '10');
  driver.nowMs += 60_000;
  driver.give({ type: 'watch-failed', failure: failure('gone') });
  assert.deepEqual(driver.give({ type: 'woke' }), ['list rv=10 limit=0 continue=']);
  driver.give({ type: 'list-failed', failure: failure('too-large') });
  assert.deepEqual(driver.give({ type: 'woke' }), ['list rv= limit=50 continue=']);
});
