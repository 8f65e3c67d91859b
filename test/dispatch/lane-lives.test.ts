import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { type TestContext, test } from 'node:test';
import { BroadcastChannel, type Worker } from 'node:worker_threads';
import { LaneThread } from '../../src/dispatch/lane-thread.ts';
import { ThreadedLanes } from '../../src/dispatch/threaded-lanes.ts';
import { CONNECTION, Recorder, send, withLanes } from './support/recorded-lanes.ts';
import { batchOf, slotOf, taskOf } from './support/slots.ts';

/** The object that Piscina takes the constructor of its threads from. */
const workerThreads: { Worker: typeof Worker } = createRequire(import.meta.url)('node:worker_threads');

/** From now on no thread can be created, as when the process has as many as it may have; the answer ends that. */
function withoutThreads(t: TestContext): () => void {
  const original = workerThreads.Worker;
  const restore = (): void => {
    workerThreads.Worker = original;
  };
  function Refused(): never {
    throw Object.assign(new Error('EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' });
  }
  workerThreads.Worker = Refused as unknown as typeof Worker;
  t.after(restore);
  return restore;
}

/** Whether a promise has ended, after whatever is due now. */
async function hasEnded(promise: Promise<unknown>): Promise<boolean> {
  let isOver = false;
  void promise.finally(() => {
    isOver = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return isOver;
}

test('lanes: a new thread has loaded but not answered → the resize goes on and the lane is not counted', async (t) => {
  const channel = new BroadcastChannel('late-lane');
  t.after(() => channel.close());
  const loaded = new Promise((resolve) => {
    channel.onmessage = resolve;
  });
  const workerUrl = new URL('./support/late-lane.ts', import.meta.url);
  const pool = new ThreadedLanes({ connection: CONNECTION, callbacks: new Recorder(), connectionsMax: 1, workerUrl });
  t.after(() => pool.close(0));
  const started = pool.start(1);
  await loaded;
  assert.equal(await hasEnded(started), false);
  assert.deepEqual([pool.laneCount, pool.runningCount], [1, 0]);
  channel.postMessage('answer');
  await started;
  assert.equal(pool.runningCount, 1);
});

test('lanes: a thread cannot be created at the start → an error that says which, why, and what to do', async (t) => {
  withoutThreads(t);
  const pool = new ThreadedLanes({ connection: CONNECTION, callbacks: new Recorder(), connectionsMax: 1 });
  t.after(() => pool.close(0));
  await assert.rejects(pool.start(2), {
    message: 'worker thread 1 of 2 cannot be started (EAGAIN): ask for fewer, or allow this process more threads',
  });
});

test('lanes: a thread cannot be created while growing → lost with backoff, and there as soon as it can be', async (t) => {
  await withLanes(1, async (pool, seen) => {
    const restore = withoutThreads(t);
    const grown = pool.resize(2);
    assert.deepEqual(seen.losses, [{ lane: 1, reason: 'not-started', restartInMs: 100, detail: 'EAGAIN' }]);
    await seen.until(({ losses }) => losses.length === 2);
    assert.deepEqual([pool.laneCount, pool.runningCount, await hasEnded(grown)], [2, 1, false]);
    restore();
    await grown;
    assert.equal(pool.runningCount, 2);
    send(pool, 1, 'a');
    await seen.until(({ outcomes }) => outcomes.length === 1);
  });
});

test('lanes: threads can be created neither now nor later → unhealthy with the reason; fewer lanes are there at once', async (t) => {
  await withLanes(1, async (pool, seen) => {
    const restore = withoutThreads(t);
    const grown = pool.resize(2);
    await seen.until(({ losses }) => losses.length === 5);
    const reason = 'lane 1 failed 5 times in a row, last: not-started (EAGAIN)';
    assert.deepEqual(pool.health(), { isHealthy: false, reason });
    await pool.resize(1);
    await grown;
    assert.deepEqual([pool.laneCount, pool.runningCount, pool.health().isHealthy], [1, 1, true]);
    restore();
  });
});

test('lanes: a thread dies and none can be created → the replacement is tried again', async (t) => {
  await withLanes(1, async (pool, seen) => {
    const restore = withoutThreads(t);
    send(pool, 0, 'exit');
    await seen.until(({ losses }) => losses.length === 2);
    assert.deepEqual(
      seen.losses.map(({ reason, restartInMs }) => `${reason} ${restartInMs}`),
      ['exit 100', 'not-started 200'],
    );
    assert.equal(pool.runningCount, 0);
    restore();
    send(pool, 0, 'a');
    await seen.until(({ outcomes }) => outcomes.length === 1);
    assert.equal(pool.runningCount, 1);
  });
});

test('lane thread: answers that were under way when it was given up → not heard, as its slots may have newer tasks', async (t) => {
  const seen: string[] = [];
  const options = { workerUrl: new URL('./support/evil-lane.ts', import.meta.url), resourceLimits: {} };
  const network = { connection: CONNECTION, connectionsMax: 1, connections: 1 };
  const workers: Worker[] = [];
  const messages: unknown[] = [];
  const heard = Promise.withResolvers<void>();
  // Before Piscina listens to it, so that the latest message is the one that is being heard.
  const collect = (worker: Worker): void => {
    workers.push(worker);
    worker.on('message', (message) => messages.push(message));
  };
  process.on('worker', collect);
  const thread = new LaneThread(options, network, {
    onOutcomes: (outcomes) => {
      seen.push(`${outcomes.length} outcomes`);
      heard.resolve();
    },
    onLost: (reason) => seen.push(reason),
  });
  t.after(() => thread.kill('exit'));
  await thread.ready;
  process.off('worker', collect);
  thread.send(batchOf(taskOf(slotOf('ds', 'a'), 'a'), taskOf(slotOf('ds', 'b'), 'never')));
  await heard.promise;
  const message = messages.at(-1);
  const killed = thread.kill('stuck');
  workers[0]?.emit('message', message);
  await killed;
  assert.deepEqual(seen, ['1 outcomes', 'stuck']);
});

test('lanes: a thread is replaced → its CPU time and tasks stay in the statistics', async () => {
  await withLanes(1, async (pool, seen) => {
    send(pool, 0, 'a', 'b');
    await seen.until(({ outcomes }) => outcomes.length === 2);
    const [before] = await pool.stats();
    assert.ok(before !== undefined && before.cpuMs > 0);
    send(pool, 0, 'exit');
    await seen.until(({ losses }) => losses.length === 1);
    const [without] = await pool.stats();
    assert.deepEqual([without?.cpuMs, without?.tasks, without?.restarts], [before.cpuMs, 2, 1]);
    send(pool, 0, 'c');
    await seen.until(({ outcomes }) => outcomes.length === 3);
    const [after] = await pool.stats();
    assert.ok((after?.cpuMs ?? 0) > before.cpuMs);
    assert.equal(after?.tasks, 3);
  });
});

test('lanes: a lane is taken away and comes back → what it did is known in between and counted on', async () => {
  await withLanes(2, async (pool, seen) => {
    send(pool, 1, 'a', 'b');
    await seen.until(({ outcomes }) => outcomes.length === 2);
    await pool.resize(1);
    const [closed] = pool.closedStats;
    assert.ok(closed !== undefined && closed.cpuMs > 0, 'the CPU time is asked for at the end');
    assert.deepEqual({ ...closed, cpuMs: 0 }, { lane: 1, ...IDLE, tasks: 2 });
    await pool.resize(2);
    send(pool, 1, 'c');
    await seen.until(({ outcomes }) => outcomes.length === 3);
    assert.deepEqual(pool.closedStats, []);
    const [, again] = await pool.stats();
    assert.equal(again?.tasks, 3);
    assert.ok((again?.cpuMs ?? 0) > closed.cpuMs);
  });
});

const IDLE = { tasks: 0, inFlight: 0, utilization: 0, cpuMs: 0, heapBytes: 0, restarts: 0 };

test('lanes: resized → each lane, a replacement too, has its share of the sockets', async () => {
  await withLanes(
    4,
    async (pool, seen) => {
      const deadlineMs = performance.now() + 60_000;
      const shares = async (): Promise<string[]> => {
        const before = seen.outcomes.length;
        for (let lane = 0; lane < pool.laneCount; lane++) send(pool, lane, 'connections');
        await seen.until(({ outcomes }) => outcomes.length === before + pool.laneCount);
        return seen.outcomes.slice(before).map(({ message }) => message);
      };
      // A control message and a batch take different ways.
      const untilShares = async (expected: string): Promise<void> => {
        for (let seenShares = ''; seenShares !== expected; seenShares = (await shares()).join()) {
          assert.ok(performance.now() < deadlineMs, `${seenShares} instead of ${expected}`);
        }
      };
      assert.deepEqual(await shares(), Array(4).fill('32'));
      await pool.resize(2);
      await untilShares('64,64');
      await pool.resize(3);
      await untilShares('42,42,42');
      send(pool, 0, 'exit');
      await seen.until(({ losses }) => losses.length === 1);
      assert.deepEqual(await shares(), Array(3).fill('42'));
    },
    { connectionsMax: 128 },
  );
});
