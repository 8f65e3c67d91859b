import assert from 'node:assert/strict';
import { test } from 'node:test';
import { daemonSetKey, slotKey } from '../../src/protocol/slot.ts';
import { budget, node } from '../rollout/records.ts';
import { optedIn, World } from './world.ts';

const AGENT = daemonSetKey('kube-system', 'agent');

/** What a dry run has said of single nodes, and where it stopped, as it came. */
function said(world: World): string[] {
  return world.ports.logs
    .filter(({ level, message }) => level === 'info' && message.startsWith('dry run'))
    .map(({ message, fields }) => {
      const { node: name, action, fromHash, toHash, now, later } = fields;
      return message === 'dry run stops here'
        ? `stops: ${now} now, ${later} later`
        : `${action} ${name} ${fromHash} → ${toHash}`;
    });
}

function dryRun(nodeCount: number, limits: ConstructorParameters<typeof World>[1] = {}): World {
  const world = new World(nodeCount, { isDryRun: true, ...limits });
  world.lead();
  return world;
}

/** An hour in which heartbeats come. */
function hour(world: World): void {
  for (let minute = 0; minute < 60; minute += 1) {
    world.controller.onNode({ type: 'modified', object: node('n1', { resourceVersion: `${minute}` }) }, world.nowMs);
    world.pump(60_000);
  }
}

test('trust 11: dry run → names what fits into the budget, node by node, says that it stops there, and nothing is sent', () => {
  const world = dryRun(5);
  world.add(optedIn('agent', '2'));
  world.pump();
  hour(world);
  assert.deepEqual(said(world), ['delete n1 old → new', 'delete n2 old → new', 'stops: 2 now, 3 later']);
  assert.deepEqual(world.ports.batches, []);
  assert.equal(world.counts(AGENT).inFlight, 0);
  assert.equal(world.controller.dispatcher.load.depth, 0);
});

test('trust 11: dry run → never says that a rollout started, went on, was completed or gave way, nor that the pace changed', () => {
  const world = dryRun(4);
  const record = optedIn('agent', '1');
  world.add(record);
  world.pump();
  world.supersede(record, 'newer');
  world.pump(1000);
  world.standBy();
  world.lead();
  // Somebody else rolls it out.
  for (const name of ['n1', 'n2', 'n3', 'n4']) world.createPod(AGENT, name, 'newer');
  world.pump(1000);
  const messages = world.ports.logs.filter(({ level }) => level !== 'debug').map(({ message }) => message);
  assert.deepEqual(
    messages.filter((message) => !message.startsWith('dry run')),
    [],
  );
  assert.deepEqual(world.ports.reasons(), []);
});

test('trust 11: dry run, and others replace pods → what would be next then is named, each node once; a new revision begins anew', () => {
  const world = dryRun(4);
  const record = optedIn('agent', '1');
  world.add(record);
  world.pump();
  assert.deepEqual(said(world), ['delete n1 old → new', 'stops: 1 now, 3 later']);
  const uid = world.controller.find(AGENT)?.rollout.plan(world.nowMs)[0]?.pod ?? '';
  world.deletePod({ slot: slotKey(AGENT, 'n1'), namespace: 'kube-system', pod: uid, uid, action: 'delete' });
  world.pump(1000);
  world.createPod(AGENT, 'n1', 'new');
  world.pump(1000);
  assert.deepEqual(said(world).slice(2), ['delete n2 old → new', 'stops: 1 now, 2 later']);
  world.supersede(record, 'newer');
  world.pump(1000);
  assert.deepEqual(said(world).slice(4), ['delete n1 new → newer', 'stops: 1 now, 3 later']);
});

test('trust 11: dry run, OTA → every pod that would be marked; nothing to do → said once', () => {
  const world = dryRun(3);
  world.add(optedIn('agent', '1', { annotations: { 'apps.openyurt.io/update-strategy': 'OTA' } }), 'old', 2);
  world.add(optedIn('other', '1'), 'new', 2);
  world.pump();
  hour(world);
  assert.deepEqual(said(world), [
    'mark n1 old → new',
    'mark n2 old → new',
    'stops: 2 now, 0 later',
    'stops: 0 now, 0 later',
  ]);
});

test('trust 11: dry run with --max-in-flight → names no more than would be in flight, over all DaemonSets', () => {
  const world = dryRun(9, { maxInFlight: 3 });
  for (const name of ['a', 'b', 'c']) world.add(optedIn(name, '2'));
  world.pump();
  hour(world);
  const named = said(world).filter((line) => line.startsWith('delete'));
  assert.equal(named.length, 3, `${named}`);
});

test('trust 11: dry run of 2,000 nodes → at most 500 lines at a time, all of them in the end', () => {
  const world = dryRun(2000, { maxInFlightPerDaemonSet: 2000, slotsATurn: 10_000 });
  world.add(optedIn('agent', '100%'));
  world.pump();
  assert.equal(said(world).length, 500);
  for (let second = 0; second < 10 && world.controller.nextWakeMs(world.nowMs) !== undefined; second += 1)
    world.pump(1000);
  assert.equal(said(world).length, 2001);
  assert.equal(said(world).at(-1), 'stops: 2000 now, 0 later');
});

test('trust 11: dry run of a paused rollout → it says that it is paused and names nothing', () => {
  const world = dryRun(3);
  world.add(optedIn('agent', '1', { annotations: budget('1', { 'daemonpodupdater.io/paused': 'true' }) }));
  world.pump();
  assert.deepEqual(said(world), []);
  assert.deepEqual(
    world.ports.logs.filter(({ level }) => level === 'info').map(({ message }) => message),
    ['RolloutPaused'],
  );
});

test('trust 11: dry run, the pause ends → names who would be next, and does not say that the rollout goes on', () => {
  const world = dryRun(3);
  const paused = optedIn('agent', '1', { annotations: { ...budget('1'), 'daemonpodupdater.io/paused': 'true' } });
  world.add(paused);
  world.pump();
  world.apply({ ...paused, annotations: budget('1') });
  world.pump(1000);
  assert.deepEqual(said(world), ['delete n1 old → new', 'stops: 1 now, 2 later']);
  assert.deepEqual(world.ports.reasons(), ['RolloutPaused']);
});

test('trust 11: a standby, and a process that is not the leader of anything → a dry run says nothing', () => {
  const world = new World(3, { isDryRun: true });
  world.add(optedIn('agent', '1'));
  world.pump();
  assert.deepEqual(said(world), []);
});
