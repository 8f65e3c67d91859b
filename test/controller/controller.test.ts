import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventCorrelator } from '../../src/events/event-correlator.ts';
import { daemonSetKey } from '../../src/protocol/slot.ts';
import { type daemonSet, node, T0 } from '../rollout/records.ts';
import { nodesOf, optedIn, World } from './world.ts';

const AGENT = daemonSetKey('kube-system', 'agent');

test('controller: a DaemonSet opts in, out and is deleted → followed and unfollowed', () => {
  const world = new World(3);
  const plain = optedIn('agent', '1', { annotations: {} });
  world.apply(plain);
  assert.deepEqual(world.ports.follows, []);
  const opted = optedIn('agent', '1');
  world.apply(opted);
  assert.deepEqual(world.ports.follows, [opted]);
  world.apply({ ...opted, resourceVersion: '2' });
  assert.equal(world.ports.follows.length, 1, 'a change of its status is nothing to read pods again for');
  world.apply(plain);
  assert.deepEqual(world.ports.unfollows, ['kube-system/agent']);
  world.apply(opted);
  world.delete(opted);
  assert.deepEqual(world.ports.unfollows, ['kube-system/agent', 'kube-system/agent']);
  assert.deepEqual([...world.controller.followed()], []);
});

for (const [first, second] of [
  ['pods', 'revisions'],
  ['revisions', 'pods'],
] as const) {
  test(`controller: not everything has been listed, ${second} last → nothing is sent before; then the first ones`, () => {
    const world = new World(4);
    world.lead();
    const record = optedIn('agent', '1');
    world.apply(record);
    world.readRevisions(record);
    for (const name of ['n1', 'n2', 'n3', 'n4']) world.createPod(AGENT, name, 'old');
    assert.deepEqual(world.pump(), []);
    world.controller.onSynced(AGENT, first);
    assert.deepEqual(world.pump(), []);
    assert.equal(world.controller.hasSynced, false);
    world.controller.onSynced(AGENT, second);
    world.controller.onRevisionsRead(AGENT);
    assert.deepEqual(nodesOf(world.pump()), ['n1']);
    assert.equal(world.controller.hasSynced, true);
  });
}

test('controller: a rollout of 10 nodes, 2 at a time → all, in order, and said at its start, quarters and end', () => {
  const world = new World(10);
  world.lead();
  world.add(optedIn('agent', '2'));
  assert.deepEqual(nodesOf(world.pump()), ['n01', 'n02']);
  assert.deepEqual(world.pump(), [], 'the budget is used up');
  const order = world.finish();
  assert.equal(order.length, 10);
  assert.equal(new Set(order).size, 10);
  assert.deepEqual(world.ports.reasons(), [
    'RolloutStarted',
    'RolloutProgress',
    'RolloutProgress',
    'RolloutProgress',
    'PodsReplaced',
    'RolloutCompleted',
  ]);
  assert.equal(world.controller.isBusy, false);
  assert.equal(world.ports.ended.length, 10);
});

test('controller: revision after revision within minutes → the event of each step says what is so, none is a series of an earlier one', () => {
  const world = new World(10);
  world.lead();
  const correlator = new EventCorrelator({ random: () => 0.5 });
  const record = optedIn('agent', '2');
  world.add(record);
  world.finish();
  world.supersede(record, 'newer');
  world.finish();
  const effects = world.ports.events.flatMap((event) => correlator.record(event, world.nowMs));
  assert.deepEqual(
    effects.map(({ type }) => type),
    effects.map(() => 'create'),
  );
  const told = effects.map(({ event }) => event.message);
  for (const quarter of [25, 50, 75]) assert.ok(told.includes(`${quarter} % of 10 pods done for revision newer`));
  assert.match(told.at(-1) ?? '', /^all Ready nodes have revision newer/);
});

test('controller: taken back before a pod was replaced → said so, and nothing is done for the revision that was given up', () => {
  const world = new World(10);
  world.lead();
  const record = optedIn('agent', '2');
  world.add(record);
  world.pump();
  world.supersede(record, 'old');
  world.pump();
  world.standBy();
  world.lead();
  world.pump();
  assert.deepEqual(world.ports.reasons(), ['RolloutStarted', 'RolloutSuperseded']);
  assert.equal(world.controller.noticeSizes().announced, 0);
});

const refused: { name: string; changes: Parameters<typeof daemonSet>[0]; reason: string; says: RegExp }[] = [
  {
    name: 'an unknown strategy',
    changes: { annotations: { 'apps.openyurt.io/update-strategy': 'BlueGreen' } },
    reason: 'UnknownUpdateStrategy',
    says: /"BlueGreen"; use OTA or AdvancedRollingUpdate/,
  },
  {
    name: 'RollingUpdate',
    changes: { updateStrategyType: 'RollingUpdate' },
    reason: 'NotOnDelete',
    says: /set it to OnDelete/,
  },
  {
    name: 'a selector that is none',
    changes: { selector: { matchLabels: {}, matchExpressions: [{ key: 'a', operator: 'Near', values: [] }] } },
    reason: 'BadSelector',
    says: /nothing is updated/,
  },
];

for (const { name, changes, reason, says } of refused) {
  test(`controller: opted in with ${name} → said once, and again only when it changed or came back`, () => {
    const world = new World(2);
    world.lead();
    const bad = optedIn('agent', '1', changes);
    world.apply(bad);
    for (let version = 2; version < 6; version++) world.apply({ ...bad, resourceVersion: String(version) });
    world.pump();
    assert.deepEqual(world.ports.reasons(), [reason]);
    const [event] = world.ports.events;
    assert.equal(event?.type, 'Warning');
    assert.equal(event?.uid, bad.uid);
    assert.match(event?.message ?? '', says);
    assert.deepEqual(world.ports.follows, []);
    world.apply(optedIn('agent', '1'));
    world.apply(bad);
    assert.deepEqual(world.ports.reasons(), [reason, reason]);
    world.delete(bad);
    world.apply(bad);
    assert.deepEqual(world.ports.reasons(), [reason, reason, reason]);
  });
}

test('controller: a refusal seen while standing by → said by whoever leads, once, and by the next leader again', () => {
  const world = new World(2);
  world.apply(optedIn('agent', '1', { updateStrategyType: 'RollingUpdate' }));
  world.pump();
  assert.deepEqual(world.ports.reasons(), []);
  world.lead();
  world.lead();
  assert.deepEqual(world.ports.reasons(), ['NotOnDelete']);
  world.standBy();
  world.lead();
  assert.deepEqual(world.ports.reasons(), ['NotOnDelete', 'NotOnDelete']);
});

test('controller: a malformed budget → a warning once, and the default of 10 % is used', () => {
  for (const value of ['lots', '-1', '101%']) {
    const world = new World(20);
    world.lead();
    const record = optedIn('agent', value);
    const key = world.add(record);
    world.apply({ ...record, resourceVersion: '2' });
    assert.equal(world.pump().length, 2, value);
    assert.equal(world.counts(key).allowed, 2);
    assert.deepEqual(world.ports.reasons(), ['BadAnnotation', 'RolloutStarted']);
    assert.match(world.ports.events[0]?.message ?? '', /max-unavailable.*10% is used/);
  }
});

test('controller: opted out in the middle → nothing more is sent, late answers are taken', () => {
  const world = new World(4, { lanes: 1, laneInFlightMax: 1, batchMax: 1 });
  world.lead();
  const record = optedIn('agent', '4');
  world.add(record);
  const [task] = world.pump();
  assert.ok(task);
  world.apply({ ...record, annotations: {} });
  assert.deepEqual(world.ports.unfollows, ['kube-system/agent']);
  assert.equal(world.controller.isBusy, true, 'a lane still works for it');
  world.answer(task, 'done');
  assert.equal(world.controller.isBusy, false);
  assert.deepEqual(world.pump(60_000), []);
  assert.equal(world.controller.dispatcher.stats(world.nowMs).depth, 0, 'what waited for a lane is dropped');
});

test('controller: deleted and created again in the middle → followed anew; answers about the old pods change nothing', () => {
  const world = new World(2);
  world.lead();
  const first = optedIn('agent', '1');
  world.add(first);
  const [task] = world.pump();
  assert.ok(task);
  const second = optedIn('agent', '1', { uid: 'another' });
  // The deletion was missed: the same key shows another UID.
  world.apply(second);
  assert.deepEqual(world.ports.unfollows, ['kube-system/agent']);
  assert.deepEqual(
    world.ports.follows.map(({ uid }) => uid),
    ['uid-agent', 'another'],
  );
  world.delete(first);
  const key = AGENT;
  assert.equal(world.controller.find(key)?.uid, 'another', 'a late deletion of the first is not of the second');
  world.readRevisions(second);
  for (const name of ['n1', 'n2']) world.createPod(key, name, 'old', { ownerUid: 'another' });
  world.sync(key);
  assert.deepEqual(world.pump(1), [], 'the slot is still in a lane, and the budget is one');
  world.answer(task, 'gone');
  const fresh = world.pump(1);
  assert.equal(fresh.length, 1);
  assert.notEqual(fresh[0]?.uid, task.uid);
});

test('controller: the selector changes → pods are read again before anything is sent', () => {
  const world = new World(3);
  world.lead();
  const record = optedIn('agent', '1');
  const key = world.add(record);
  const [task] = world.pump();
  assert.ok(task);
  world.apply({
    ...record,
    generation: 2,
    observedGeneration: 2,
    selector: { matchLabels: { app: 'x' }, matchExpressions: [] },
  });
  assert.equal(world.ports.follows.length, 2);
  world.replace(task);
  assert.deepEqual(world.pump(1), []);
  world.sync(key);
  assert.equal(world.pump(1).length, 1);
});

test('controller: a node is cordoned off, leaves and comes → the rollout follows', () => {
  const world = new World(3);
  world.lead();
  const key = world.add(optedIn('agent', '3'));
  world.controller.onNode({ type: 'modified', object: node('n1', { isReady: false, resourceVersion: '2' }) }, T0);
  world.controller.onNode({ type: 'deleted', object: node('n2') }, T0);
  assert.deepEqual(nodesOf(world.pump()), ['n3']);
  assert.equal(world.counts(key).skippedNotReady, 1);
  world.controller.onNode({ type: 'modified', object: node('n1', { resourceVersion: '3' }) }, T0);
  assert.deepEqual(nodesOf(world.pump()), ['n1']);
  assert.equal(world.controller.nodeCount, 2);
});
