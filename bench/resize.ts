/**
 * How throughput holds while lanes are changed from 2 to 8 and back under full load: the pods of three DaemonSets are marked
 * for one template after the other over HTTPS, and every task is counted when it ends. Beside it, in the same run: 2 lanes and 8 lanes that do
 * not change.
 *
 * The updater, the simulated API server and the threads that start share the CPUs, and whatever else runs on the machine
 * takes its part: so each worst second is also given per CPU second, and with what others took in it.
 *
 * `node bench/resize.ts [--nodes 1500] [--seconds 8]`
 */
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { machine, printTable } from './report.ts';
import { measureRun, type Run, type Second } from './support/resize-run.ts';
import { secureCluster, UpdaterProcess } from './support/threads-run.ts';

const { values } = parseArgs({
  options: { nodes: { type: 'string', default: '1500' }, seconds: { type: 'string', default: '8' } },
});
const NODES = Number(values.nodes);
const PHASE_MS = Number(values.seconds) * 1000;
/** While one of them gets a new template, the others have work. */
const DAEMON_SETS = 3;
const TARGET = 0.7;

const cluster = await secureCluster({ nodes: NODES, daemonSets: DAEMON_SETS, strategy: 'OTA' });
// The image has its compile cache filled; here an earlier process fills it.
const earlier = new UpdaterProcess();
await earlier.ask({ type: 'open', connection: cluster.connection, workers: 1 }, 'ready');
await earlier.end();

const run = (...lanes: [number, ...number[]]): Promise<Run> =>
  measureRun({ cluster, nodes: NODES, lanes, phaseMs: PHASE_MS });
const two = await run(2);
const eight = await run(8);
const changing = await run(2, 8, 2);
const { violations, orderViolations, duplicateWrites } = await cluster.simulator.control.report();
await cluster.simulator.close();

function median(of: readonly number[]): number {
  const sorted = of.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const tasksOf = ({ tasks }: Second): number => tasks;
const efficiencyOf = ({ tasks, cpuSeconds }: Second): number => tasks / cpuSeconds;

/** Of as many lanes, where nothing changes; while they change, of the number that does less. */
function steadyOf(figure: (second: Second) => number, lanes: readonly (2 | 8)[]): number {
  const medians = { 2: median(two.seconds.map(figure)), 8: median(eight.seconds.map(figure)) };
  return Math.min(...lanes.map((count) => medians[count]));
}

interface Part {
  readonly name: string;
  readonly lanes: readonly (2 | 8)[];
  readonly seconds: readonly Second[];
}

const [grow, shrink] = changing.resizes;
if (grow === undefined || shrink === undefined) throw new Error('nothing was resized');
/** Seconds that overlap with the time. */
const between = (fromMs: number, toMs: number): Second[] =>
  changing.seconds.filter(({ atMs }) => atMs + 1000 > fromMs && atMs < toMs);
const parts: Part[] = [
  { name: '2 lanes, never changed', lanes: [2], seconds: two.seconds },
  { name: '8 lanes, never changed', lanes: [8], seconds: eight.seconds },
  { name: '2 lanes', lanes: [2], seconds: between(0, grow.fromMs - 1000) },
  {
    name: `to 8 lanes, in ${((grow.toMs - grow.fromMs) / 1000).toFixed(1)} s`,
    lanes: [2, 8],
    seconds: between(grow.fromMs, grow.toMs),
  },
  { name: '8 lanes', lanes: [8], seconds: between(grow.toMs + 1000, shrink.fromMs - 1000) },
  {
    name: `to 2 lanes, in ${((shrink.toMs - shrink.fromMs) / 1000).toFixed(1)} s`,
    lanes: [2, 8],
    seconds: between(shrink.fromMs, shrink.toMs),
  },
  { name: '2 lanes again', lanes: [2], seconds: between(shrink.toMs + 1000, Number.POSITIVE_INFINITY) },
];

process.stdout.write(
  `${NODES} simulated nodes, ${DAEMON_SETS} DaemonSets, over HTTPS, ${machine()}, load ${loadavg()[0]?.toFixed(1)}\n`,
);
const rows = parts.map(({ name, lanes, seconds }) => {
  const worst = seconds.toSorted((a, b) => a.tasks - b.tasks)[0] ?? {
    atMs: 0,
    tasks: 0,
    cpuSeconds: 0,
    foreignCpuSeconds: 0,
  };
  return {
    row: {
      '': name,
      'median tasks/s': median(seconds.map(tasksOf)).toFixed(0),
      'a CPU second': median(seconds.map(efficiencyOf)).toFixed(0),
      'worst second': worst.tasks.toFixed(0),
      'of steady': (worst.tasks / steadyOf(tasksOf, lanes)).toFixed(2),
      'a CPU second, of steady': (efficiencyOf(worst) / steadyOf(efficiencyOf, lanes)).toFixed(2),
      'others, CPUs': worst.foreignCpuSeconds.toFixed(2),
    },
    share: worst.tasks / steadyOf(tasksOf, lanes),
  };
});
printTable(rows.map(({ row }) => row));
const worst = Math.min(...rows.slice(3).map(({ share }) => share));
const noise = Math.min(...rows.slice(0, 3).map(({ share }) => share));
process.stdout.write(
  `target never under ${TARGET} of steady: ${worst >= TARGET ? 'met' : 'missed'} (${worst.toFixed(2)})`,
);
process.stdout.write(`; where nothing changes: ${noise.toFixed(2)}\n`);
process.stdout.write(
  `Everything here shares ${availableParallelism()} CPUs and keeps them busy, so what a thread's start costs is missing elsewhere.\n`,
);
process.stdout.write(`twice: ${duplicateWrites}, out of order: ${orderViolations}\n`);
for (const violation of violations) process.stdout.write(`observer: ${violation}\n`);
