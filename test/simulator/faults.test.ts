import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Fate, FaultPlanner, NO_FAULTS } from '../../src/simulator/faults.ts';
import { createRandom } from '../../src/simulator/random.ts';

const DELETE = { method: 'DELETE', url: '/api/v1/namespaces/a/pods/b' };
const GET = { method: 'GET', url: '/api/v1/pods' };
const WATCH = { method: 'GET', url: '/api/v1/pods?watch=true' };

function draw(planner: FaultPlanner, request: typeof GET, count = 2000): Fate[] {
  return Array.from({ length: count }, (_, index) => planner.draw(request, index));
}

test('faults: no rates → every request is normal', () => {
  const planner = new FaultPlanner(NO_FAULTS, createRandom(1));
  for (const request of [DELETE, GET, WATCH]) {
    assert.ok(
      draw(planner, request, 100).every(({ fate, arrivalDelayMs }) => fate === 'normal' && arrivalDelayMs === 0),
    );
  }
});

test('faults: rates → about that share of requests, and the same ones for the same seed', () => {
  const rates = { ...NO_FAULTS, lostBefore: 0.1, lostAfter: 0.1, throttled: 0.1, conflict: 0.1, slow: 0.2, slowMs: 50 };
  const fates = draw(new FaultPlanner(rates, createRandom(2)), DELETE);
  const share = (matches: (fate: Fate) => boolean): number => fates.filter(matches).length / fates.length;
  const rows: [string, number, number][] = [
    ['refused', share(({ fate }) => fate === 'refused'), 0.19],
    ['lost before', share(({ fate }) => fate === 'lost-before'), 0.08],
    ['lost after', share(({ fate }) => fate === 'lost-after'), 0.073],
    ['slow', share(({ arrivalDelayMs }) => arrivalDelayMs > 0), 0.2],
  ];
  for (const [what, found, expected] of rows) assert.ok(Math.abs(found - expected) < 0.03, `${what}: ${found}`);
  assert.ok(fates.every(({ arrivalDelayMs }) => arrivalDelayMs < 50));
  assert.deepEqual(draw(new FaultPlanner(rates, createRandom(2)), DELETE), fates);
});

test('faults: reads → never refused as conflicting or forbidden', () => {
  const rates = { ...NO_FAULTS, conflict: 1, forbiddenSpellsPerMinute: 600, forbiddenSpellMs: 1000 };
  assert.ok(draw(new FaultPlanner(rates, createRandom(3)), GET).every(({ fate }) => fate === 'normal'));
});

test('faults: forbidden spells → writes are refused in spells of that length, until the rates change', () => {
  const rates = { ...NO_FAULTS, forbiddenSpellsPerMinute: 1, forbiddenSpellMs: 5000 };
  const planner = new FaultPlanner(rates, createRandom(4));
  const codes = Array.from({ length: 6000 }, (_, index) => planner.draw(DELETE, index * 100).refusal?.code);
  const refused = codes.filter((code) => code === 403).length;
  const spells = codes.filter((code, index) => code === 403 && codes[index - 1] === undefined).length;
  assert.ok(spells >= 3 && spells <= 25, `${spells} spells in ten minutes`);
  assert.equal(Math.round(refused / spells), 50);
  planner.setRates(NO_FAULTS);
  assert.equal(planner.draw(DELETE, 600_000).fate, 'normal');
});

test('faults: forbidden spells, reads too → lists are refused in them, and not otherwise', () => {
  const rates = { ...NO_FAULTS, forbiddenSpellsPerMinute: 600, forbiddenSpellMs: 60_000 };
  const refusedGets = (forbiddenReadShare: number): number =>
    draw(new FaultPlanner({ ...rates, forbiddenReadShare }, createRandom(4)), GET).filter(
      ({ fate }) => fate === 'refused',
    ).length;
  assert.equal(refusedGets(0), 0);
  assert.ok(refusedGets(1) > 0);
});

test('faults: watches → cut, late or out of date, and never lost on the way back', () => {
  const rates = {
    ...NO_FAULTS,
    lostAfter: 1,
    watchCut: 0.5,
    watchCutMs: 100,
    watchLate: 0.5,
    watchLagMs: 20,
    watchExpired: 0.2,
  };
  const fates = draw(new FaultPlanner(rates, createRandom(5)), WATCH);
  assert.ok(fates.every(({ fate }) => fate !== 'lost-after'));
  assert.ok(fates.some(({ cutAfterMs }) => cutAfterMs !== undefined && cutAfterMs < 100));
  assert.ok(fates.some(({ eventDelayMs }) => eventDelayMs > 0 && eventDelayMs < 20));
  assert.ok(fates.some(({ refusal }) => refusal?.code === 410));
});
