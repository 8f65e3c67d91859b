import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ElectionEffect } from '../../src/election/election-effects.ts';
import { ElectionMachine } from '../../src/election/election-machine.ts';
import { DEFAULT_ELECTION_TIMINGS, type LeaseRecord, problemOfTimings } from '../../src/election/lease.ts';

function machineOf(identity = 'a'): ElectionMachine {
  return new ElectionMachine({ identity, timings: DEFAULT_ELECTION_TIMINGS, random: () => 0 });
}

function recordOf(overrides: Partial<LeaseRecord> = {}): LeaseRecord {
  return {
    holderIdentity: 'b',
    leaseDurationSeconds: 15,
    acquireTimeMs: 1,
    renewTimeMs: 1,
    leaseTransitions: 4,
    ...overrides,
  };
}

function types(effects: readonly ElectionEffect[]): string[] {
  return effects.map((effect) => effect.type);
}

function leaderAt(nowMs: number): ElectionMachine {
  const machine = machineOf();
  machine.handle({ type: 'tick' }, nowMs);
  machine.handle({ type: 'lease-not-found' }, nowMs);
  machine.handle({ type: 'written', resourceVersion: '1' }, nowMs);
  return machine;
}

test('election: no lease → creates it, and may write until ten seconds after the request left', () => {
  const machine = machineOf();
  assert.deepEqual(machine.handle({ type: 'tick' }, 1000), [{ type: 'get', timeoutMs: 5000 }]);
  const [create] = machine.handle({ type: 'lease-not-found' }, 1100);
  assert.ok(create?.type === 'create');
  assert.deepEqual(
    create.record,
    recordOf({ holderIdentity: 'a', acquireTimeMs: 1100, renewTimeMs: 1100, leaseTransitions: 0 }),
  );
  assert.deepEqual(machine.handle({ type: 'written', resourceVersion: '1' }, 1400), [
    { type: 'became-leader', writeUntilMs: 11_100 },
    { type: 'leader-observed', identity: 'a' },
    { type: 'wake', atMs: 3400 },
  ]);
  assert.equal(machine.isLeading(11_099), true);
  assert.equal(machine.isLeading(11_100), false);
});

test('election: a tick before its time → nothing; an early one → an attempt, unless one is under way', () => {
  const machine = machineOf();
  machine.handle({ type: 'tick' }, 0);
  machine.handle({ type: 'read-failed' }, 100);
  assert.deepEqual(types(machine.handle({ type: 'tick' }, 200)), ['wake']);
  assert.deepEqual(types(machine.handle({ type: 'tick', isEarly: true }, 200)), ['get']);
  assert.deepEqual(types(machine.handle({ type: 'tick', isEarly: true }, 201)), []);
});

test('election: leader at its retry period → updates without reading, keeping when it acquired', () => {
  const machine = leaderAt(0);
  assert.deepEqual(machine.handle({ type: 'tick' }, 2000), [
    {
      type: 'update',
      record: recordOf({ holderIdentity: 'a', acquireTimeMs: 0, renewTimeMs: 2000, leaseTransitions: 0 }),
      resourceVersion: '1',
      timeoutMs: 5000,
    },
    { type: 'wake', atMs: 10_000 },
  ]);
  assert.deepEqual(machine.handle({ type: 'written', resourceVersion: '2' }, 2100), [
    { type: 'renewed', writeUntilMs: 12_000 },
    { type: 'wake', atMs: 4100 },
  ]);
});

test('election: a tick before its time → nothing but the wake', () => {
  assert.deepEqual(leaderAt(0).handle({ type: 'tick' }, 1000), [{ type: 'wake', atMs: 2000 }]);
});

test('election: held by another → waits the lease from when the change was seen, whatever the timestamps say', () => {
  const machine = machineOf();
  machine.handle({ type: 'tick' }, 0);
  const ancient = { record: recordOf(), resourceVersion: '7' };
  assert.deepEqual(types(machine.handle({ type: 'lease-read', lease: ancient }, 0)), ['leader-observed', 'wake']);
  machine.handle({ type: 'tick' }, 14_000);
  assert.deepEqual(machine.handle({ type: 'lease-read', lease: ancient }, 14_999), [{ type: 'wake', atMs: 15_499 }]);
  machine.handle({ type: 'tick' }, 16_999);
  const [update] = machine.handle({ type: 'lease-read', lease: ancient }, 17_000);
  assert.ok(update?.type === 'update');
  assert.equal(update.resourceVersion, '7');
  assert.equal(update.record.leaseTransitions, 5);
  assert.equal(update.record.acquireTimeMs, 17_000);
});

test('election: held by another, whatever is drawn → the next look is within half a retry period', () => {
  const machine = new ElectionMachine({ identity: 'a', timings: DEFAULT_ELECTION_TIMINGS, random: () => 0.999 });
  machine.handle({ type: 'tick' }, 0);
  const effects = machine.handle({ type: 'lease-read', lease: { record: recordOf(), resourceVersion: '7' } }, 0);
  const wake = effects.find((effect) => effect.type === 'wake');
  assert.ok(wake !== undefined && wake.atMs <= 1000, `looks again after ${wake?.atMs} ms`);
});

test('election: the holder renews while a candidate waits → the wait starts anew', () => {
  const machine = machineOf();
  machine.handle({ type: 'tick' }, 0);
  machine.handle({ type: 'lease-read', lease: { record: recordOf(), resourceVersion: '7' } }, 0);
  machine.handle({ type: 'tick' }, 14_000);
  const renewed = { record: recordOf({ renewTimeMs: 2 }), resourceVersion: '8' };
  machine.handle({ type: 'lease-read', lease: renewed }, 14_000);
  machine.handle({ type: 'tick' }, 28_000);
  assert.deepEqual(types(machine.handle({ type: 'lease-read', lease: renewed }, 28_999)), ['wake']);
  machine.handle({ type: 'tick' }, 31_000);
  assert.deepEqual(types(machine.handle({ type: 'lease-read', lease: renewed }, 31_000)), ['update']);
});

const takeovers: readonly { name: string; record: LeaseRecord; afterMs: number; isTaken: boolean }[] = [
  { name: 'given up', record: recordOf({ holderIdentity: '', leaseDurationSeconds: 1 }), afterMs: 0, isTaken: true },
  { name: 'mine from before', record: recordOf({ holderIdentity: 'a' }), afterMs: 0, isTaken: true },
  {
    name: 'a longer lease of the holder',
    record: recordOf({ leaseDurationSeconds: 60 }),
    afterMs: 59_999,
    isTaken: false,
  },
  { name: 'a longer lease, over', record: recordOf({ leaseDurationSeconds: 60 }), afterMs: 60_000, isTaken: true },
  { name: 'a senseless duration', record: recordOf({ leaseDurationSeconds: 0 }), afterMs: 14_999, isTaken: false },
  {
    name: 'a senseless duration, over',
    record: recordOf({ leaseDurationSeconds: -5 }),
    afterMs: 15_000,
    isTaken: true,
  },
];
for (const { name, record, afterMs, isTaken } of takeovers) {
  test(`election: lease is ${name}, ${afterMs} ms later → ${isTaken ? 'taken' : 'left alone'}`, () => {
    const machine = machineOf();
    machine.handle({ type: 'tick' }, 0);
    let effects = machine.handle({ type: 'lease-read', lease: { record, resourceVersion: '7' } }, 0);
    if (afterMs > 0) {
      machine.handle({ type: 'tick' }, afterMs);
      effects = machine.handle({ type: 'lease-read', lease: { record, resourceVersion: '7' } }, afterMs);
    }
    assert.equal(types(effects).includes('update'), isTaken);
  });
}

test('election: renewals fail → tried again each retry period, lost exactly at the deadline, then candidate again', () => {
  const machine = leaderAt(0);
  machine.handle({ type: 'tick' }, 2000);
  assert.deepEqual(machine.handle({ type: 'write-failed' }, 2500), [{ type: 'wake', atMs: 4500 }]);
  assert.deepEqual(types(machine.handle({ type: 'tick' }, 4500)), ['get', 'wake']);
  assert.deepEqual(machine.handle({ type: 'read-failed' }, 9500), [{ type: 'wake', atMs: 10_000 }]);
  const effects = machine.handle({ type: 'tick' }, 10_000);
  assert.deepEqual(effects, [
    { type: 'lost', reason: 'deadline' },
    { type: 'wake', atMs: 11_500 },
  ]);
  assert.equal(machine.isLeading(10_000), false);
  assert.deepEqual(types(machine.handle({ type: 'tick' }, 11_500)), ['get']);
});

test('election: a renewal is answered after the deadline of its own → not a leader, renews at once', () => {
  const machine = leaderAt(0);
  machine.handle({ type: 'tick' }, 2000);
  assert.deepEqual(types(machine.handle({ type: 'written', resourceVersion: '2' }, 12_500)), ['lost', 'update']);
});

test('election: conflict, and the lease names another → lost at once', () => {
  const machine = leaderAt(0);
  machine.handle({ type: 'tick' }, 2000);
  assert.deepEqual(types(machine.handle({ type: 'write-conflict' }, 2100)), ['get', 'wake']);
  const taken = { record: recordOf(), resourceVersion: '9' };
  assert.deepEqual(types(machine.handle({ type: 'lease-read', lease: taken }, 2200)), [
    'lost',
    'leader-observed',
    'wake',
  ]);
});

test('election: conflict, and the lease is still mine (a lost write) → renewed with the new resourceVersion', () => {
  const machine = leaderAt(0);
  machine.handle({ type: 'tick' }, 2000);
  machine.handle({ type: 'write-conflict' }, 2100);
  const mine = { record: recordOf({ holderIdentity: 'a' }), resourceVersion: '9' };
  const [update] = machine.handle({ type: 'lease-read', lease: mine }, 2200);
  assert.ok(update?.type === 'update' && update.resourceVersion === '9');
});

test('election: candidate loses the race → waits for its next turn, without leading', () => {
  const machine = machineOf();
  machine.handle({ type: 'tick' }, 0);
  machine.handle({ type: 'lease-not-found' }, 0);
  assert.deepEqual(machine.handle({ type: 'write-conflict' }, 10), [{ type: 'wake', atMs: 510 }]);
});

test('election: leader releases → stops at once, then gives the lease up for one second', () => {
  const machine = leaderAt(0);
  const [lost, update] = machine.handle({ type: 'release' }, 500);
  assert.deepEqual(lost, { type: 'lost', reason: 'released' });
  assert.ok(update?.type === 'update');
  assert.equal(update.record.holderIdentity, '');
  assert.equal(update.record.leaseDurationSeconds, 1);
  assert.deepEqual(types(machine.handle({ type: 'written', resourceVersion: '2' }, 600)), [
    'stopped',
    'leader-observed',
  ]);
  assert.deepEqual(machine.handle({ type: 'tick' }, 9000), []);
});

test('election: release while a renewal is on its way → the renewal first, then given up with its resourceVersion', () => {
  const machine = leaderAt(0);
  machine.handle({ type: 'tick' }, 2000);
  assert.deepEqual(types(machine.handle({ type: 'release' }, 2100)), ['lost']);
  const [update] = machine.handle({ type: 'written', resourceVersion: '2' }, 2200);
  assert.ok(update?.type === 'update' && update.resourceVersion === '2' && update.record.holderIdentity === '');
});

test('election: release as a candidate → stopped without a write', () => {
  const machine = machineOf();
  machine.handle({ type: 'tick' }, 0);
  assert.deepEqual(types(machine.handle({ type: 'release' }, 1)), []);
  const held = { record: recordOf(), resourceVersion: '7' };
  assert.deepEqual(types(machine.handle({ type: 'lease-read', lease: held }, 2)), ['stopped', 'leader-observed']);
});

const timings: readonly { name: string; values: readonly [number, number, number]; problem: RegExp | undefined }[] = [
  { name: 'the defaults', values: [15_000, 10_000, 2_000], problem: undefined },
  {
    name: 'lease not above deadline',
    values: [10_000, 10_000, 2_000],
    problem: /lease-duration \(10s\) must be greater/,
  },
  { name: 'deadline not above a jittered retry', values: [15_000, 2_400, 2_000], problem: /greater than 1.2 x/ },
  { name: 'no retry period', values: [15_000, 10_000, 0], problem: /retry-period must be positive/ },
  { name: 'half seconds', values: [15_500, 10_000, 2_000], problem: /whole number of seconds/ },
];
for (const { name, values, problem } of timings) {
  test(`election timings: ${name} → ${problem === undefined ? 'accepted' : 'refused with the reason'}`, () => {
    const [leaseDurationMs, renewDeadlineMs, retryPeriodMs] = values;
    const found = problemOfTimings({ leaseDurationMs, renewDeadlineMs, retryPeriodMs });
    if (problem === undefined) assert.equal(found, undefined);
    else assert.match(found ?? '', problem);
  });
}
