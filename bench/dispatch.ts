/**
 * Tasks through dispatcher, lane and back, against bare Piscina with the same tasks and outcomes in the same batches, side by side
 * in each round. The worker answers at once, so what is measured is the way there and back.
 *
 * Bare Piscina is measured twice: with the objects as they are, which is how one would use it, and with the packed messages of
 * our lanes, so that nothing but dispatcher and lane is left of the difference.
 */
import { availableParallelism, cpus, loadavg } from 'node:os';
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
import { packBatch, unpackOutcomes, type WireBatch, type WireOutcomes } from '../src/protocol/wire.ts';

const BATCH = 64;
const LANE_IN_FLIGHT = 256;
/** One large rollout; each slot is updated again as soon as it is done, until the round has its tasks. */
const SLOTS = 10_000;
const TASKS = 200_000;
const ROUNDS = 15;
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
      onLaneLost(lane, { reason }) {
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

interface Carry<Sent, Received> {
  /** Name of the worker's function. */
  readonly worker: string;
  pack(batch: TaskBatch): Sent;
  unpack(received: Received, batch: TaskBatch): readonly Outcome[];
}

const AS_OBJECTS: Carry<TaskBatch, Outcome[]> = {
  worker: 'bare',
  pack: (batch) => batch,
  unpack: (outcomes) => outcomes,
};
const PACKED: Carry<WireBatch, WireOutcomes> = {
  worker: 'barePacked',
  pack: (batch) => packBatch(0, batch),
  unpack: (wire, { tasks }) => unpackOutcomes(wire, tasks),
};

/** Bare Piscina: one thread a pool, ready-made batches, as many in flight as ours may have. */
async function openBare<Sent, Received>(lanes: number, carry: Carry<Sent, Received>) {
  const pools = Array.from({ length: lanes }, () => {
    return new Piscina<Sent, Received>({
      filename: fileURLToPath(WORKER),
      name: carry.worker,
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
      const feed = async (pool: Piscina<Sent, Received>): Promise<void> => {
        for (let batch = batches[next++]; batch !== undefined; batch = batches[next++]) {
          carry.unpack(await pool.run(carry.pack(batch)), batch);
        }
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

/** Ours against another way, round by round: the machine is another one a second later. */
function ratio([ours = [], ...others]: readonly (readonly Figures[])[], way: number): string {
  const theirs = others[way - 1] ?? [];
  const ratios = ours.map(
    ({ tasksPerSecond }, round) => tasksPerSecond / (theirs[round]?.tasksPerSecond ?? Number.NaN),
  );
  return median(ratios).toFixed(2).padStart(6);
}

const model = cpus()[0]?.model ?? 'unknown CPU';
console.log(`${availableParallelism()} CPUs (${model}), Node ${process.version}, Piscina ${Piscina.version}`);
console.log(
  `${TASKS} tasks of ${SLOTS} slots a round in batches of ${BATCH}, ${ROUNDS} rounds, medians; CPU is the main thread's\n`,
);
console.log('lanes      ours/s   Piscina/s  ratio    packed/s  ratio   µs CPU/task: ours  Piscina  packed');
for (const lanes of LANES) {
  const ways = [await openOurs(lanes), await openBare(lanes, AS_OBJECTS), await openBare(lanes, PACKED)];
  const figures: Figures[][] = ways.map(() => []);
  for (const { run } of ways) await run();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [way, { run }] of ways.entries()) figures[way]?.push(await measured(run));
  }
  for (const { close } of ways) await close();
  const [ours = 0, objects = 0, packed = 0] = figures.map((of) => median(of.map((f) => f.tasksPerSecond)));
  const cpu = figures.map((of) => median(of.map((f) => f.mainMicrosPerTask)));
  const rate = (tasksPerSecond: number): string => Math.round(tasksPerSecond).toLocaleString('en').padStart(11);
  const rates = [rate(ours), rate(objects), ratio(figures, 1), rate(packed), ratio(figures, 2)];
  const micros = cpu.map((value, way) => value.toFixed(2).padStart(way === 0 ? 19 : 8));
  console.log([String(lanes).padStart(5), ...rates, ...micros].join(' '));
}
console.log(
  `\nload ${loadavg()[0]?.toFixed(1)}; targets: first ratio at least 0.60; 1 lane at least 200,000/s; at most 3 µs of the main thread a task`,
);
