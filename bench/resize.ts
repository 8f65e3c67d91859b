/**
 * How throughput holds while lanes are changed from 2 to 8 and back under full load: the pods of three DaemonSets are marked
 * for one template after the other over HTTPS, and every task is counted when it ends. Beside it, in the same run: 2 lanes and 8 lanes that do
 * not change.
 *
 * The updater, the simulated API server and the threads that start share the CPUs. How fast these are changes from second to second on
 * a virtual machine, and whatever else runs takes its part. A task costs the API server the same work whenever it comes, so the tasks
 * for each CPU second of the API server tell the machine's speed, and what is left of a dip at equal speed is ours.
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
const speedOf = ({ tasks, clusterCpuSeconds }: Second): number => tasks / clusterCpuSeconds;

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
  const least = (figure: (second: Second) => number): Second => {
    const [first] = seconds.toSorted((a, b) => figure(a) - figure(b));
    if (first === undefined) throw new Error(`no second is in "${name}"`);
    return first;
  };
  const ofSteady = (figure: (second: Second) => number, second: Second): number =>
    figure(second) / steadyOf(figure, lanes);
  const atEqualSpeed = (second: Second): number => ofSteady(tasksOf, second) / ofSteady(speedOf, second);
  const worst = least(tasksOf);
  return {
    name,
    median: median(seconds.map(tasksOf)),
    worst,
    share: ofSteady(tasksOf, worst),
    speed: ofSteady(speedOf, worst),
    shareAtEqualSpeed: atEqualSpeed(least(atEqualSpeed)),
  };
});
printTable(
  rows.map(({ name, median, worst, share, speed, shareAtEqualSpeed }) => ({
    '': name,
    'median tasks/s': median.toFixed(0),
    'worst second': worst.tasks.toFixed(0),
    'of steady': share.toFixed(2),
    'speed then': speed.toFixed(2),
    'others then, CPUs': worst.foreignCpuSeconds.toFixed(2),
    'worst at equal speed': shareAtEqualSpeed.toFixed(2),
  })),
);
const [unchanged, changed] = [rows.slice(0, 3), rows.slice(3)];
type Row = (typeof rows)[number];
const worstOf = (of: readonly Row[], figure: (row: Row) => number): string => Math.min(...of.map(figure)).toFixed(2);
for (const [name, figure] of [
  ['as it came', ({ share }: Row) => share],
  ['at equal speed', ({ shareAtEqualSpeed }: Row) => shareAtEqualSpeed],
] as const) {
  const isMet = Math.min(...changed.map(figure)) >= TARGET;
  process.stdout.write(
    `never under ${TARGET} of steady, ${name}: ${isMet ? 'met' : 'missed'}, ${worstOf(changed, figure)}`,
  );
  process.stdout.write(`; before anything changes: ${worstOf(unchanged, figure)}\n`);
}
process.stdout.write(
  `Everything here shares ${availableParallelism()} CPUs and keeps them busy: what a thread's start costs is missing elsewhere.\n`,
);
process.stdout.write(`twice: ${duplicateWrites}, out of order: ${orderViolations}\n`);
for (const violation of violations) process.stdout.write(`observer: ${violation}\n`);
