import assert from 'node:assert/strict';
import { test } from 'node:test';
import { daemonSetKey } from '../../src/protocol/slot.ts';
import { budget, type daemonSet, node, T0 } from '../rollout/records.ts';
import { daemonSetsOf, nodesOf, optedIn, World } from './world.ts';

const AGENT = daemonSetKey('kube-system', 'agent');
const OTA = { 'apps.openyurt.io/update-strategy': 'OTA' };

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
    'RolloutCompleted',
  ]);
  assert.equal(world.controller.isBusy, false);
  assert.equal(world.ports.ended.length, 10);
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

test('controller: not the leader → reads and counts, sends nothing; leading → sends', () => {
  const world = new World(4);
  const key = world.add(optedIn('agent', '2'));
  assert.deepEqual(world.pump(), []);
  assert.equal(world.counts(key).waiting, 4);
  assert.equal(world.controller.nextWakeMs(world.nowMs), undefined);
  world.lead();
  assert.equal(world.pump().length, 2);
  assert.equal(world.ports.batches[0]?.writeUntilMs, Number.POSITIVE_INFINITY);
});

test('controller: the lease runs out → nothing is sent from then on; renewed → it goes on', () => {
  const world = new World(4);
  world.lead(T0 + 1000);
  world.add(optedIn('agent', '1'));
  const [first] = world.pump(999);
  assert.ok(first);
  assert.equal(world.ports.batches[0]?.writeUntilMs, T0 + 1000);
  world.replace(first);
  assert.deepEqual(world.pump(1), [], 'at writeUntilMs it is over');
  world.lead(T0 + 5000);
  assert.equal(world.pump().length, 1);
  assert.equal(world.ports.batches.at(-1)?.writeUntilMs, T0 + 5000);
});

test('controller: leadership lost with slots asked for → they are not sent; leading again → each once', () => {
  const world = new World(8, { lanes: 1, batchMax: 2, laneInFlightMax: 2 });
  world.lead();
  world.add(optedIn('agent', '8'));
  const first = world.pump();
  assert.equal(first.length, 2, 'the lane has room for two');
  world.standBy();
  for (const task of first) world.replace(task);
  assert.deepEqual(world.pump(10), []);
  world.lead();
  const order = world.finish();
  assert.equal(new Set([...order, ...nodesOf(first)]).size, 8);
  assert.equal(order.length, 6, 'nothing twice');
});

test('controller: an outcome while standing by → settled, not retried before it leads again', () => {
  const world = new World(1);
  world.lead();
  world.add(optedIn('agent', '1'));
  const [task] = world.pump();
  assert.ok(task);
  world.standBy();
  world.answer(task, 'fenced');
  assert.deepEqual(world.pump(60_000), []);
  world.lead();
  assert.deepEqual(nodesOf(world.pump(1)), ['n1']);
});

test('controller: a write is refused for now → again after Retry-After, while others go on', () => {
  const world = new World(3);
  world.lead();
  world.add(optedIn('agent', '2'));
  const [first, second] = world.pump();
  assert.ok(first && second);
  world.answer(first, 'throttled', { httpStatus: 429, retryAfterMs: 2000 });
  world.replace(second);
  assert.deepEqual(nodesOf(world.pump(1)), ['n3']);
  assert.deepEqual(world.pump(1998), []);
  const wakeMs = world.controller.nextWakeMs(world.nowMs);
  assert.ok(wakeMs !== undefined && wakeMs <= T0 + 2000, 'it asks to be woken for the retry');
  assert.deepEqual(nodesOf(world.pump(1)), nodesOf([first]));
});

test('controller: a write is forbidden → said with the verb and resource, and tried again later and later', () => {
  const world = new World(1);
  world.lead();
  world.add(optedIn('agent', '1'));
  const delays: number[] = [];
  let lastMs = world.nowMs;
  let [task] = world.pump();
  for (let round = 0; round < 4; round++) {
    assert.ok(task);
    world.answer(task, 'forbidden', { httpStatus: 403, message: 'cannot delete resource "pods"' });
    const wakeMs = world.controller.nextWakeMs(world.nowMs);
    assert.ok(wakeMs !== undefined);
    [task] = world.pump(wakeMs - world.nowMs);
    delays.push(world.nowMs - lastMs);
    lastMs = world.nowMs;
  }
  assert.deepEqual(delays, [5, 10, 20, 40]);
  assert.match(world.ports.events.find(({ reason }) => reason === 'WriteForbidden')?.message ?? '', /cannot delete/);
});

test('controller: a lane is lost → its tasks are unknown, not sent again, and settled by what the watch shows', () => {
  const world = new World(6, { lanes: 2 });
  world.lead();
  const key = world.add(optedIn('agent', '6'));
  const sent = world.pump();
  assert.equal(sent.length, 6);
  const lane = world.held[0]?.lane ?? 0;
  const lost = world.loseLane(lane);
  assert.ok(lost.length > 0 && lost.length < 6);
  assert.deepEqual(
    world.ports.ended.map(({ code }) => code),
    lost.map(() => 'unknown'),
  );
  assert.deepEqual(world.pump(1000), [], 'they may have been applied');
  for (const { task } of [...world.held]) world.replace(task);
  const [first, ...others] = lost;
  assert.ok(first);
  world.deletePod(first);
  world.createPod(key, first.slot.split('/')[2] ?? '', 'new', { readyChangedAtMs: world.nowMs });
  assert.deepEqual(world.pump(1), []);
  // The watch tells nothing about the others, so after a while their pods are read.
  const reads = world.pump(30_000);
  assert.deepEqual(nodesOf(reads), nodesOf(others));
  assert.ok(reads.every(({ action }) => action === 'observe'));
  for (const read of reads) world.answer(read, 'done');
  const again = world.pump(10);
  assert.deepEqual(nodesOf(again), nodesOf(others), 'they were not applied, so they are sent again');
  assert.ok(again.every(({ action }) => action === 'delete'));
  for (const task of again) world.replace(task);
  world.pump();
  assert.equal(world.counts(key).settled, 6);
});

test('controller: a lost lane answers after all → the answer changes nothing', () => {
  const world = new World(1, { lanes: 1 });
  world.lead();
  const key = world.add(optedIn('agent', '1'));
  const [task] = world.pump();
  assert.ok(task);
  world.loseLane(0);
  const ended = world.ports.ended.length;
  world.held.push({ lane: 0, task });
  world.answer(task, 'done');
  assert.equal(world.ports.ended.length, ended);
  assert.equal(world.counts(key).inFlight, 1);
});

test('controller: resized in the middle → no slot is in two lanes, all are done', () => {
  const world = new World(60, { lanes: 4, laneInFlightMax: 4 });
  world.lead();
  world.add(optedIn('agent', '100%'));
  const open = new Map<string, number>();
  const lanes = [4, 7, 2, 1, 8, 3];
  let rounds = 0;
  for (world.pump(); world.held.length > 0; world.pump(1)) {
    open.clear();
    for (const { task } of world.held) open.set(task.slot, (open.get(task.slot) ?? 0) + 1);
    assert.deepEqual(Math.max(...open.values()), 1);
    world.controller.resize(lanes[rounds % lanes.length] ?? 1, world.nowMs);
    const oldest = world.held.slice(0, 3);
    for (const { task } of oldest) world.replace(task);
    rounds += 1;
  }
  assert.equal(world.ports.ended.length, 60);
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

test('controller: drained → nothing new; it is busy until the lanes have answered', () => {
  const world = new World(4);
  world.lead();
  const key = world.add(optedIn('agent', '2'));
  const sent = world.pump();
  assert.equal(sent.length, 2);
  world.controller.drain();
  for (const task of sent) {
    assert.equal(world.controller.isBusy, true);
    world.replace(task);
  }
  assert.equal(world.controller.isBusy, false);
  assert.deepEqual(world.pump(60_000), []);
  world.lead(T0 + 1e9);
  assert.deepEqual(world.pump(1), [], 'not even when the lease is renewed');
  assert.equal(world.counts(key).inFlight, 0, 'nothing is asked for either');
});

test('controller: dry run → every batch says so, every node is decided about once', () => {
  const world = new World(5, { isDryRun: true });
  world.lead();
  const key = world.add(optedIn('agent', '2'));
  const asked: string[] = [];
  for (let tasks = world.pump(); tasks.length > 0; tasks = world.pump(1)) {
    for (const task of tasks) {
      asked.push(...nodesOf([task]));
      world.answer(task, 'dry-run');
    }
  }
  assert.ok(world.ports.batches.every(({ isDryRun }) => isDryRun));
  assert.deepEqual(asked.sort(), ['n1', 'n2', 'n3', 'n4', 'n5']);
  assert.equal(world.counts(key).available, 5);
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

test('controller: a limit over all DaemonSets → never exceeded, and shared', () => {
  const world = new World(30, { maxInFlight: 4 });
  world.lead();
  const keys = [world.add(optedIn('one', '30')), world.add(optedIn('two', '30')), world.add(optedIn('three', '30'))];
  const most = new Map<string, number>();
  let replaced = 0;
  for (world.pump(); world.held.length > 0; world.pump(1)) {
    assert.ok(world.held.length <= 4);
    const [first] = world.held;
    if (first === undefined) break;
    world.replace(first.task);
    replaced += 1;
    if (replaced === 30) for (const key of keys) most.set(key, world.counts(key).updated);
  }
  assert.equal(replaced, 90);
  for (const [key, updated] of most) assert.ok(updated >= 7, `${key} has had ${updated} of 30 turns`);
});

test('controller: a limit of one over two DaemonSets, whatever happens in between → they take turns', () => {
  for (let pumps = 1; pumps <= 4; pumps++) {
    const world = new World(10, { maxInFlight: 1 });
    world.lead();
    const keys = [world.add(optedIn('one', '10')), world.add(optedIn('two', '10'))];
    world.pump();
    for (let turn = 0; turn < 10; turn++) {
      const [first] = world.held;
      assert.ok(first);
      world.replace(first.task);
      for (let i = 0; i < pumps; i++) world.pump(1);
    }
    const updated = keys.map((key) => world.counts(key).updated);
    assert.ok(Math.min(...updated) >= 4, `with ${pumps} pumps a turn: ${updated}`);
  }
});

test('controller: marks → count against no limit, and take nothing away', () => {
  const world = new World(20, { maxInFlight: 1, maxInFlightPerDaemonSet: 1 });
  world.lead();
  world.add(optedIn('agent', '1', { annotations: OTA }));
  const sent = world.pump();
  assert.equal(sent.length, 20);
  assert.ok(sent.every((task) => task.action === 'mark' && task.needsUpgrade && task.hash === 'new'));
});

test('controller: marks on their way → take no place of a limit over all DaemonSets', () => {
  const world = new World(10, { maxInFlight: 2 });
  world.lead();
  world.add(optedIn('marked', '1', { annotations: OTA }));
  assert.equal(world.pump().length, 10);
  world.add(optedIn('deleted', '10'));
  assert.deepEqual(daemonSetsOf(world.pump(1)), { 'kube-system/deleted': 2 });
});

test('controller: a DaemonSet comes to a limit that another has used up → gets what is free until both have as many', () => {
  const world = new World(20, { maxInFlight: 4 });
  world.lead();
  world.add(optedIn('one', '20'));
  assert.equal(world.pump().length, 4);
  world.add(optedIn('two', '20'));
  for (let turn = 0; turn < 2; turn++) {
    const [oldest] = world.held;
    assert.ok(oldest);
    world.replace(oldest.task);
    assert.deepEqual(daemonSetsOf(world.pump(1)), { 'kube-system/two': 1 });
  }
});

test('controller: 10 nodes next to 10,000 → the small one is served as if it were alone', () => {
  const world = new World(10_000, { lanes: 2, laneInFlightMax: 8, batchMax: 4, maxInFlightPerDaemonSet: 10_000 });
  world.lead();
  world.add(optedIn('large', '100%', { annotations: OTA }));
  for (const task of world.pump()) assert.match(task.slot, /large/);
  const small = optedIn('small', '100%', { annotations: OTA });
  world.add(small, 'old', 10);
  let served = 0;
  let answered = 0;
  while (served < 10) {
    const [first] = world.held;
    assert.ok(first);
    world.answer(first.task, 'done');
    answered += 1;
    served += daemonSetsOf(world.pump(1))['kube-system/small'] ?? 0;
    assert.ok(answered < 100, `${served} of 10 after ${answered} answers`);
  }
  // The lanes take turns between the two; one of them may get more of the ten than the other.
  assert.ok(answered <= 45, `${answered} answers until the small one was served`);
});

test('controller: the budget is raised in the middle → the difference goes at once', () => {
  const world = new World(10);
  world.lead();
  const record = optedIn('agent', '1');
  world.add(record);
  assert.equal(world.pump().length, 1);
  world.apply({ ...record, annotations: budget('4'), resourceVersion: '2' });
  assert.equal(world.pump(1).length, 3);
});
