import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ListWatchFailure } from '../../src/cache/list-watch-failure.ts';
import {
  type ReflectorEffect,
  type ReflectorInput,
  ReflectorMachine,
  type ReflectorMachineOptions,
} from '../../src/cache/reflector-machine.ts';
import type { WatchEvent } from '../../src/client/readers.ts';
import { apiErrorOf } from '../../src/client/status-error.ts';
import type { ObjectRecord } from '../../src/kube/records.ts';

interface Thing extends ObjectRecord {
  readonly value: number;
}

type Effect = ReflectorEffect<Thing>;
type Input = ReflectorInput<Thing>;
/** Every member of the union without the number, which the driver adds. */
type Unnumbered<I> = I extends unknown ? Omit<I, 'request'> : never;

function thing(name: string, resourceVersion: string, changes: Partial<Thing> = {}): Thing {
  return { namespace: 'ns', name, uid: `uid-${name}`, resourceVersion, value: 0, ...changes };
}

function failure(code: ListWatchFailure['code'], changes: Partial<ListWatchFailure> = {}): ListWatchFailure {
  return { code, message: code, httpStatus: 0, retryAfterMs: 0, isVersionTooLarge: false, ...changes };
}

/** Runs the machine in virtual time and writes down, in short, what it wants. */
class Driver {
  readonly machine: ReflectorMachine<Thing>;
  nowMs = 1_000_000;
  request = 0;

  constructor(options: Partial<ReflectorMachineOptions> = {}) {
    this.machine = new ReflectorMachine<Thing>({ random: () => 0.5, ...options });
  }

  give(input: Unnumbered<Input>): string[] {
    const full = { ...input, request: this.request } as Input;
    return this.machine.handle(full, this.nowMs).map((effect) => this.describe(effect));
  }

  describe(effect: Effect): string {
    if ('request' in effect) this.request = effect.request;
    switch (effect.type) {
      case 'list':
        return `list rv=${effect.resourceVersion} limit=${effect.limit} continue=${effect.continueToken}`;
      case 'watch':
        return `watch rv=${effect.resourceVersion} for ${effect.timeoutSeconds} s`;
      case 'sleep':
        return `sleep ${effect.delayMs}`;
      case 'deltas':
        return effect.deltas
          .map((delta) => `${delta.type} ${delta.object.name}@${delta.object.resourceVersion}`)
          .join(', ');
      case 'synced':
        return 'synced';
      case 'problem':
        return `problem ${effect.problem.phase} ${effect.problem.code} ${effect.problem.retryInMs}`;
    }
  }

  page(items: readonly Thing[], resourceVersion: string, continueToken = ''): string[] {
    return this.give({ type: 'page', items, resourceVersion, continueToken });
  }

  events(...events: readonly WatchEvent<Thing>[]): string[] {
    return this.give({ type: 'events', events });
  }

  /** Started, listed and watching from `resourceVersion`. */
  static watching(items: readonly Thing[], resourceVersion: string): Driver {
    const driver = new Driver();
    driver.give({ type: 'start' });
    driver.page(items, resourceVersion);
    return driver;
  }

  get names(): string[] {
    return [...this.machine.store.values()].map((item) => `${item.name}@${item.resourceVersion}`);
  }
}

test('reflector: start → a consistent list in pages, then synced, then a watch from there', () => {
  const driver = new Driver();
  assert.deepEqual(driver.give({ type: 'start' }), ['list rv= limit=500 continue=']);
  assert.deepEqual(driver.page([thing('a', '1')], '10', 'p2'), ['list rv= limit=500 continue=p2']);
  assert.equal(driver.machine.isSynced, false);
  assert.deepEqual(driver.page([thing('b', '2')], '10'), ['added a@1, added b@2', 'synced', 'watch rv=10 for 450 s']);
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
    assert.deepEqual(driver.page([], '1'), ['synced', `watch rv=1 for ${random === 0 ? 300 : 599} s`]);
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
    assert.deepEqual(driver.page([], '50'), ['watch rv=50 for 450 s']);
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
  assert.deepEqual(driver.page([thing('b', '2')], '11'), ['added b@2', 'synced', 'watch rv=11 for 450 s']);
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
  driver.nowMs += 999;
  assert.deepEqual(driver.give({ type: 'watch-ended' }), ['problem watch connection-lost 1200', 'sleep 1200']);
  driver.give({ type: 'woke' });
  driver.nowMs += 1000;
  assert.deepEqual(driver.give({ type: 'watch-ended' }), ['watch rv=10 for 450 s']);
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
    driver.events({ type: 'skipped', message: 'no name' }, { type: 'added', object: thing('b', '12') }),
    ['added b@12', 'problem object malformed 0'],
  );
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

/** What the API server would have: the truth that the store has to follow. */
test('reflector: any history with cuts, garbled frames and 410 → deltas add up to the store, the store to the truth', () => {
  const step = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    action: fc.constantFrom('write', 'delete', 'recreate', 'cut', 'gone', 'garbled', 'refused'),
    value: fc.integer({ min: 0, max: 2 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const truth = new Map<string, Thing>();
      const seen = new Map<string, Thing>();
      const machine = new ReflectorMachine<Thing>({ random: () => 0, pageLimit: 2 });
      let version = 1;
      let nowMs = 0;
      let request = 0;
      let mode = '';
      const log: { readonly version: number; readonly event: WatchEvent<Thing> }[] = [];
      const run = (input: Unnumbered<Input>): void => {
        nowMs += 1;
        for (const effect of machine.handle({ ...input, request } as Input, nowMs)) {
          if ('request' in effect) request = effect.request;
          if (effect.type === 'deltas') {
            for (const { type, object } of effect.deltas) {
              assert.equal(type === 'added', !seen.has(object.name));
              if (type === 'deleted') seen.delete(object.name);
              else seen.set(object.name, object);
            }
          } else if (effect.type === 'list' || effect.type === 'watch' || effect.type === 'sleep') settle(effect);
        }
      };
      const settle = (effect: Extract<Effect, { readonly request: number }>): void => {
        mode = effect.type;
        if (effect.type === 'sleep') run({ type: 'woke' });
        else if (effect.type === 'list')
          run({ type: 'page', items: [...truth.values()], resourceVersion: String(version), continueToken: '' });
        else {
          const missed = log.filter((entry) => entry.version > Number(effect.resourceVersion));
          if (missed.length > 0) run({ type: 'events', events: missed.map((entry) => entry.event) });
        }
      };
      const write = (event: WatchEvent<Thing>): void => {
        log.push({ version, event });
        if (mode === 'watch') run({ type: 'events', events: [event] });
      };
      run({ type: 'start' });
      for (const { name, action, value } of steps) {
        const known = truth.get(name);
        if (action === 'cut') run({ type: 'watch-failed', failure: failure('connection-lost') });
        else if (action === 'gone') run({ type: 'watch-failed', failure: failure('gone') });
        else if (action === 'garbled') run({ type: 'watch-failed', failure: failure('malformed') });
        else if (action === 'refused') run({ type: 'watch-failed', failure: failure('unavailable') });
        else {
          version++;
          const object = thing(name, String(version), {
            value,
            uid: action === 'recreate' ? `uid-${version}` : (known?.uid ?? `u${version}`),
          });
          if (known !== undefined && action !== 'write') {
            truth.delete(name);
            write({ type: 'deleted', object: { ...known, resourceVersion: String(version) } });
          }
          if (action === 'delete') continue;
          version++;
          const written = { ...object, resourceVersion: String(version) };
          truth.set(name, written);
          write({ type: known === undefined || action === 'recreate' ? 'added' : 'modified', object: written });
        }
      }
      const contents = (items: Iterable<Thing>) =>
        [...items].map(({ name, uid, value }) => `${name} ${uid} ${value}`).toSorted();
      assert.deepEqual(contents(machine.store.values()), contents(truth.values()));
      assert.deepEqual(contents(seen.values()), contents(truth.values()));
    }),
    { numRuns: 300 },
  );
});
