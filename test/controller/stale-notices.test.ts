import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podsView, type ViewLoss } from '../../src/controller/view-losses.ts';
import { daemonSetKey } from '../../src/protocol/slot.ts';
import { optedIn, World } from './world.ts';

const LOST: ViewLoss = { ...podsView(daemonSetKey('kube-system', 'agent')), reason: 'failing for 60 s: not allowed' };

/** Two DaemonSets, one of which is not seen; the view is looked at once a second. */
function staleWorld(): World {
  const world = new World(2);
  world.lead();
  world.add(optedIn('agent', '1'));
  world.add(optedIn('other', '1'));
  world.pump();
  return world;
}

function lookFor(world: World, seconds: number, losses: readonly ViewLoss[] = [LOST]): void {
  for (let second = 0; second < seconds; second += 1) {
    world.controller.setLosses(losses);
    world.pump(1000);
  }
}

function viewEvents(world: World): string[] {
  const events = world.ports.events.filter(({ reason }) => reason.startsWith('View'));
  return events.map(({ type, reason, daemonSet, message }) => `${type} ${reason} ${daemonSet}: ${message}`);
}

const STALE = `Warning ViewStale kube-system/agent: nothing new is decided: ${LOST.stream}: ${LOST.reason}`;
const CURRENT = 'Normal ViewCurrent kube-system/agent: what is in the cluster is known again after 300 s; it goes on';

test('stale notices: five minutes → one Warning after 10 s, one Normal at the end, about that DaemonSet alone', () => {
  const world = staleWorld();
  lookFor(world, 10);
  assert.deepEqual(viewEvents(world), []);
  lookFor(world, 290);
  assert.deepEqual(viewEvents(world), [STALE]);
  lookFor(world, 3, []);
  assert.deepEqual(viewEvents(world), [STALE, CURRENT]);
});

test('stale notices: over within 10 s → nothing is said', () => {
  const world = staleWorld();
  lookFor(world, 9);
  lookFor(world, 60, []);
  assert.deepEqual(viewEvents(world), []);
});

test('stale notices: nobody looks again → it wakes to say it, once', () => {
  const world = staleWorld();
  world.controller.setLosses([LOST]);
  world.pump();
  assert.equal(world.controller.nextWakeMs(world.nowMs), world.nowMs + 10_000);
  world.pump(10_000);
  assert.deepEqual(viewEvents(world), [STALE]);
  assert.notEqual(world.controller.nextWakeMs(world.nowMs), world.nowMs);
});

test('stale notices: standing by → nothing; leading → 10 s later; not leading any more at its end → nothing', () => {
  const world = staleWorld();
  world.standBy();
  lookFor(world, 100);
  assert.deepEqual(viewEvents(world), []);
  world.lead();
  lookFor(world, 12);
  assert.deepEqual(viewEvents(world), [STALE]);
  world.standBy();
  lookFor(world, 3);
  lookFor(world, 3, []);
  world.lead();
  lookFor(world, 20, []);
  assert.deepEqual(viewEvents(world), [STALE]);
});

test('stale notices: the DaemonSet opts out meanwhile → nothing is kept or said', () => {
  const world = staleWorld();
  lookFor(world, 5);
  world.apply(optedIn('agent', '1', { annotations: {} }));
  world.pump();
  assert.ok((world.controller.nextWakeMs(world.nowMs) ?? Number.POSITIVE_INFINITY) > world.nowMs + 10_000);
  lookFor(world, 100);
  assert.deepEqual(viewEvents(world), []);
});
