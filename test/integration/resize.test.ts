import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import type { Updater } from '../../src/manager/updater.ts';
import { createRandom } from '../../src/simulator/random.ts';
import type { Simulator } from '../../src/simulator/start.ts';
import {
  allArrived,
  assertClean,
  collectThreads,
  eventually,
  rolledOut,
  type SkippableClock,
  simulator,
  skippableClock,
  startUpdater,
} from './support.ts';

const NODES = 2000;
const LANES_MAX = 5;
/** Longer than a write may take before its pod is read. */
const OBSERVED_AFTER_MS = 31_000;
const LOOK_MS = 120;
/** With many CPUs there is little pause between the starts of two threads. */
const QUICK_TO_GROW = { cpus: () => 16 };
/** Where the clock jumps: oftener than it does, so that what was read does not look a minute old. */
const BOOKMARK_MS = 40;
const ROUNDS = 8;

interface Disturbance {
  readonly cluster: Simulator;
  readonly updater: Updater;
  readonly threads: ReadonlySet<Worker>;
  readonly random: () => number;
  readonly skip: SkippableClock;
}

async function writesOf(cluster: Simulator): Promise<number> {
  const { deletes, patches } = await cluster.control.report();
  return deletes + patches;
}

/** Changes the number of lanes and ends a thread in the middle of what it does. */
async function disturb({ cluster, updater, threads, random, skip }: Disturbance): Promise<void> {
  const resized = updater.lanes.set(1 + Math.floor(random() * LANES_MAX));
  await sleep(random() * 200);
  const victims = [...threads];
  // What it sent arrives before somebody looks whether it did: later, it would count as sent twice.
  await skip.standStill(async () => {
    await victims[Math.floor(random() * victims.length)]?.terminate();
    await allArrived(cluster);
  });
  await sleep(random() * 200);
  await resized;
}

/**
 * What a dead thread left open is settled by reading, half a minute later; nobody has to wait for it here. It may take as
 * long as it needs, as long as it goes on.
 */
async function untilDone(
  cluster: Simulator,
  skip: (ms: number) => void,
  isDone: (writes: number) => boolean | Promise<boolean>,
): Promise<void> {
  let before = -1;
  let isOver = false;
  while (!isOver) {
    await eventually('it goes on', async () => {
      const writes = await writesOf(cluster);
      isOver = await isDone(writes);
      if (isOver || writes > before) {
        before = writes;
        return true;
      }
      skip(OBSERVED_AFTER_MS);
      await sleep(LOOK_MS);
      return false;
    });
    await sleep(LOOK_MS);
  }
}

test('lanes: 4,000 slots of two rollouts, resized and killed at random → each slot in order, once, none lost', async (t) => {
  const seed = Number(process.env.SEED ?? 1);
  t.diagnostic(`SEED=${seed}`);
  const random = createRandom(seed);
  const cluster = await simulator(t, {
    speed: 50,
    bookmarkIntervalMs: BOOKMARK_MS,
    scenario: { nodes: NODES, daemonSets: 2, maxUnavailable: '10%', startupMs: 1000, podsPerSecond: 200, seed },
  });
  await cluster.control.annotateDaemonSet('default/agent-2', { 'apps.openyurt.io/update-strategy': 'OTA' });
  const skip = skippableClock(t);
  const threads = collectThreads(t);
  const { updater, diary } = await startUpdater(t, cluster, QUICK_TO_GROW);
  await cluster.control.startRollout();
  for (let round = 1; round <= ROUNDS; round++) {
    const target = (round * 2 * NODES) / (ROUNDS + 2);
    await disturb({ cluster, updater, threads, random, skip });
    await untilDone(cluster, skip, (writes) => writes >= target);
  }
  await updater.lanes.set(3);
  await untilDone(cluster, skip, async () => {
    const [deleted, marked] = await cluster.control.progress();
    return deleted?.updated === NODES && marked?.isNewRevisionKnown === true && marked.marked === NODES;
  });
  const report = await cluster.control.report();
  assertClean(report);
  assert.equal(report.deletes, NODES);
  assert.equal(updater.pool.laneCount, 3);
  const lost = diary.messages('error').filter((message) => message === 'worker thread lost').length;
  assert.ok(lost >= ROUNDS / 2, `only ${lost} threads were lost`);
  assert.ok(diary.outcomes.some(({ code }) => code === 'unknown'));
  t.diagnostic(`${lost} threads lost, ${report.patches} marks, ${report.refused} writes refused`);
});

test('lanes: grown and shrunk under load → no write is lost, refused or late', async (t) => {
  const cluster = await simulator(t, {
    speed: 50,
    scenario: { nodes: 600, maxUnavailable: '30%', startupMs: 1000, podsPerSecond: 200 },
  });
  const { updater, diary } = await startUpdater(t, cluster, QUICK_TO_GROW);
  const heard = t.mock.method(updater.lanes, 'taskDone');
  await cluster.control.startRollout();
  for (const lanes of [8, 1, 4, 2]) {
    await updater.lanes.set(lanes);
    assert.deepEqual([updater.pool.laneCount, updater.lanes.state.actual], [lanes, lanes]);
  }
  const report = await rolledOut(cluster);
  assertClean(report);
  assert.deepEqual([report.deletes, report.refused], [600, 0]);
  assert.ok(diary.outcomes.every(({ code }) => code === 'done'));
  assert.equal(heard.mock.callCount(), diary.outcomes.length, 'auto follows what the tasks tell');
});

test('lanes: from eight to one, with an API server that takes a second → the one has all sockets, and no task waits long for one', async (t) => {
  const cluster = await simulator(t, { speed: 50, latencyMs: 1_000, scenario: { nodes: 400 } });
  await cluster.control.annotateDaemonSet('default/agent', { 'apps.openyurt.io/update-strategy': 'OTA' });
  const { updater, diary } = await startUpdater(t, cluster, { workers: 8 });
  await updater.lanes.set(1);
  await cluster.control.startRollout();
  await eventually('all pods are marked', () => diary.outcomes.length >= 400);
  assert.ok(diary.outcomes.every(({ code }) => code === 'done'));
  const longestMs = Math.max(...diary.outcomes.map(({ durationMs }) => durationMs));
  // Four turns of 128 and the machine's own delays; with the sockets of one lane of eight it would be 25 turns.
  assert.ok(longestMs < 20_000, `${longestMs} ms`);
});

test('lanes: answers of writes are lost → settled by the watch or by reading, nothing twice', async (t) => {
  const cluster = await simulator(t, {
    bookmarkIntervalMs: BOOKMARK_MS,
    scenario: { nodes: 100, maxUnavailable: '50%', startupMs: 500 },
  });
  const { diary } = await startUpdater(t, cluster);
  await cluster.control.setFaults({ lostAfter: 0.2, lostBefore: 0.2 });
  await cluster.control.startRollout();
  await eventually('writes were lost', () => diary.outcomes.filter(({ code }) => code === 'unknown').length > 5);
  await cluster.control.setFaults({});
  await untilDone(cluster, skippableClock(t), () => cluster.control.isMet({ condition: 'rolled-out' }));
  const report = await cluster.control.report();
  assertClean(report);
  assert.equal(report.deletes, 100);
});
