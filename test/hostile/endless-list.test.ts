import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ReflectorEffect, ReflectorMachine } from '../../src/cache/reflector-machine.ts';
import { LIST_ITEMS_MAX } from '../../src/client/readers.ts';
import type { ObjectRecord } from '../../src/kube/records.ts';

const PAGE = 100_000;

function item(name: string): ObjectRecord {
  return { namespace: 'ns', name, uid: name, resourceVersion: '1' };
}

/** Answers every list with another page that is not the last, until the machine has had enough; returns how many it took. */
function feed(machine: ReflectorMachine<ObjectRecord>, pageOf: (index: number) => readonly ObjectRecord[]) {
  let effects: readonly ReflectorEffect<ObjectRecord>[] = machine.handle({ type: 'start' }, 0);
  for (let index = 0; index < 10_000; index += 1) {
    const list = effects.find((effect) => effect.type === 'list');
    if (list === undefined) return { pages: index, effects };
    const { request } = list;
    effects = machine.handle(
      { type: 'page', request, items: pageOf(index), resourceVersion: '5', continueToken: 'more' },
      index,
    );
  }
  return { pages: Number.POSITIVE_INFINITY, effects };
}

const ROWS = [
  ['always the same page', () => [item('a'), item('b')], 12],
  ['empty pages', () => [], 11],
  [
    'ever more objects',
    (index: number) => Array.from({ length: PAGE }, (_, at) => item(`p${index * PAGE + at}`)),
    LIST_ITEMS_MAX / PAGE + 1,
  ],
] as const;

for (const [name, pageOf, expected] of ROWS) {
  test(`a list that never ends: ${name} → given up with the reason, and tried again later`, () => {
    const machine = new ReflectorMachine<ObjectRecord>({ random: () => 0.5 });
    const { pages, effects } = feed(machine, pageOf);
    assert.equal(pages, expected);
    const problem = effects.find((effect) => effect.type === 'problem');
    assert.ok(problem?.type === 'problem');
    assert.match(problem.problem.message, /^the list does not end: \d+ objects so far/);
    assert.ok(effects.some((effect) => effect.type === 'sleep' && effect.delayMs > 0));
    assert.equal(machine.isSynced, false);
    assert.equal([...machine.store.keys()].length, 0, 'nothing of it is believed');
  });
}

test('a list with a few empty pages in between → complete', () => {
  const machine = new ReflectorMachine<ObjectRecord>({ random: () => 0.5 });
  let effects = machine.handle({ type: 'start' }, 0);
  for (let index = 0; index < 30; index += 1) {
    const list = effects.find((effect) => effect.type === 'list');
    assert.ok(list?.type === 'list', `page ${index}`);
    const items = index % 5 === 0 ? [item(`p${index}`)] : [];
    const continueToken = index === 29 ? '' : 'more';
    effects = machine.handle(
      { type: 'page', request: list.request, items, resourceVersion: '5', continueToken },
      index,
    );
  }
  assert.equal(machine.isSynced, true);
  assert.equal([...machine.store.keys()].length, 6);
});
