import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InProcessLanes } from '../../src/dispatch/in-process-lanes.ts';
import type { LaneLossReason } from '../../src/dispatch/lane-pool.ts';
import { ThreadedLanes, type ThreadedLanesOptions } from '../../src/dispatch/threaded-lanes.ts';
import { runBatch } from '../../workers/batch.ts';
import { finish } from '../../workers/steps/finish.ts';
import { outcomeOf } from '../../workers/steps/step.ts';
import { CONNECTION, Recorder, send, withLanes } from './support/recorded-lanes.ts';
import { slotOf } from './support/slots.ts';

const deaths: { pod: string; reason: LaneLossReason; options: Partial<ThreadedLanesOptions> }[] = [
  { pod: 'throw', reason: 'error', options: {} },
  { pod: 'exit', reason: 'exit', options: {} },
  // A thread that loads its code does not answer either; on a busy machine that takes seconds.
  { pod: 'loop', reason: 'stuck', options: { stuckAfterMs: 4000 } },
  {
    pod: 'out-of-memory',
    reason: 'out-of-memory',
    options: { resourceLimits: { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 2 } },
  },
];
for (const { pod, reason, options } of deaths) {
  test(`lanes: a task that ends its thread by ${pod} → lost once as ${reason}, replaced, the other lane goes on`, async () => {
    await withLanes(
      2,
      async (pool, seen) => {
        send(pool, 0, 'before');
        await seen.until(({ outcomes }) => outcomes.length === 1);
        send(pool, 0, 'never');
        send(pool, 0, pod);
        send(pool, 1, 'other');
        await seen.until(({ losses, outcomes }) => losses.length === 1 && outcomes.length === 2);
        assert.deepEqual(
          seen.losses.map(({ detail, ...loss }) => loss),
          [{ lane: 0, reason, restartInMs: 100 }],
        );
        assert.equal((await pool.stats())[0]?.inFlight, 0, 'what is lost is not owed');
        send(pool, 0, 'after');
        await seen.until(({ outcomes }) => outcomes.length === 3);
        assert.deepEqual(
          seen.outcomes.map(({ slot }) => slot),
          ['before', 'other', 'after'].map((name) => slotOf('ds', name)),
        );
        const [first, second] = await pool.stats();
        assert.deepEqual([first?.restarts, second?.restarts], [1, 0]);
        assert.deepEqual(pool.health(), { isHealthy: true, reason: '' });
        assert.equal(seen.losses.length, 1);
      },
      options,
    );
  });
}

test('lanes: a lane that dies again and again → later and later replaced, and unhealthy with the reason', async () => {
  await withLanes(1, async (pool, seen) => {
    for (let death = 1; death <= 5; death++) {
      send(pool, 0, 'exit');
      await seen.until(({ losses }) => losses.length === death);
    }
    assert.deepEqual(
      seen.losses.map(({ restartInMs }) => restartInMs),
      [100, 200, 400, 800, 1600],
    );
    assert.deepEqual(pool.health(), { isHealthy: false, reason: 'lane 0 failed 5 times in a row, last: exit' });
  });
});

test('lanes: a module that cannot be loaded → lost and retried, not a crash', async () => {
  const seen = new Recorder();
  const pool = new ThreadedLanes({
    connection: CONNECTION,
    callbacks: seen,
    connectionsMax: 1,
    workerUrl: new URL('./support/no-such-file.ts', import.meta.url),
  });
  const started = pool.start(1);
  await seen.until(({ losses }) => losses.length === 2);
  assert.deepEqual(new Set(seen.losses.map(({ reason }) => reason)), new Set(['error']));
  await pool.close(0);
  await started;
});

test('lanes: resized under load → every task ends once', async () => {
  await withLanes(2, async (pool, seen) => {
    let sent = 0;
    for (const lanes of [4, 1, 3, 2]) {
      const resized = pool.resize(lanes);
      for (let i = 0; i < 40; i++) {
        send(pool, i % pool.laneCount, `pod-${sent}-a`, `pod-${sent}-b`);
        sent += 2;
      }
      await resized;
      assert.equal(pool.laneCount, lanes);
    }
    await seen.until(({ outcomes }) => outcomes.length >= sent);
    assert.equal(new Set(seen.outcomes.map(({ slot }) => slot)).size, sent);
    assert.equal(seen.outcomes.length, sent);
    assert.deepEqual(seen.losses, []);
    assert.equal((await pool.stats()).length, 2);
  });
});

test('lanes: new credentials → used by the lanes that are there and by those that come', async () => {
  await withLanes(1, async (pool, seen) => {
    await pool.setConnection({ ...CONNECTION, serverUrl: 'http://second.invalid' });
    await pool.resize(2);
    send(pool, 0, 'a');
    send(pool, 1, 'b');
    await seen.until(({ outcomes }) => outcomes.length === 2);
    assert.deepEqual(
      seen.outcomes.map(({ message }) => message),
      ['http://second.invalid', 'http://second.invalid'],
    );
  });
});

test('lanes: profiles and statistics → of that thread, as the tools read them', async () => {
  await withLanes(1, async (pool, seen) => {
    send(pool, 0, 'a');
    await seen.until(({ outcomes }) => outcomes.length === 1);
    const cpu = JSON.parse(await pool.profile({ lane: 0, kind: 'cpu', durationMs: 20 }));
    assert.ok(Array.isArray(cpu.nodes) && cpu.endTime > cpu.startTime);
    const heap = JSON.parse(await pool.profile({ lane: 0, kind: 'heap', durationMs: 20 }));
    assert.ok(typeof heap.head === 'object');
    await assert.rejects(pool.profile({ lane: 7, kind: 'cpu', durationMs: 1 }), /lane 7/);
    const [stats] = await pool.stats();
    assert.equal(stats?.tasks, 1);
    assert.ok((stats?.cpuMs ?? 0) > 0 && (stats?.heapBytes ?? 0) > 0 && (stats?.utilization ?? 0) > 0);
  });
});

test('lanes: closed with a task that does not end → lost after the grace period, never before', async () => {
  await withLanes(1, async (pool, seen) => {
    send(pool, 0, 'a', 'never');
    await seen.until(({ outcomes }) => outcomes.length === 1);
    assert.deepEqual(seen.losses, []);
    await pool.close(50);
    assert.deepEqual(seen.losses, [{ lane: 0, reason: 'exit', restartInMs: 0, detail: '' }]);
  });
});

test('in-process lanes: batches → the same outcomes, and never from within send', async () => {
  const seen = new Recorder();
  const pool = new InProcessLanes(
    {
      run: (batch, onEarly) => runBatch(batch, (task) => outcomeOf(task, finish('done'), 0), onEarly),
      setConnection() {},
      async abort() {},
      async close() {},
    },
    seen,
  );
  await pool.start(2);
  send(pool, 1, 'a', 'b');
  assert.equal(seen.outcomes.length, 0);
  await seen.until(({ outcomes }) => outcomes.length === 2);
  await pool.resize(1);
  assert.deepEqual(
    (await pool.stats()).map(({ lane }) => lane),
    [0],
  );
  await pool.close(0);
  assert.deepEqual(seen.losses, []);
});
