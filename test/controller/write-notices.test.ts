import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RepeatedProblem } from '../../src/controller/repeated-problem.ts';
import { T0 } from '../rollout/records.ts';
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
