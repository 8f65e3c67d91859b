import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DaemonSetEvent } from '../../src/controller/ports.ts';
import { EventCorrelator } from '../../src/events/event-correlator.ts';
import { clipUtf8, eventObject, seriesPatch } from '../../src/events/event-object.ts';
import { daemonSetKey } from '../../src/protocol/slot.ts';

const MINUTE_MS = 60_000;

function eventOf(overrides: Partial<DaemonSetEvent> = {}): DaemonSetEvent {
  return {
    daemonSet: daemonSetKey('edge', 'node-agent'),
    uid: 'uid-1',
    type: 'Normal',
    reason: 'RolloutProgress',
    action: 'Rollout',
    message: '5 of 10 nodes',
    ...overrides,
  };
}

function correlatorOf(): EventCorrelator {
  return new EventCorrelator({ random: () => 0.5 });
}

test('events: the first → an Event is made', () => {
  const event = eventOf();
  const [effect, ...others] = correlatorOf().record(event, 1000);
  assert.ok(effect?.type === 'create');
  assert.deepEqual(others, []);
  assert.match(effect.name, /^node-agent\.[0-9a-f]+$/);
  assert.deepEqual(eventObject(effect, { controller: 'daemonpodupdater', instance: 'pod-1' }), {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: effect.name, namespace: 'edge' },
    eventTime: '1970-01-01T00:00:01.000000Z',
    reportingController: 'daemonpodupdater',
    reportingInstance: 'pod-1',
    action: 'Rollout',
    reason: 'RolloutProgress',
    regarding: { apiVersion: 'apps/v1', kind: 'DaemonSet', namespace: 'edge', name: 'node-agent', uid: 'uid-1' },
    note: '5 of 10 nodes',
    type: 'Normal',
  });
});

test('events: the same again within six minutes, with another message → its series counts', () => {
  const correlator = correlatorOf();
  const [created] = correlator.record(eventOf(), 0);
  const [patched] = correlator.record(eventOf({ message: '6 of 10 nodes' }), 5 * MINUTE_MS);
  assert.ok(created !== undefined && patched?.type === 'patch');
  assert.equal(patched.name, created.name);
  assert.deepEqual(seriesPatch(patched), {
    series: { count: 2, lastObservedTime: '1970-01-01T00:05:00.000000Z' },
  });
});

test('events: a thousand within a minute → one Event, one patch at once, one with the sum a minute later', () => {
  const correlator = correlatorOf();
  const effects = Array.from({ length: 1000 }, (_, index) => correlator.record(eventOf(), index)).flat();
  assert.deepEqual(
    effects.map((effect) => effect.type),
    ['create', 'patch'],
  );
  assert.deepEqual(correlator.tick(30_000), []);
  const [patch] = correlator.tick(61_000);
  assert.ok(patch?.type === 'patch');
  assert.equal(patch.count, 1000);
  assert.deepEqual(correlator.tick(122_000), []);
});

test('events: six quiet minutes → the last count is written, the next one makes a new Event', () => {
  const correlator = correlatorOf();
  const [created] = correlator.record(eventOf(), 0);
  correlator.record(eventOf(), 1);
  correlator.record(eventOf(), 2);
  const effects = correlator.record(eventOf(), 2 + 6 * MINUTE_MS);
  assert.deepEqual(
    effects.map((effect) => effect.type),
    ['patch', 'create'],
  );
  assert.notEqual(effects[1]?.name, created?.name);
});

const differences: readonly Partial<DaemonSetEvent>[] = [
  { uid: 'uid-2' },
  { type: 'Warning' },
  { reason: 'RolloutComplete' },
  { action: 'Delete' },
];
for (const difference of differences) {
  test(`events: another ${Object.keys(difference)[0]} → an Event of its own`, () => {
    const correlator = correlatorOf();
    correlator.record(eventOf(), 0);
    assert.equal(correlator.record(eventOf(difference), 0)[0]?.type, 'create');
  });
}

test('events: many kinds for one object → 25 at once, then one in five minutes; another object is not held up', () => {
  const correlator = correlatorOf();
  const countAt = (nowMs: number, uid: string): number =>
    Array.from({ length: 100 }, (_, index) =>
      correlator.record(eventOf({ uid, reason: `R${nowMs}-${index}` }), nowMs),
    ).flat().length;
  assert.equal(countAt(0, 'uid-1'), 25);
  assert.equal(correlator.suppressedCount, 75);
  assert.equal(countAt(1, 'uid-2'), 25);
  assert.equal(countAt(10 * MINUTE_MS, 'uid-1'), 2);
});

test('trust 13: a flood of Normal events, and of other warnings → a warning of the object is made nevertheless', () => {
  const correlator = correlatorOf();
  const flood = (overrides: Partial<DaemonSetEvent>) => {
    for (let index = 0; index < 100; index++) correlator.record(eventOf({ ...overrides, topic: `${index}` }), index);
  };
  flood({});
  assert.equal(correlator.suppressedCount, 75);
  const failed = eventOf({ type: 'Warning', reason: 'NodeUpdateFailed' });
  assert.equal(correlator.record(failed, 100)[0]?.type, 'create');
  flood({ type: 'Warning', reason: 'NodeUpdateFailed' });
  const suppressed = correlator.suppressedCount;
  assert.equal(suppressed, 75 + 76, 'warnings of one reason are bounded too');
  const forbidden = eventOf({ type: 'Warning', reason: 'WriteForbidden' });
  assert.equal(correlator.record(forbidden, 200)[0]?.type, 'create');
  assert.equal(correlator.record(eventOf({ topic: 'new' }), 200).length, 0, 'and take nothing from Normal ones');
});

test('events: forgotten (it could not be written) → the next one makes it anew', () => {
  const correlator = correlatorOf();
  correlator.record(eventOf(), 0);
  correlator.forget(eventOf());
  assert.equal(correlator.record(eventOf(), 1)[0]?.type, 'create');
});

test('events: any sequence → names unique, counts rise, memory bounded', () => {
  const step = fc.record({ uid: fc.nat(9), reason: fc.nat(9), waitMs: fc.nat(10 * MINUTE_MS), isTick: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const correlator = correlatorOf();
      const counts = new Map<string, number>();
      let nowMs = 0;
      let recordedCount = 0;
      for (const { uid, reason, waitMs, isTick } of steps) {
        nowMs += waitMs;
        if (!isTick) recordedCount++;
        const event = eventOf({ uid: `uid-${uid}`, reason: `Reason${reason}` });
        for (const effect of isTick ? correlator.tick(nowMs) : correlator.record(event, nowMs)) {
          const before = counts.get(effect.name);
          if (effect.type === 'create') assert.equal(before, undefined);
          else assert.ok(before !== undefined && effect.count > before);
          counts.set(effect.name, effect.type === 'create' ? 1 : effect.count);
        }
      }
      for (const effect of correlator.tick(nowMs, true)) {
        if (effect.type === 'patch') counts.set(effect.name, effect.count);
      }
      const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
      assert.equal(total + correlator.suppressedCount, recordedCount);
    }),
    { verbose: true },
  );
  const correlator = correlatorOf();
  for (let index = 0; index < 20_000; index++) correlator.record(eventOf({ uid: `uid-${index}` }), index);
  assert.ok(correlator.size <= 2 * 4096);
});

const notes: readonly { name: string; text: string; expected: string }[] = [
  { name: 'short', text: 'abc', expected: 'abc' },
  { name: 'exactly 1024 bytes', text: 'a'.repeat(1024), expected: 'a'.repeat(1024) },
  { name: '1025 bytes', text: 'a'.repeat(1025), expected: `${'a'.repeat(1021)}…` },
  { name: 'a character of three bytes at the cut', text: `${'a'.repeat(1020)}€€€`, expected: `${'a'.repeat(1020)}…` },
  { name: 'a surrogate pair at the cut', text: `${'a'.repeat(1019)}😀😀`, expected: `${'a'.repeat(1019)}…` },
];
for (const { name, text, expected } of notes) {
  test(`events: note is ${name} → at most 1 KiB, whole characters`, () => {
    const note = clipUtf8(text, 1024);
    assert.equal(note, expected);
    assert.ok(Buffer.byteLength(note) <= 1024);
  });
}

test('events: a DaemonSet with the longest name → the name of the Event is allowed', () => {
  const event = eventOf({ daemonSet: daemonSetKey('edge', `${'a'.repeat(230)}.${'b'.repeat(22)}`) });
  const [effect] = correlatorOf().record(event, Date.UTC(2026, 1, 1));
  assert.ok(effect !== undefined && effect.name.length <= 253);
  assert.match(effect.name, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
});
