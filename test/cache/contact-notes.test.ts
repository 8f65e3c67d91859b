import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Contact } from '../../src/cache/contact.ts';
import { noteEffect, noteInput } from '../../src/cache/contact-notes.ts';
import { failureOfTransport } from '../../src/cache/list-watch-failure.ts';
import type { ReflectorEffect, ReflectorInput } from '../../src/cache/reflector-types.ts';
import { apiErrorOf } from '../../src/client/status-error.ts';
import type { ObjectRecord } from '../../src/kube/records.ts';

type Input = ReflectorInput<ObjectRecord>;
type Effect = ReflectorEffect<ObjectRecord>;

const LOST = failureOfTransport({ code: 'connection-lost', message: 'x' });
const ERROR = apiErrorOf({
  httpStatus: 410,
  retryAfterMs: 0,
  body: new Uint8Array(),
  labels: { verb: 'watch', resource: 'pods' },
});

function failing(): Contact {
  const contact = new Contact(0);
  contact.failed('x', 0);
  return contact;
}

function problem(phase: 'list' | 'watch' | 'object'): Effect {
  return { type: 'problem', problem: { phase, code: 'gone', message: `${phase} failed`, retryInMs: 0 } };
}

test('contact notes: inputs → a page is heard, an event ends the failing, a refusal among events and everything else does not', () => {
  const bookmark = { type: 'bookmark', resourceVersion: '2' } as const;
  const cases: readonly (readonly [Input, silentMs: number, failingMs: number])[] = [
    [{ type: 'page', request: 1, items: [], resourceVersion: '1', continueToken: '' }, 0, 5000],
    [{ type: 'events', request: 1, events: [bookmark] }, 0, 0],
    [{ type: 'events', request: 1, events: [bookmark, { type: 'error', error: ERROR }] }, 0, 0],
    [{ type: 'events', request: 1, events: [{ type: 'error', error: ERROR }] }, 5000, 5000],
    [{ type: 'events', request: 1, events: [] }, 5000, 5000],
    [{ type: 'list-failed', request: 1, failure: LOST }, 5000, 5000],
    [{ type: 'woke', request: 1 }, 5000, 5000],
    [{ type: 'start' }, 5000, 5000],
    [{ type: 'stop' }, 5000, 5000],
  ];
  for (const [input, silentMs, failingMs] of cases) {
    const contact = failing();
    noteInput(contact, input, 5000);
    const report = contact.report(5000);
    assert.deepEqual([report.silentMs, report.failingMs], [silentMs, failingMs], JSON.stringify(input));
  }
});

test('contact notes: a watch that is over within a second, ended or broken → confirms nothing later; after a second → it has', () => {
  for (const over of [
    { type: 'watch-ended', request: 1 },
    { type: 'watch-failed', request: 1, failure: LOST },
  ] satisfies Input[]) {
    const contact = failing();
    contact.opened(10_000);
    noteInput(contact, over, 10_900);
    assert.equal(contact.report(12_000).failingMs, 12_000, over.type);
    contact.opened(20_000);
    noteInput(contact, over, 21_000);
    assert.deepEqual(contact.report(25_000), { silentMs: 5000, failingMs: 0, reason: '' }, over.type);
  }
});

test('contact notes: watches that are accepted late and ended at once, again and again → lost though nothing failed', () => {
  const contact = new Contact(0);
  for (let nowMs = 0; nowMs < 150_000; nowMs += 2500) {
    contact.opened(nowMs + 2000);
    noteInput(contact, { type: 'watch-ended', request: 1 }, nowMs + 2500);
  }
  assert.equal(contact.report(150_000).silentMs, 150_000);
});

test('contact notes: effects → a list or watch with a problem fails; an object that makes no sense, and other effects, do not', () => {
  for (const [effect, reason] of [
    [problem('list'), 'list failed'],
    [problem('watch'), 'watch failed'],
    [problem('object'), ''],
    [{ type: 'synced' }, ''],
    [{ type: 'sleep', request: 1, delayMs: 0 }, ''],
  ] as const) {
    const contact = new Contact(0);
    noteEffect(contact, effect, 1000);
    assert.equal(contact.report(2000).reason, reason);
  }
});
