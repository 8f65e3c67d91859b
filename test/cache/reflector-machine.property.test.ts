import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReflectorMachine } from '../../src/cache/reflector-machine.ts';
import type { WatchEvent } from '../../src/client/readers.ts';
import { type Effect, failure, type Input, type Thing, thing, type Unnumbered } from './reflector-machine-driver.ts';

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
