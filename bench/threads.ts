/**
 * A rollout over HTTPS with one, two and four lanes, with as many as `auto` chooses, and on the main thread alone: wall time, CPU a
 * pod, and how long the main thread's event loop is held. The simulated cluster is in this process, the updater in another.
 *
 * Each way has its turn in every round, and its quickest turn counts: what is slower is somebody else's work.
 *
 * `node bench/threads.ts [--nodes 10000] [--rounds 2] [--lanes none,1,2,4,auto] [--strategies OTA,AdvancedRollingUpdate]`
 */
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { machine, printTable } from './report.ts';
import type { UpdaterFigures } from './support/threads-messages.ts';
import { secureCluster, UpdaterProcess } from './support/threads-run.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '10000' },
    lanes: { type: 'string', default: 'none,1,2,4,auto' },
    rounds: { type: 'string', default: '2' },
    strategies: { type: 'string', default: 'OTA,AdvancedRollingUpdate' },
  },
});

type Lanes = number | 'auto' | 'none';
type Strategy = 'OTA' | 'AdvancedRollingUpdate';

const NODES = Number(values.nodes);
const LANES = values.lanes.split(',').map((text): Lanes => (text === 'auto' || text === 'none' ? text : Number(text)));
const STRATEGIES = values.strategies.split(',') as Strategy[];
const POLL_MS = 20;
const DEADLINE_MS = 60_000 + NODES * 20;
/** Less than this is noise on a machine that does other things too. */
const NOTICEABLE = 0.1;

interface Row extends UpdaterFigures {
  readonly strategy: Strategy;
  readonly wanted: Lanes;
  readonly wallSeconds: number;
  readonly load: number;
  readonly violations: readonly string[];
}

async function measure(strategy: Strategy, wanted: Lanes): Promise<Row> {
  const { simulator, connection } = await secureCluster({ nodes: NODES, strategy });
  const updater = new UpdaterProcess();
  await updater.ask({ type: 'open', connection, workers: wanted }, 'ready');
  await updater.ask({ type: 'begin' }, 'begun');
  const startedMs = performance.now();
  await simulator.control.startRollout();
  const isDone = async (): Promise<boolean> => {
    const [report] = await simulator.control.progress();
    if (report?.isNewRevisionKnown !== true) return false;
    return strategy === 'OTA' ? report.marked === NODES : report.updated === NODES;
  };
  while (!(await isDone())) {
    if (performance.now() - startedMs > DEADLINE_MS) throw new Error(`${strategy} with ${wanted} lanes does not end`);
    await sleep(POLL_MS);
  }
  const wallSeconds = (performance.now() - startedMs) / 1000;
  const figures = await updater.ask({ type: 'finish' }, 'figures');
  const { violations } = await simulator.control.report();
  await updater.end();
  await simulator.close();
  return { ...figures, strategy, wanted, wallSeconds, load: loadavg()[0] ?? 0, violations };
}

function nameOf({ wanted, lanes }: Row): string {
  if (wanted === 'none') return 'no threads';
  if (wanted === 'auto') return `auto (${lanes})`;
  return `${lanes} ${lanes === 1 ? 'lane' : 'lanes'}`;
}

function percent(ratio: number): string {
  return `${Math.round(Math.abs(ratio) * 100)} % ${ratio < 0 ? 'less' : 'more'}`;
}

/** Whether threads were worth it, in words and figures. */
function verdictOf(strategy: Strategy, rows: readonly Row[]): string {
  const alone = rows.find(({ wanted }) => wanted === 'none');
  const fixed = rows.filter(({ wanted }) => typeof wanted === 'number');
  const [best] = fixed.toSorted((a, b) => a.wallSeconds - b.wallSeconds);
  if (best === undefined) return `${strategy}: nothing to compare`;
  const parts: string[] = [];
  if (alone !== undefined) {
    const wall = best.wallSeconds / alone.wallSeconds - 1;
    const delay = best.delayP99Ms / Math.max(0.1, alone.delayP99Ms) - 1;
    const isQuicker = wall < -NOTICEABLE;
    const isCalmer = delay < -NOTICEABLE;
    const help = isQuicker ? 'threads help' : isCalmer ? 'threads help the main thread only' : 'threads do not help';
    const cpu = best.cpuMs / alone.cpuMs - 1;
    parts.push(
      `${help}: ${nameOf(best)} need ${percent(wall)} time, ${percent(cpu)} CPU, event-loop delay p99 ${percent(delay)} than none`,
    );
  }
  const auto = rows.find(({ wanted }) => wanted === 'auto');
  if (auto !== undefined) {
    const behind = auto.wallSeconds / best.wallSeconds - 1;
    const isMet = behind <= NOTICEABLE;
    parts.push(
      `${nameOf(auto)} takes ${percent(behind)} time than the best, ${nameOf(best)}: target ${isMet ? 'met' : 'missed'}`,
    );
  }
  return `${strategy}: ${parts.join('; ')}`;
}

const best = new Map<string, Row>();
for (let round = 1; round <= Number(values.rounds); round++) {
  for (const strategy of STRATEGIES) {
    for (const lanes of LANES) {
      process.stderr.write(`round ${round}: ${strategy}, ${lanes} …\n`);
      const row = await measure(strategy, lanes);
      const before = best.get(`${strategy} ${lanes}`);
      if (before === undefined || row.wallSeconds < before.wallSeconds) best.set(`${strategy} ${lanes}`, row);
    }
  }
}
const rows = STRATEGIES.flatMap((strategy) => LANES.flatMap((lanes) => best.get(`${strategy} ${lanes}`) ?? []));

process.stdout.write(`${NODES} simulated nodes over HTTPS, ${machine()}\n`);
printTable(
  rows.map((row) => ({
    '': `${row.strategy}, ${nameOf(row)}`,
    'wall s': row.wallSeconds.toFixed(2),
    'pods/s': (NODES / row.wallSeconds).toFixed(0),
    'ms CPU a pod': (row.cpuMs / NODES).toFixed(3),
    'of it main thread': (row.mainCpuMs / NODES).toFixed(3),
    'event-loop delay p99 ms': row.delayP99Ms.toFixed(1),
    'max ms': row.delayMaxMs.toFixed(0),
    'RSS MB': row.rssMb.toFixed(0),
    'tasks by lane': row.tasks.join(' '),
    load: row.load.toFixed(1),
  })),
);
for (const strategy of STRATEGIES) {
  process.stdout.write(
    `${verdictOf(
      strategy,
      rows.filter((row) => row.strategy === strategy),
    )}\n`,
  );
}
process.stdout.write(
  `The simulated API server is one thread, and this machine has ${availableParallelism()} CPUs for it and the updater.\n`,
);
for (const { violations } of rows) for (const violation of violations) process.stdout.write(`observer: ${violation}\n`);
