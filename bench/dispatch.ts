/**
 * Tasks through dispatcher, lane and back, against bare Piscina that carries the same messages in the same batches, side by side in
 * each round. The worker answers at once, so what is measured is the way there and back.
 */
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { monotonicMs } from '../src/clock.ts';
import { Dispatcher } from '../src/dispatch/dispatcher.ts';
import { ThreadedLanes } from '../src/dispatch/threaded-lanes.ts';
import { plainConnection } from '../src/protocol/connection.ts';
import type { Outcome } from '../src/protocol/outcome.ts';
import type { SlotKey } from '../src/protocol/slot.ts';
import { daemonSetKey, slotKey } from '../src/protocol/slot.ts';
import type { Task, TaskBatch } from '../src/protocol/task.ts';

const BATCH = 64;
const LANE_IN_FLIGHT = 256;
/** One large rollout; each slot is updated again as soon as it is done, until the round has its tasks. */
const SLOTS = 10_000;
const TASKS = 200_000;
const ROUNDS = 5;
const LANES = [1, 2, 4, 8];
const WORKER = new URL('./support/no-op-lane.ts', import.meta.url);

const TASKS_BY_SLOT = new Map<SlotKey, Task>(
  Array.from({ length: SLOTS }, (_, i) => {
    const slot = slotKey(daemonSetKey('kube-system', `daemonset-${i % 10}`), `node-${i}.example.internal`);
    const pod = `daemonset-${i % 10}-${i.toString(36)}`;
    const uid = `6f1c3b52-5f0f-4c7e-9d7b-${String(i).padStart(12, '0')}`;
    return [slot, { slot, action: 'delete', namespace: 'kube-system', pod, uid } satisfies Task];
  }),
);
const CONNECTION = plainConnection('http://localhost');
const RULES = { writeUntilMs: Number.POSITIVE_INFINITY, taskTimeoutMs: 10_000, isDryRun: false };

interface Figures {
  readonly tasksPerSecond: number;
  /** CPU of the main thread alone. */
  readonly mainMicrosPerTask: number;
}

async function measured(run: () => Promise<void>): Promise<Figures> {
  const cpu = process.threadCpuUsage();
  const startMs = performance.now();
  await run();
  const seconds = (performance.now() - startMs) / 1000;
  const used = process.threadCpuUsage(cpu);
  return { tasksPerSecond: TASKS / seconds, mainMicrosPerTask: (used.user + used.system) / TASKS };
}

/** Our way: keys into the dispatcher, batches to lanes, outcomes back. */
async function openOurs(lanes: number) {
  const dispatcher = new Dispatcher({ lanes, batchMax: BATCH, laneInFlightMax: LANE_IN_FLIGHT, qps: 0, burst: 0 });
  const round = { added: 0, finished: 0, end: () => {} };
  const add = (slot: SlotKey, nowMs: number): void => {
    if (round.added === TASKS) return;
    round.added += 1;
    dispatcher.add(slot, nowMs);
  };
  const resolveTask = (slot: SlotKey): Task | undefined => TASKS_BY_SLOT.get(slot);
  const pump = (): void => {
    for (const { lane, tasks } of dispatcher.take(resolveTask, monotonicMs())) pool.send(lane, { tasks, ...RULES });
  };
  const pool = new ThreadedLanes({
    connection: CONNECTION,
    connectionsMax: 1,
    workerUrl: WORKER,
    callbacks: {
      onOutcomes(_lane, outcomes) {
        const nowMs = monotonicMs();
        for (const { slot } of outcomes) {
          dispatcher.done(slot, nowMs);
          dispatcher.forget(slot);
          add(slot, nowMs);
        }
        round.finished += outcomes.length;
        if (round.finished === TASKS) round.end();
        else pump();
      },
      onLaneLost(lane, reason) {
        throw new Error(`lane ${lane} died: ${reason}`);
      },
    },
  });
  await pool.start(lanes);
  return {
    run: () =>
      new Promise<void>((resolve) => {
        Object.assign(round, { added: 0, finished: 0, end: resolve });
        const nowMs = monotonicMs();
        for (const slot of TASKS_BY_SLOT.keys()) add(slot, nowMs);
        pump();
      }),
    close: () => pool.close(1000),
  };
}

/** Bare Piscina: one thread a pool, ready-made batches, as many in flight as ours may have. */
async function openBare(lanes: number) {
  const pools = Array.from({ length: lanes }, () => {
    return new Piscina<TaskBatch, Outcome[]>({
      filename: fileURLToPath(WORKER),
      name: 'bare',
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: LANE_IN_FLIGHT,
      atomics: 'disabled',
      recordTiming: false,
    });
  });
  const tasks = [...TASKS_BY_SLOT.values()];
  const batches: TaskBatch[] = [];
  for (let i = 0; i < TASKS; i += BATCH) {
    const from = i % SLOTS;
    batches.push({ tasks: Array.from({ length: BATCH }, (_, at) => tasks[(from + at) % SLOTS] as Task), ...RULES });
  }
  return {
    async run(): Promise<void> {
      let next = 0;
      const feed = async (pool: Piscina<TaskBatch, Outcome[]>): Promise<void> => {
        for (let batch = batches[next++]; batch !== undefined; batch = batches[next++]) await pool.run(batch);
      };
      const feeders = LANE_IN_FLIGHT / BATCH;
      await Promise.all(pools.flatMap((pool) => Array.from({ length: feeders }, () => feed(pool))));
    },
    close: () => Promise.all(pools.map((pool) => pool.close())),
  };
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

const model = cpus()[0]?.model ?? 'unknown CPU';
console.log(`${availableParallelism()} CPUs (${model}), Node ${process.version}, Piscina ${Piscina.version}`);
console.log(
  `${TASKS} tasks of ${SLOTS} slots a round in batches of ${BATCH}, ${ROUNDS} rounds, medians; CPU is the main thread's\n`,
);
console.log('lanes      ours/s   Piscina/s  ratio   ours µs CPU/task   Piscina µs CPU/task');
for (const lanes of LANES) {
  const ours = await openOurs(lanes);
  const bare = await openBare(lanes);
  const figures: { ours: Figures[]; bare: Figures[] } = { ours: [], bare: [] };
  await ours.run();
  await bare.run();
  for (let round = 0; round < ROUNDS; round++) {
    figures.ours.push(await measured(ours.run));
    figures.bare.push(await measured(bare.run));
  }
  await ours.close();
  await bare.close();
  const rate = {
    ours: median(figures.ours.map((f) => f.tasksPerSecond)),
    bare: median(figures.bare.map((f) => f.tasksPerSecond)),
  };
  const cpu = {
    ours: median(figures.ours.map((f) => f.mainMicrosPerTask)),
    bare: median(figures.bare.map((f) => f.mainMicrosPerTask)),
  };
  console.log(
    [
      String(lanes).padStart(5),
      Math.round(rate.ours).toLocaleString('en').padStart(11),
      Math.round(rate.bare).toLocaleString('en').padStart(11),
      (rate.ours / rate.bare).toFixed(2).padStart(6),
      cpu.ours.toFixed(2).padStart(18),
      cpu.bare.toFixed(2).padStart(21),
    ].join(' '),
  );
}
console.log('\ntargets: ratio at least 0.60; 1 lane at least 200,000/s; at most 3 µs of the main thread a task');
