import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTACT_LIMITS, Contact, LossMemory, lossesOf, lossOf } from '../../src/cache/contact.ts';

test('contact: failing for less than a minute → relied on; for a minute → lost, with the first time and the latest reason', () => {
  const contact = new Contact(0);
  contact.received(1000);
  contact.failed('connection refused', 50_000);
  contact.failed('not allowed to watch nodes', 80_000);
  assert.deepEqual(contact.report(109_999), {
    silentMs: 108_999,
    failingMs: 59_999,
    reason: 'not allowed to watch nodes',
  });
  assert.equal(lossOf(contact.report(109_999)), undefined);
  assert.equal(lossOf(contact.report(123_000)), 'failing for 73 s: not allowed to watch nodes');
});

test('contact: an event after failures → relied on again; a page of a list → not yet', () => {
  const contact = new Contact(0);
  contact.failed('x', 0);
  contact.heard(69_000);
  assert.deepEqual(contact.report(70_000), { silentMs: 1000, failingMs: 70_000, reason: 'x' });
  contact.received(70_000);
  assert.deepEqual(contact.report(70_500), { silentMs: 500, failingMs: 0, reason: '' });
  contact.failed('y', 80_000);
  assert.equal(contact.report(80_000).failingMs, 0, 'counted anew');
});

test('contact: a watch that is accepted and stays open without an event → relied on after a second, from when it opened', () => {
  const contact = new Contact(0);
  contact.failed('x', 0);
  contact.opened(100_000);
  assert.equal(lossOf(contact.report(100_999)), 'failing for 100 s: x');
  assert.deepEqual(contact.report(101_000), { silentMs: 1000, failingMs: 0, reason: '' });
});

test('contact: watches that are accepted and cut at once, again and again → lost', () => {
  const contact = new Contact(0);
  for (let nowMs = 0; nowMs <= 60_000; nowMs += 2000) {
    contact.opened(nowMs);
    contact.failed('ended at once', nowMs + 500);
  }
  assert.equal(lossOf(contact.report(61_000)), 'failing for 60 s: ended at once');
});

test('contact: quiet, asked anew and accepted each time → relied on; then silent although nothing failed → lost', () => {
  const contact = new Contact(0);
  for (let nowMs = 0; nowMs <= 900_000; nowMs += 90_000) contact.opened(nowMs);
  assert.equal(lossOf(contact.report(1_049_999)), undefined);
  assert.equal(lossOf(contact.report(1_050_000)), 'nothing received for 150 s');
});

test('contact: lists whose first page comes and whose second never does → lost', () => {
  const contact = new Contact(0);
  for (let nowMs = 0; nowMs <= 60_000; nowMs += 5000) {
    contact.heard(nowMs);
    contact.failed('page 2 is refused', nowMs + 100);
  }
  assert.equal(lossOf(contact.report(60_100)), 'failing for 60 s: page 2 is refused');
});

test('contact: for deciding → relied on again only two seconds after the loss was last seen', () => {
  const contact = new Contact(0);
  const memory = new LossMemory(CONTACT_LIMITS);
  const judge = (nowMs: number) => memory.lossOf(contact.report(nowMs), nowMs);
  contact.failed('x', 0);
  assert.equal(judge(59_999), undefined);
  assert.equal(judge(61_000), 'failing for 61 s: x');
  contact.received(61_500);
  assert.equal(judge(62_999), 'failing for 61 s: x');
  assert.equal(judge(63_000), undefined);
  assert.equal(judge(63_001), undefined);
});

test('contact: for deciding, a watch that is quiet for an hour and asked anew every 90 s → relied on at every second of it', () => {
  const contact = new Contact(0);
  const memory = new LossMemory(CONTACT_LIMITS);
  for (let nowMs = 0; nowMs <= 3_600_000; nowMs += 1000) {
    if (nowMs % 90_000 === 0) contact.opened(nowMs);
    assert.equal(memory.lossOf(contact.report(nowMs), nowMs), undefined);
  }
});

test('contact: several readers → those that are lost for deciding, each with who it is and why', () => {
  const reader = (name: string, failedMs: number) => {
    const contact = new Contact(0);
    contact.failed('x', failedMs);
    return { identity: { name }, memory: new LossMemory(CONTACT_LIMITS), contact: () => contact.report(60_000) };
  };
  assert.deepEqual(lossesOf([reader('a', 0), reader('b', 1)], 60_000), [{ name: 'a', reason: 'failing for 60 s: x' }]);
});
