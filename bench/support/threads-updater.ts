/** The measured process of bench/threads.ts and bench/resize.ts: the updater alone, the cluster is in the other process. */
import { enableCompileCache } from 'node:module';
import { availableParallelism } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Updater } from '../../src/manager/updater.ts';
import { type FromUpdater, SLICE_MS, type ToUpdater, type UpdaterFigures } from './threads-messages.ts';

const POLL_MS = 20;
// As src/main.ts does it: lanes that start later find their code compiled, if a process before this one has run.
enableCompileCache();
const delay = monitorEventLoopDelay({ resolution: 1 });
let updater: Updater | undefined;
let cpu = process.cpuUsage();
let mainCpu = process.threadCpuUsage();
let startedMs = performance.now();
let endedBySlice: number[] = [];
let cpuMsBySlice: number[] = [];
let sampler: NodeJS.Timeout | undefined;

function tell(message: FromUpdater): void {
  process.send?.(message);
}

function opened(): Updater {
  if (updater === undefined) throw new Error('open comes first');
  return updater;
}

async function open({ connection, workers }: Extract<ToUpdater, { type: 'open' }>): Promise<void> {
  updater = new Updater({
    connection,
    namespaces: [],
    workers: workers === 'none' ? 1 : workers,
    isSingleThreaded: workers === 'none',
    cpus: availableParallelism,
    qps: 0,
    burst: 0,
    maxInFlight: Number.POSITIVE_INFINITY,
    isDryRun: false,
    identity: 'bench',
    listeners: {
      log(level, message, fields) {
        if (level === 'error') process.stderr.write(`${message} ${JSON.stringify(fields)}\n`);
      },
      onRequest() {},
      onUnauthorized() {},
      taskDone() {
        const slice = Math.floor((performance.now() - startedMs) / SLICE_MS);
        endedBySlice[slice] = (endedBySlice[slice] ?? 0) + 1;
      },
      onReaderProblem({ stream, problem }) {
        process.stderr.write(`${stream}: ${problem.message}\n`);
      },
      onEventDropped() {},
      onEventSuppressed() {},
      onResize() {},
      onResizeFailed() {},
    },
  });
  await updater.start();
  const { controller } = updater.host;
  while (!controller.hasSynced || [...controller.followed()].length === 0) await sleep(POLL_MS);
  updater.lead(Number.POSITIVE_INFINITY);
  const isIdle = (): boolean =>
    [...controller.followed()].every(({ rollout }) => {
      const { waiting, inFlight } = rollout.counts();
      return waiting === 0 && inFlight === 0;
    });
  while (!isIdle()) await sleep(POLL_MS);
  tell({ type: 'ready' });
}

function begin(): void {
  delay.enable();
  delay.reset();
  cpu = process.cpuUsage();
  mainCpu = process.threadCpuUsage();
  startedMs = performance.now();
  endedBySlice = [];
  cpuMsBySlice = [];
  clearInterval(sampler);
  sampler = setInterval(noteCpu, SLICE_MS / 4).unref();
  tell({ type: 'begun' });
}

function noteCpu(): void {
  const slice = Math.floor((performance.now() - startedMs) / SLICE_MS);
  const { user, system } = process.cpuUsage(cpu);
  cpuMsBySlice[slice] ??= (user + system) / 1000;
}

async function figures(): Promise<UpdaterFigures> {
  const used = process.cpuUsage(cpu);
  const main = process.threadCpuUsage(mainCpu);
  const stats = await opened().pool.stats();
  return {
    lanes: opened().pool.laneCount,
    tasks: stats.map(({ tasks }) => tasks),
    cpuMs: (used.user + used.system) / 1000,
    mainCpuMs: (main.user + main.system) / 1000,
    delayP99Ms: delay.percentile(99) / 1e6,
    delayMaxMs: delay.max / 1e6,
    rssMb: process.memoryUsage().rss / 1024 / 1024,
    endedBySlice: Array.from(endedBySlice, (count) => count ?? 0),
    cpuMsBySlice: Array.from(cpuMsBySlice, (ms) => ms ?? Number.NaN),
  };
}

async function handle(message: ToUpdater): Promise<void> {
  switch (message.type) {
    case 'open':
      return open(message);
    case 'begin':
      return begin();
    case 'resize':
      await opened().lanes.set(message.workers);
      return tell({ type: 'resized', atMs: performance.now() - startedMs });
    case 'finish':
      return tell({ type: 'figures', ...(await figures()) });
    case 'end':
      await updater?.close(0);
      process.disconnect?.();
  }
}

process.on('message', (message: ToUpdater) => void handle(message));
