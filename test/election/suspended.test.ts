import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ElectionEffect } from '../../src/election/election-effects.ts';
import { ElectionMachine } from '../../src/election/election-machine.ts';
import { DEFAULT_ELECTION_TIMINGS } from '../../src/election/lease.ts';

/** The wall clock of the machine at the beginning. */
const WALL_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

function types(effects: readonly ElectionEffect[]): string[] {
  return effects.map(({ type }) => type);
}

/** Leads since 0, its request left then. */
function leader(): ElectionMachine {
  const machine = new ElectionMachine({ identity: 'a', timings: DEFAULT_ELECTION_TIMINGS, random: () => 0 });
  machine.handle({ type: 'tick' }, 0, WALL_MS);
  machine.handle({ type: 'lease-not-found' }, 0, WALL_MS);
  machine.handle({ type: 'written', resourceVersion: '1' }, 100, WALL_MS + 100);
  return machine;
}

function renewTimeOf(effects: readonly ElectionEffect[]): number | undefined {
  for (const effect of effects) if (effect.type === 'update') return effect.record.renewTimeMs;
  return undefined;
}

const OWN = {
  holderIdentity: 'a',
  leaseDurationSeconds: 15,
  acquireTimeMs: WALL_MS,
  renewTimeMs: WALL_MS,
  leaseTransitions: 0,
};

test('trust 18: the machine was suspended for longer than the lease → it leads no more, whatever its own clock says', () => {
  const machine = leader();
  assert.ok(machine.isLeading(1_000, WALL_MS + 1_000));
  assert.equal(machine.writeUntilWallMs, WALL_MS + 10_000);
  assert.ok(!machine.isLeading(1_000, WALL_MS + HOUR_MS));
});

test('trust 18: it goes on after it was suspended → lost, and it reads at once who holds the lease; its own → it leads again', () => {
  const machine = leader();
  const woken = WALL_MS + HOUR_MS;
  assert.deepEqual(machine.handle({ type: 'tick' }, 1_000, woken), [
    { type: 'lost', reason: 'deadline' },
    { type: 'get', timeoutMs: 5_000 },
  ]);
  const update = machine.handle(
    { type: 'lease-read', lease: { record: OWN, resourceVersion: '1' } },
    1_010,
    woken + 10,
  );
  assert.equal(renewTimeOf(update), woken + 10);
  const written = machine.handle({ type: 'written', resourceVersion: '2' }, 1_020, woken + 20);
  assert.deepEqual(types(written), ['became-leader', 'wake']);
  assert.ok(machine.isLeading(1_020, woken + 20));
});

test('trust 18: it goes on after another one took over → it does not lead', () => {
  const machine = leader();
  machine.handle({ type: 'tick' }, 1_000, WALL_MS + HOUR_MS);
  const record = {
    holderIdentity: 'b',
    leaseDurationSeconds: 15,
    acquireTimeMs: WALL_MS + 20_000,
    renewTimeMs: WALL_MS + HOUR_MS,
    leaseTransitions: 1,
  };
  machine.handle({ type: 'lease-read', lease: { record, resourceVersion: '9' } }, 1_010, WALL_MS + HOUR_MS + 10);
  assert.ok(!machine.isLeading(1_010, WALL_MS + HOUR_MS + 10));
  assert.equal(machine.leaderIdentity, 'b');
});

test('trust 18: suspended while a renewal was on its way → its late answer gives no right, it renews once more', () => {
  const machine = leader();
  machine.handle({ type: 'tick' }, 2_100, WALL_MS + 2_100);
  const late = machine.handle({ type: 'written', resourceVersion: '2' }, 2_200, WALL_MS + HOUR_MS);
  assert.deepEqual(types(late), ['lost', 'update']);
  assert.equal(renewTimeOf(late), WALL_MS + HOUR_MS);
  assert.ok(!machine.isLeading(2_200, WALL_MS + HOUR_MS));
});

test('trust 18: suspended for a moment → it leads on until ten seconds after its renewal left', () => {
  const machine = leader();
  assert.ok(machine.isLeading(1_000, WALL_MS + 9_999));
  assert.ok(!machine.isLeading(1_000, WALL_MS + 10_000));
});

test('trust 18: the wall clock is set back → it might hide that the machine was suspended: the lease is renewed first, with the right time', () => {
  const machine = leader();
  assert.ok(machine.isLeading(1_000, WALL_MS + 100), 'clocks do not run at the same rate');
  const back = WALL_MS - HOUR_MS;
  assert.ok(!machine.isLeading(1_000, back + 1_000));
  assert.deepEqual(types(machine.handle({ type: 'tick' }, 1_000, back + 1_000)), ['lost', 'get']);
  const update = machine.handle(
    { type: 'lease-read', lease: { record: OWN, resourceVersion: '1' } },
    1_010,
    back + 1_010,
  );
  assert.equal(renewTimeOf(update), back + 1_010);
  machine.handle({ type: 'written', resourceVersion: '2' }, 1_020, back + 1_020);
  assert.ok(machine.isLeading(1_020, back + 1_020));
});
