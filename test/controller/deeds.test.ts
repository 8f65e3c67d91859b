import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplacedDigest } from '../../src/controller/replaced-digest.ts';
import { daemonSetOfSlot } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';
import { budget, node } from '../rollout/records.ts';
import { type LogLine, optedIn, World } from './world.ts';

function told(world: World): LogLine[] {
  return world.ports.logs.filter(({ level, fields }) => level === 'info' && 'action' in fields);
}

function replaced(world: World): string[] {
  return world.ports.events.filter(({ reason }) => reason === 'PodsReplaced').map(({ message }) => message);
}

function only(world: World): Task {
  const tasks = world.pump();
  assert.equal(tasks.length, 1);
  return tasks[0] ?? assert.fail();
}

test('trust 13: a deletion is accepted → one line with node, pod, DaemonSet, both revisions and the reason; none before', () => {
  const world = new World(2);
  world.lead();
  const key = world.add(optedIn('agent', '1'));
  const task = only(world);
  assert.deepEqual(told(world), []);
  world.answer(task, 'done', { durationMs: 7 });
  const [line, ...others] = told(world);
  assert.deepEqual(others, []);
  assert.deepEqual(line, {
    level: 'info',
    message: 'pod deleted',
    fields: {
      daemonSet: key,
      node: 'n1',
      pod: task.pod,
      uid: task.uid,
      action: 'delete',
      fromHash: 'old',
      toHash: 'new',
      reason: 'old; next by name',
      durationMs: 7,
    },
  });
});

test('trust 13: candidates of each kind → the reason is what put each of them first', () => {
  const world = new World(5);
  world.lead();
  const key = world.add(optedIn('agent', '5'), 'old', 0);
  const zone = (name: string, zoneName: string) => {
    const labels = { 'topology.kubernetes.io/zone': zoneName };
    world.controller.onNode({ type: 'modified', object: node(name, { labels }) }, world.nowMs);
  };
  zone('n2', 'east');
  zone('n3', 'west');
  world.createPod(key, 'n1', 'old', { isReady: false });
  world.createPod(key, 'n2', 'old', { deletionCost: -5 });
  world.createPod(key, 'n3', 'old');
  world.createPod(key, 'n4', 'old', { deletionCost: 3 });
  world.createPod(key, 'n5', 'old');
  for (const task of world.pump()) world.answer(task, 'done');
  assert.deepEqual(Object.fromEntries(told(world).map(({ fields }) => [fields.node, fields.reason])), {
    n1: 'old and unavailable',
    n2: 'old; lowest deletion cost (-5), next in zone east',
    n3: 'old; next in zone west',
    n4: 'old; lowest deletion cost (3), next by name',
    n5: 'old; next by name',
  });
});

test('trust 13: no answer comes → that is said; then the watch shows it → that too, and it is counted', () => {
  const world = new World(1);
  world.lead();
  world.add(optedIn('agent', '1'));
  const task = only(world);
  world.answer(task, 'unknown', { message: 'socket hang up' });
  assert.deepEqual(
    told(world).map(({ message, fields }) => [message, fields.pod, fields.reason, fields.detail]),
    [['pod deletion sent, not known whether it was done', task.pod, 'old; next by name', 'socket hang up']],
  );
  world.pump(3000);
  assert.deepEqual(replaced(world), []);
  world.deletePod(task);
  world.pump(3000);
  assert.deepEqual(
    told(world).map(({ message, fields }) => [message, fields.node, fields.uid]),
    [
      ['pod deletion sent, not known whether it was done', 'n1', task.uid],
      ['write that nobody had answered is done', 'n1', task.uid],
    ],
  );
  world.pump(3000);
  assert.deepEqual(replaced(world), ['1 pod deleted for revision new: on n1']);
});

test('trust 13: the watch is faster than an answer that never comes → the pod was deleted, and that alone is said', () => {
  const world = new World(1);
  world.lead();
  world.add(optedIn('agent', '1'));
  const task = only(world);
  world.deletePod(task);
  world.answer(task, 'unknown', { message: 'time-out' });
  assert.deepEqual(
    told(world).map(({ message }) => message),
    ['pod deleted'],
  );
});

test('trust 13: a deletion is refused, throttled or fenced → no line says that a pod was deleted', () => {
  for (const code of ['rejected', 'forbidden', 'throttled', 'conflict', 'fenced'] as const) {
    const world = new World(1);
    world.lead();
    world.add(optedIn('agent', '1'));
    world.answer(only(world), code, { httpStatus: 403 });
    world.pump(5000);
    assert.deepEqual([told(world), replaced(world)], [[], []], code);
  }
});

test('trust 13: refused, then accepted → the reason says so', () => {
  const world = new World(1);
  world.lead();
  world.add(optedIn('agent', '1'));
  world.answer(only(world), 'rejected', { httpStatus: 422 });
  world.pump();
  const [again] = world.pump(1000);
  world.answer(again ?? assert.fail(), 'done');
  assert.equal(told(world)[0]?.fields.reason, 'old; tried again after 1 refusal');
});

test('trust 13: the thread dies, or the process ends, before the answer → it is said what is not known', () => {
  const world = new World(2);
  world.lead();
  world.add(optedIn('agent', '2'));
  const tasks = world.pump();
  assert.equal(tasks.length, 2);
  const [first, second] = world.held;
  assert.ok(first !== undefined && second !== undefined);
  world.answer(first.task, 'done');
  world.loseLane(second.lane);
  world.controller.end(world.nowMs);
  assert.deepEqual(
    told(world).map(({ message, fields }) => [message, fields.detail]),
    [
      ['pod deleted', undefined],
      ['pod deletion sent, not known whether it was done', 'the worker thread died'],
    ],
  );
  assert.deepEqual(replaced(world), ['1 pod deleted for revision new: on n1'], 'said at the end, though not due');

  const ending = new World(1);
  ending.lead();
  ending.add(optedIn('agent', '1'));
  only(ending);
  ending.controller.end(ending.nowMs);
  assert.deepEqual(
    told(ending).map(({ message, fields }) => [message, fields.detail]),
    [['pod deletion sent, not known whether it was done', 'the process ended before the answer came']],
  );
});

test('trust 13: the DaemonSet opts out, or another process leads, before the answer → the line is there', () => {
  const optOut = new World(1);
  optOut.lead();
  const record = optedIn('agent', '1');
  optOut.add(record);
  const task = only(optOut);
  optOut.apply({ ...record, annotations: {} });
  optOut.answer(task, 'done');
  assert.deepEqual(
    told(optOut).map(({ message }) => message),
    ['pod deleted'],
  );

  const deposed = new World(1);
  deposed.lead();
  deposed.add(optedIn('agent', '1'));
  const sent = only(deposed);
  deposed.standBy();
  deposed.answer(sent, 'done');
  deposed.pump();
  assert.equal(told(deposed).length, 1);
  assert.deepEqual(replaced(deposed), ['1 pod deleted for revision new: on n1'], 'nobody else knows');
});

test('trust 13: a stuck pod is deleted by force → a line, a warning, and counted as such; without an answer, when it is shown', () => {
  for (const code of ['done', 'unknown'] as const) {
    const world = new World(1);
    world.lead();
    const annotations = { ...budget('1'), 'daemonpodupdater.io/force-delete-stuck': 'true' };
    const key = world.add(optedIn('agent', '1', { annotations }), 'old', 0);
    const stuck = world.createPod(key, 'n1', 'old', { isTerminating: true, deletionAtMs: world.nowMs });
    world.pump();
    const [task] = world.pump(700_000);
    assert.equal(task?.action, 'force-delete');
    world.answer(task ?? assert.fail(), code);
    world.controller.onPod(key, { type: 'deleted', object: stuck }, world.nowMs);
    world.pump();
    world.pump(3000);
    const lines = told(world);
    assert.deepEqual(
      [lines[0]?.fields.action, lines[0]?.fields.reason, lines[0]?.fields.fromHash],
      ['force-delete', 'stuck in Terminating, and the DaemonSet asks for force', 'old'],
    );
    const warnings = world.ports.events.filter(({ reason }) => reason === 'StuckPodForceDeleted');
    assert.deepEqual([warnings.length, warnings[0]?.type], [1, 'Warning'], code);
    assert.deepEqual(replaced(world), ['1 pod deleted for revision new, 1 of them by force: on n1']);
  }
});

test('trust 13: marks → a line each, with what it says; no event that pods were replaced', () => {
  const world = new World(2);
  world.lead();
  const annotations = { 'apps.openyurt.io/update-strategy': 'OTA' };
  const key = world.add(optedIn('agent', '1', { annotations }), 'old', 1);
  world.createPod(key, 'n2', 'new');
  for (const task of world.pump()) world.answer(task, 'done');
  world.pump(60_000);
  assert.deepEqual(
    told(world)
      .map(({ message, fields }) => [message, fields.node, fields.fromHash, fields.toHash, fields.reason])
      .sort(),
    [
      ['pod marked', 'n1', 'old', 'new', 'old, and not marked so'],
      ['pod marked', 'n2', 'new', 'new', 'current, and not marked so'],
    ],
  );
  assert.deepEqual(replaced(world), []);
});

test('trust 13: 600 pods are replaced in 30 min → a few events, whose counts add up; the first ten nodes are named', () => {
  const world = new World(600);
  world.lead();
  const key = world.add(optedIn('agent', '1'));
  const atMs: number[] = [];
  const beganMs = world.nowMs;
  for (let deleted = 0; deleted < 600; deleted += 1) {
    const [task] = world.held.length > 0 ? world.held.map(({ task: held }) => held) : world.pump();
    world.replace(task ?? assert.fail());
    const before = replaced(world).length;
    world.pump(3000);
    if (replaced(world).length > before) atMs.push(world.nowMs - beganMs);
  }
  assert.equal(daemonSetOfSlot(world.ports.ended[0]?.slot ?? assert.fail()), key);
  assert.deepEqual(atMs, [3000, 33_000, 93_000, 213_000, 453_000, 753_000, 1_053_000, 1_353_000, 1_653_000, 1_800_000]);
  const counts = replaced(world).map((message) =>
    Number(/^(\d+) pods? deleted for revision new: on /.exec(message)?.[1]),
  );
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    600,
  );
  assert.match(replaced(world)[1] ?? '', /^\d+ pods deleted for revision new: on n002(?:, n\d{3}){9}( and \d+ more)?$/);
  assert.equal(told(world).length, 600);
});

test('replaced digest: 100,000 deletions → ten names are kept; another revision → those before are said first', () => {
  const digest = new ReplacedDigest();
  for (let index = 0; index < 100_000; index++) digest.add({ node: `n${index}`, toHash: 'a', isForced: false }, 0);
  const before = digest.add({ node: 'm', toHash: 'b', isForced: false }, 1000);
  const names = 'n0, n1, n2, n3, n4, n5, n6, n7, n8, n9';
  assert.equal(before?.message, `100000 pods deleted for revision a: on ${names} and 99990 more`);
  assert.equal(digest.flush(2000)?.message, '1 pod deleted for revision b: on m');
  assert.equal(digest.flush(3000), undefined);
});

test('trust 14: OTA marks pods and replaces none → its events say marked, and nowhere that a node has the revision', () => {
  const world = new World(8);
  world.lead();
  const annotations = { 'apps.openyurt.io/update-strategy': 'OTA' };
  const record = optedIn('agent', '1', { annotations });
  world.add(record);
  for (const task of world.pump().slice(0, 4)) {
    world.answer(task, 'done');
    world.mark(task);
  }
  world.pump();
  world.supersede(record, 'newer');
  for (let tasks = [...world.held.map(({ task }) => task)]; tasks.length > 0; tasks = world.pump()) {
    for (const task of tasks) {
      world.answer(task, 'done');
      world.mark(task);
    }
  }
  const told = world.ports.events.map(({ reason, message }) => `${reason}: ${message}`);
  assert.deepEqual(told, [
    'RolloutStarted: marking 8 pods for revision new',
    'RolloutProgress: 50 % of 8 pods marked for revision new',
    'RolloutSuperseded: revision new gives way to newer before every pod was marked for it',
    'RolloutStarted: marking 8 pods for revision newer',
    'RolloutCompleted: all pods are marked for revision newer after 0 s',
  ]);
});
