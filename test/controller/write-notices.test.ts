import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RepeatedProblem } from '../../src/controller/repeated-problem.ts';
import type { DaemonSetRecord } from '../../src/kube/records.ts';
import { daemonSetOfSlot, nodeOfSlot } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';
import { node, T0 } from '../rollout/records.ts';
import { optedIn, World } from './world.ts';

test('repeated problem: at every attempt → said at once, then once a minute with how often since', () => {
  const problem = new RepeatedProblem();
  const said: [atMs: number, count: number][] = [];
  for (let nowMs = 0; nowMs <= 125_000; nowMs += 5000) {
    const count = problem.failed(nowMs);
    if (count !== undefined) said.push([nowMs, count]);
  }
  assert.deepEqual(said, [
    [0, 1],
    [60_000, 12],
    [120_000, 12],
  ]);
  assert.deepEqual(problem.succeeded(130_000), { count: 26, durationMs: 130_000 });
  assert.equal(problem.succeeded(131_000), undefined, 'once');
});

test('repeated problem: comes and goes all the time → a minute has one pair of lines', () => {
  const problem = new RepeatedProblem();
  let said = 0;
  for (let nowMs = 0; nowMs < 120_000; nowMs += 1000) {
    if (problem.failed(nowMs) !== undefined) said += 1;
    if (problem.succeeded(nowMs + 500) !== undefined) said += 1;
  }
  assert.equal(said, 4);
});

test('write notices: an outage over 20 nodes and many attempts → a line a minute, the rest for debugging; then one that it is over', () => {
  const world = new World(20);
  world.lead();
  const daemonSet = world.add(optedIn('agent', '20'));
  world.pump();
  for (let round = 0; round < 20; round++) {
    for (const { task } of [...world.held]) world.answer(task, 'throttled', { httpStatus: 429, message: 'busy' });
    for (let wait = 0; wait < 10 && world.held.length === 0; wait++) world.pump(10_000);
  }
  const lines = world.ports.logs.filter(({ message }) => message === 'write not confirmed');
  const told = lines.filter(({ level }) => level === 'warn');
  assert.equal(told[0]?.fields.count, undefined, 'the first at once');
  const minutes = (world.nowMs - T0) / 60_000;
  assert.ok(lines.length >= 200, `${lines.length}`);
  assert.ok(told.length >= 2 && told.length <= minutes + 1, `${told.length} lines`);
  const toldCount = told.reduce((sum, { fields }) => sum + Number(fields.count ?? 1), 0);
  assert.ok(toldCount <= lines.length && toldCount > lines.length / 2, `${toldCount} of ${lines.length}`);
  const isOver = () => world.ports.logs.filter(({ message }) => message === 'writes confirmed again');
  assert.deepEqual(isOver(), []);
  for (const { task } of [...world.held]) world.replace(task);
  assert.equal(isOver().length, 1);
  assert.deepEqual(isOver()[0]?.fields.daemonSet, daemonSet);
  assert.equal(isOver()[0]?.fields.count, lines.length);
});

const DENIED = { httpStatus: 422, message: 'denied by policy' };

/** Refuses all that is sent, from wake-up to wake-up. */
function refuseFor(world: World, ms: number): number {
  const untilMs = world.nowMs + ms;
  let count = 0;
  for (world.pump(); world.nowMs < untilMs; ) {
    for (const { task } of [...world.held]) {
      world.answer(task, 'rejected', DENIED);
      count += 1;
    }
    const wakeMs = world.controller.nextWakeMs(world.nowMs);
    world.pump(Math.min(untilMs, Math.max(world.nowMs + 1, wakeMs ?? untilMs)) - world.nowMs);
  }
  return count;
}

test('write notices: a webhook refuses all marks of 60 nodes for 5 min → a line a minute that counts all, one that it is over', () => {
  const world = new World(60);
  world.lead();
  const annotations = { 'apps.openyurt.io/update-strategy': 'OTA' };
  const daemonSet = world.add(optedIn('agent', '1', { annotations }));
  const refused = refuseFor(world, 300_000);
  assert.ok(refused > 200 && refused < 400, `${refused} in 300 s`);
  const lines = () => world.ports.logs.filter(({ message, level }) => message === 'WriteRejected' && level === 'warn');
  assert.equal(lines().length, 5);
  assert.deepEqual(
    [lines()[0]?.fields.detail, lines()[0]?.fields.count],
    ['cannot mark pods: denied by policy', undefined],
  );
  const told = lines().reduce((sum, { fields }) => sum + Number(fields.count ?? 1), 0);
  assert.ok(told > 0.7 * refused && told <= refused, `${told} of ${refused}`);
  // One Event counts them; the recorder writes it once a minute.
  assert.equal(world.ports.reasons().filter((reason) => reason === 'WriteRejected').length, refused);
  const isOver = () => world.ports.logs.filter(({ message }) => message === 'writes are not refused any more');
  for (const { task } of [...world.held]) world.answer(task, 'done');
  assert.deepEqual(isOver(), [], 'not while the watch has not shown the marks of all');
  for (let round = 0; round < 80 && isOver().length === 0; round++) {
    for (const task of world.pump(1000)) {
      world.answer(task, 'done');
      world.mark(task);
    }
  }
  assert.deepEqual(
    isOver().map(({ level, fields }) => [level, fields.daemonSet, fields.action, fields.outcome, fields.count]),
    [['info', daemonSet, 'mark', 'rejected', refused]],
  );
  world.pump(60_000);
  assert.equal(isOver().length, 1);
});

test('write notices: one pod is protected, the others are deleted → nobody says that it is over; the pod goes → it is', () => {
  const world = new World(4);
  world.lead();
  world.add(optedIn('agent', '1'));
  const [first] = world.pump();
  assert.ok(first !== undefined);
  world.answer(first, 'forbidden', { httpStatus: 403, message: 'no right' });
  for (let round = 0; round < 3; round++) {
    const [task] = world.pump();
    assert.ok(task !== undefined);
    world.replace(task);
  }
  const isOver = () => world.ports.logs.filter(({ message }) => message === 'writes are not refused any more').length;
  world.pump();
  assert.equal(isOver(), 0);
  const [again] = world.pump(1000);
  assert.equal(again?.slot, first.slot);
  assert.ok(again !== undefined);
  world.replace(again);
  world.pump();
  assert.equal(isOver(), 1);
});

const overLines = (world: World) => {
  return world.ports.logs.filter(({ message }) => message === 'writes are not refused any more').length;
};

/** One node of the cluster, whose deletion was refused; the others, if any, were replaced. */
function oneRefused(nodeCount: number): { world: World; refused: Task; record: DaemonSetRecord } {
  const world = new World(nodeCount);
  world.lead();
  const record = optedIn('agent', '1');
  world.add(record);
  const refused = world.pump()[0] ?? assert.fail();
  world.answer(refused, 'rejected', DENIED);
  for (let node = 1; node < nodeCount; node += 1) world.replace(world.pump()[0] ?? assert.fail());
  world.pump();
  return { world, refused, record };
}

function setReady(world: World, { slot }: Task, isReady: boolean): void {
  const object = node(nodeOfSlot(slot), { isReady, readyChangedAtMs: world.nowMs });
  world.controller.onNode({ type: 'modified', object }, world.nowMs);
}

for (const nodeCount of [1, 3]) {
  test(`write notices: one of ${nodeCount} is refused, its node goes NotReady and is back → not over; accepted → over`, () => {
    const { world, refused } = oneRefused(nodeCount);
    for (let round = 0; round < 3; round += 1) {
      setReady(world, refused, false);
      world.pump(100_000);
      assert.equal(world.counts(daemonSetOfSlot(refused.slot)).refused, 0);
      setReady(world, refused, true);
      world.answer(world.pump()[0] ?? assert.fail(), 'rejected', DENIED);
      world.pump();
      assert.equal(overLines(world), 0);
    }
    world.replace(world.pump(60_000)[0] ?? assert.fail());
    world.pump();
    assert.equal(overLines(world), 1);
  });
}

test('write notices: two are refused, one node goes NotReady, the other one is accepted → over, until the next refusal', () => {
  const world = new World(2);
  world.lead();
  world.add(optedIn('agent', '2'));
  const [first, second] = world.pump();
  assert.ok(first !== undefined && second !== undefined);
  for (const task of [first, second]) world.answer(task, 'rejected', DENIED);
  setReady(world, first, false);
  world.pump();
  assert.equal(overLines(world), 0);
  const again = world.pump(1000)[0] ?? assert.fail();
  assert.equal(again.slot, second.slot);
  world.replace(again);
  world.pump();
  assert.equal(overLines(world), 1);
  world.pump(70_000);
  setReady(world, first, true);
  world.answer(world.pump()[0] ?? assert.fail(), 'rejected', DENIED);
  assert.equal(world.counts(daemonSetOfSlot(first.slot)).refused, 1);
  setReady(world, first, false);
  world.pump();
  assert.equal(overLines(world), 1, 'that one was accepted once does not count after the next refusal');
});

const ENDS: readonly { name: string; end: (world: World, refused: Task, record: DaemonSetRecord) => void }[] = [
  { name: 'it opts out', end: (world, _, record) => world.apply({ ...record, annotations: {} }) },
  { name: 'it is deleted', end: (world, _, record) => world.delete(record) },
  {
    name: 'another one deletes the pod',
    end: (world, refused) => {
      world.deletePod(refused);
      world.createPod(daemonSetOfSlot(refused.slot), nodeOfSlot(refused.slot), 'new');
    },
  },
  { name: 'it is rolled back', end: (world, _, record) => world.supersede(record, 'old') },
];
for (const { name, end } of ENDS) {
  test(`write notices: a deletion is refused, and ${name} → nothing is left to refuse, said once`, () => {
    const { world, refused, record } = oneRefused(1);
    assert.equal(overLines(world), 0);
    end(world, refused, record);
    world.pump();
    world.pump(1000);
    assert.equal(overLines(world), 1);
  });
}
