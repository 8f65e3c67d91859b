/**
 * How throughput holds while lanes are changed from 2 to 8 and back under full load: one template change after the other is
 * marked on all pods over HTTPS, and every task is counted when it ends.
 *
 * `node bench/resize.ts [--nodes 3000] [--seconds 24]`
 */
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { machine } from './report.ts';
import { SLICE_MS } from './support/threads-messages.ts';
import { secureCluster, UpdaterProcess } from './support/threads-run.ts';

const { values } = parseArgs({
  options: { nodes: { type: 'string', default: '3000' }, seconds: { type: 'string', default: '24' } },
});
const NODES = Number(values.nodes);
const THIRD_MS = (Number(values.seconds) * 1000) / 3;
const POLL_MS = 20;
const WINDOW = 1000 / SLICE_MS;
const TARGET = 0.7;
/** The first second begins with nothing in flight. */
const WARM_UP = WINDOW;

const { simulator, connection } = await secureCluster({ nodes: NODES, strategy: 'OTA' });
// The image has its compile cache filled; here an earlier process fills it.
const earlier = new UpdaterProcess();
await earlier.ask({ type: 'open', connection, workers: 1 }, 'ready');
await earlier.end();
const updater = new UpdaterProcess();
await updater.ask({ type: 'open', connection, workers: 2 }, 'ready');
await updater.ask({ type: 'begin' }, 'begun');
const startedMs = performance.now();

let isOver = false;
let templates = 0;
/** A new template well before the last one is done, so that there is always something to mark. */
async function keepBusy(): Promise<void> {
  while (!isOver) {
    templates += 1;
    await simulator.control.updateTemplate('default/agent', `registry.example/agent:v${templates + 1}`);
    for (;;) {
      const [report] = await simulator.control.progress();
      if (isOver || (report?.isNewRevisionKnown === true && report.marked > NODES * 0.7)) break;
      await sleep(POLL_MS);
    }
  }
}

const busy = keepBusy();
const resizes: { readonly to: number; readonly fromMs: number; readonly toMs: number }[] = [];
for (const to of [8, 2]) {
  await sleep(THIRD_MS);
  const fromMs = performance.now() - startedMs;
  const { atMs } = await updater.ask({ type: 'resize', workers: to }, 'resized');
  resizes.push({ to, fromMs, toMs: atMs });
}
await sleep(THIRD_MS);
const { endedBySlice, tasks } = await updater.ask({ type: 'finish' }, 'figures');
isOver = true;
await busy;
const { violations, orderViolations, duplicateWrites } = await simulator.control.report();
await updater.end();
await simulator.close();

interface Second {
  readonly atMs: number;
  readonly tasks: number;
}

/** Every window of a second, one for each slice that it may begin with. */
const seconds: Second[] = [];
for (let slice = WARM_UP; slice + WINDOW < endedBySlice.length; slice++) {
  const count = endedBySlice.slice(slice, slice + WINDOW).reduce((sum, ended) => sum + ended, 0);
  seconds.push({ atMs: slice * SLICE_MS, tasks: count });
}

function median(of: readonly Second[]): number {
  const sorted = of.map((second) => second.tasks).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const firstResizeMs = resizes[0]?.fromMs ?? 0;
const steadySeconds = seconds.filter(({ atMs }) => atMs + 1000 <= firstResizeMs);
const steady = median(steadySeconds);
function worstBetween(fromMs: number, toMs: number): Second {
  const inside = seconds.filter(({ atMs }) => atMs + 1000 > fromMs && atMs < toMs);
  return inside.toSorted((a, b) => a.tasks - b.tasks)[0] ?? { atMs: fromMs, tasks: 0 };
}
const line = (name: string, worst: Second): string =>
  `${name.padEnd(34)} worst second ${String(worst.tasks).padStart(6)} tasks, ${(worst.tasks / steady).toFixed(2)} of steady\n`;
process.stdout.write(`${NODES} simulated nodes over HTTPS, ${machine()}, load ${loadavg()[0]?.toFixed(1)}\n`);
process.stdout.write(`steady: ${steady} tasks/s (median), ${templates} template changes\n`);
process.stdout.write(line('2 lanes, nothing changes', worstBetween(WARM_UP * SLICE_MS, firstResizeMs - 1000)));
for (const [index, { to, fromMs, toMs }] of resizes.entries()) {
  const until = (resizes[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY) - 1000;
  const name = `to ${to} lanes (${Math.round(toMs - fromMs)} ms)`;
  process.stdout.write(line(name, worstBetween(fromMs, Math.min(until, toMs + 1000))));
  process.stdout.write(line(`with ${to} lanes`, worstBetween(toMs + 1000, until)));
}
const worst = seconds.filter(({ atMs }) => atMs + 1000 > firstResizeMs).toSorted((a, b) => a.tasks - b.tasks)[0];
const share = (worst?.tasks ?? 0) / steady;
process.stdout.write(`target never under ${TARGET}: ${share >= TARGET ? 'met' : 'missed'} (${share.toFixed(2)})\n`);
process.stdout.write(
  `lanes at the end: ${tasks.length}; twice: ${duplicateWrites}, out of order: ${orderViolations}\n`,
);
for (const violation of violations) process.stdout.write(`observer: ${violation}\n`);
