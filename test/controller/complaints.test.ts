import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventCorrelator } from '../../src/events/event-correlator.ts';
import { daemonSetKey } from '../../src/protocol/slot.ts';
import { budget } from '../rollout/records.ts';
import { optedIn, World } from './world.ts';

const AGENT = daemonSetKey('kube-system', 'agent');
const PAUSE = { 'daemonpodupdater.io/pause': 'true' };
const PEACE = { 'daemonpodupdater.io/peace': 'max' };
let version = 1;

function agent(annotations: Record<string, string>) {
  version += 1;
  return optedIn('agent', '2', { annotations, resourceVersion: String(version) });
}

test('trust 10: two unknown annotations, and its status changes again and again → a Warning each, once', () => {
  const world = new World(3);
  world.lead();
  world.add(agent(budget('2', { ...PAUSE, ...PEACE })), 'new');
  for (let time = 0; time < 3; time += 1) world.apply(agent(budget('2', { ...PAUSE, ...PEACE })));
  world.pump();
  const correlator = new EventCorrelator({ random: () => 0.5 });
  const effects = world.ports.events.flatMap((event) => correlator.record(event, world.nowMs));
  assert.deepEqual(
    effects.map(({ type, event }) => [type, event.type, event.reason, event.message.split(':')[0]]),
    [...Object.keys(PAUSE), ...Object.keys(PEACE)].map((name) => [
      'create',
      'Warning',
      'BadAnnotation',
      `annotation ${name}`,
    ]),
  );
  assert.equal(world.controller.complaints().get(AGENT)?.length, 2);
});

test('trust 10: one of two is corrected → the other is not said again', () => {
  const world = new World(3);
  world.lead();
  world.add(agent(budget('2', { ...PAUSE, ...PEACE })), 'new');
  world.apply(agent(budget('2', PEACE)));
  world.pump();
  assert.deepEqual(world.ports.reasons(), ['BadAnnotation', 'BadAnnotation']);
  assert.equal(world.controller.complaints().get(AGENT)?.length, 1);
  world.apply(agent(budget('2')));
  assert.equal(world.controller.complaints().size, 0);
});

test('trust 10: the annotation that opts in is misspelt → a Warning, though the DaemonSet is none of ours', () => {
  const world = new World(3);
  world.lead();
  world.apply(agent({ 'apps.openyurt.io/update-strateg': 'OTA' }));
  world.pump();
  assert.match(world.ports.events[0]?.message ?? '', /did you mean apps.openyurt.io\/update-strategy\?$/);
  assert.deepEqual(world.ports.follows, []);
});
