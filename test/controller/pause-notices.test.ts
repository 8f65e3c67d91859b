import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DaemonSetRecord } from '../../src/kube/records.ts';
import { daemonSetKey } from '../../src/protocol/slot.ts';
import { budget } from '../rollout/records.ts';
import { nodesOf, optedIn, World } from './world.ts';

const AGENT = daemonSetKey('kube-system', 'agent');
let version = 1;

function agent(paused: string | undefined): DaemonSetRecord {
  version += 1;
  const others: Record<string, string> = paused === undefined ? {} : { 'daemonpodupdater.io/paused': paused };
  return optedIn('agent', '2', { annotations: budget('2', others), resourceVersion: String(version) });
}

test('trust 12: paused in the middle and resumed → one event each way, nothing is sent between, and it goes on where it was', () => {
  const world = new World(10);
  world.lead();
  world.add(agent(undefined));
  const first = world.pump();
  assert.deepEqual(nodesOf(first), ['n01', 'n02']);
  world.apply(agent('true'));
  for (const task of first) world.replace(task);
  assert.deepEqual(world.pump(1), []);
  world.apply(agent('true'));
  assert.deepEqual(world.pump(60_000), []);
  assert.deepEqual(world.ports.reasons(), ['RolloutStarted', 'RolloutPaused', 'PodsReplaced']);
  assert.deepEqual(
    world.ports.events.map(({ type }) => type),
    ['Normal', 'Normal', 'Normal'],
  );
  assert.equal(world.counts(AGENT).isPaused, true);
  world.apply(agent(undefined));
  assert.equal(world.finish().length, 8);
  assert.deepEqual(world.ports.reasons(), [
    'RolloutStarted',
    'RolloutPaused',
    'PodsReplaced',
    'RolloutResumed',
    'RolloutProgress',
    'RolloutProgress',
    'RolloutProgress',
    'PodsReplaced',
    'RolloutCompleted',
  ]);
});

test('trust 12: lanes are full, and it is paused → what waits for them is never sent; nothing wakes for it', () => {
  const world = new World(300, { laneInFlightMax: 1, batchMax: 1 });
  world.lead();
  world.add(optedIn('agent', '100'));
  const sent = world.pump();
  assert.ok(sent.length < 10, `${sent.length} sent`);
  assert.ok(world.counts(AGENT).inFlight > sent.length);
  world.apply(
    optedIn('agent', '100', {
      annotations: budget('100', { 'daemonpodupdater.io/paused': 'true' }),
      resourceVersion: '9',
    }),
  );
  assert.equal(world.counts(AGENT).inFlight, sent.length);
  for (const task of sent) world.replace(task);
  assert.deepEqual(world.pump(1000), []);
  assert.equal(world.counts(AGENT).inFlight, 0);
  assert.equal(world.controller.dispatcher.load.depth, 0);
});

test('trust 12: paused before anything → RolloutPaused and no RolloutStarted; a value that is neither → BadAnnotation too', () => {
  const world = new World(3);
  world.lead();
  world.add(agent('yes'));
  assert.deepEqual(world.pump(), []);
  assert.deepEqual(world.ports.reasons(), ['BadAnnotation', 'RolloutPaused']);
  assert.match(world.ports.events[0]?.message ?? '', /"yes" is neither true nor false; the rollout is paused/);
  assert.deepEqual([...world.controller.complaints().keys()], [AGENT]);
  world.apply(agent('false'));
  world.pump(1);
  assert.deepEqual(world.ports.reasons().slice(2), ['RolloutResumed', 'RolloutStarted']);
});

test('trust 12: another leads while it is paused → a standby says nothing, whoever takes over says that it is paused, not that it started', () => {
  const world = new World(3);
  world.add(agent(undefined));
  world.pump();
  world.apply(agent('true'));
  world.pump(1);
  assert.deepEqual(world.ports.reasons(), []);
  world.lead();
  world.pump(1);
  assert.deepEqual(world.ports.reasons(), ['RolloutPaused']);
  world.standBy();
  world.apply(agent(undefined));
  world.pump(1);
  world.lead();
  world.pump(1);
  assert.deepEqual(
    world.ports.reasons(),
    ['RolloutPaused', 'RolloutStarted'],
    'who was leader then has said that it goes on',
  );
});

test('trust 12: paused, and its view is stale → nobody is told of that while nothing would be done', () => {
  const world = new World(3);
  world.lead();
  world.add(agent('true'));
  world.pump();
  world.controller.setLosses([{ stream: 'nodes', scope: { of: 'all' }, reason: 'failing for 75 s' }]);
  for (let second = 0; second < 30; second += 1) world.pump(1000);
  assert.deepEqual(world.ports.reasons(), ['RolloutPaused']);
});
