import { setTimeout as sleep } from 'node:timers/promises';
import { busySeconds } from '../cpu-use.ts';
import { SLICE_MS } from './threads-messages.ts';
import { type SecureCluster, UpdaterProcess } from './threads-run.ts';

/** Counting the marks costs the simulated cluster some milliseconds. */
const POLL_MS = 100;
const SLICES = 1000 / SLICE_MS;

/** One second of a run; there is one for each slice that it may begin with. */
export interface Second {
  readonly atMs: number;
  readonly tasks: number;
  /** CPU seconds that the simulated cluster used in it, and that others than it and the updater did. */
  readonly clusterCpuSeconds: number;
  readonly foreignCpuSeconds: number;
}

export interface Resize {
  readonly to: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Run {
  readonly seconds: readonly Second[];
  readonly resizes: readonly Resize[];
  readonly templates: number;
}

export interface RunPlan {
  readonly cluster: SecureCluster;
  readonly nodes: number;
  /** How many lanes, one number after the other, and how long each. */
  readonly lanes: readonly [number, ...number[]];
  readonly phaseMs: number;
}

/** Cumulative CPU seconds of the machine and of this process, by slice. */
class CpuSampler {
  readonly all: number[] = [];
  readonly own: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(startedMs: number) {
    this.#timer = setInterval(() => void this.#note(startedMs), SLICE_MS / 4);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  async #note(startedMs: number): Promise<void> {
    const slice = Math.floor((performance.now() - startedMs) / SLICE_MS);
    if (this.all[slice] !== undefined) return;
    const { user, system } = process.cpuUsage();
    this.own[slice] = (user + system) / 1e6;
    this.all[slice] = await busySeconds();
  }
}

/** Gives each DaemonSet a new template well before the last one is done, so that there is always something to mark. */
async function keepBusy({ cluster, nodes }: RunPlan, isOver: () => boolean): Promise<number> {
  const { control, daemonSets } = cluster.simulator;
  let templates = 0;
  const update = async (daemonSet: string): Promise<void> => {
    templates += 1;
    await control.updateTemplate(daemonSet, `registry.example/agent:v${templates}-${performance.now()}`);
  };
  await Promise.all(daemonSets.map(update));
  while (!isOver()) {
    const reports = await control.progress();
    const nearlyDone = daemonSets.filter((_, index) => {
      const report = reports[index];
      return report?.isNewRevisionKnown === true && report.marked > nodes * 0.4;
    });
    await Promise.all(nearlyDone.map(update));
    await sleep(POLL_MS);
  }
  return templates;
}

/** The updater under full load, in a process of its own. */
export async function measureRun(plan: RunPlan): Promise<Run> {
  const [first, ...later] = plan.lanes;
  const updater = new UpdaterProcess();
  await updater.ask({ type: 'open', connection: plan.cluster.connection, workers: first }, 'ready');
  await updater.ask({ type: 'begin' }, 'begun');
  const startedMs = performance.now();
  const sampler = new CpuSampler(startedMs);
  let isOver = false;
  const busy = keepBusy(plan, () => isOver);
  const resizes: Resize[] = [];
  for (const to of later) {
    await sleep(plan.phaseMs);
    const fromMs = performance.now() - startedMs;
    const { atMs } = await updater.ask({ type: 'resize', workers: to }, 'resized');
    resizes.push({ to, fromMs, toMs: atMs });
  }
  await sleep(plan.phaseMs);
  const { endedBySlice, cpuMsBySlice } = await updater.ask({ type: 'finish' }, 'figures');
  isOver = true;
  sampler.end();
  const templates = await busy;
  await updater.end();
  const seconds: Second[] = [];
  // The first second begins with nothing in flight.
  for (let slice = SLICES; slice + SLICES < endedBySlice.length; slice++) {
    const tasks = endedBySlice.slice(slice, slice + SLICES).reduce((sum, ended) => sum + ended, 0);
    const growth = (of: readonly number[]): number => at(of, slice + SLICES) - at(of, slice);
    const clusterCpuSeconds = growth(sampler.own);
    const foreignCpuSeconds = growth(sampler.all) - clusterCpuSeconds - growth(cpuMsBySlice) / 1000;
    seconds.push({ atMs: slice * SLICE_MS, tasks, clusterCpuSeconds, foreignCpuSeconds });
  }
  return { seconds, resizes, templates };
}

/** A slice in which nothing could be noted has the figure of the next one. */
function at(of: readonly number[], slice: number): number {
  for (let index = slice; index < of.length; index++) {
    const value = of[index];
    if (value !== undefined && Number.isFinite(value)) return value;
  }
  return of.at(-1) ?? 0;
}
