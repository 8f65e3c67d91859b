import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { minimise } from './minimise.ts';
import type { SeedReport } from './run.ts';
import { runTasks, type SeedTask } from './seeds.ts';
import { commandOf, KINDS, type Kind, type Overrides } from './spec.ts';

/**
 * `npm run sim`: runs seeds and prints what fails, with the command that repeats it.
 * Exit code 0: every seed held; 1: one did not; 2: bad arguments.
 */
const OPTIONS = {
  seeds: { type: 'string', default: '1' },
  seed: { type: 'string', default: '1' },
  minutes: { type: 'string' },
  nodes: { type: 'string' },
  daemonsets: { type: 'string' },
  without: { type: 'string' },
  /** Seeds at a time, each on a thread of its own. */
  jobs: { type: 'string' },
  /** Print the last so many lines of the trace. */
  trace: { type: 'string' },
  'stop-at-first': { type: 'boolean', default: false },
  /** Failures by other rules do not count. */
  'only-rule': { type: 'string' },
  'no-minimise': { type: 'boolean', default: false },
  report: { type: 'string', default: 'text' },
} as const;

interface Totals {
  seeds: number;
  events: number;
  virtualMs: number;
  deletes: number;
  marks: number;
  failures: number;
  readonly tally: Map<string, number>;
  /** Of the seeds with many nodes. */
  readonly largeMs: number[];
}

/** From so many nodes on a seed's time is told apart: small ones take hardly any. */
const LARGE_NODES = 150;
const PROGRESS_MS = 5000;
/** Every so many seeds are run twice. */
const TWICE_EVERY = 100;

/** Fewer seeds are over before threads are of use. */
const MANY_SEEDS = 50;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS });
  const first = whole('--seed', values.seed, 0);
  const count = whole('--seeds', values.seeds, 1);
  const traced = values.trace === undefined ? 0 : whole('--trace', values.trace, 1);
  const jobs = values.jobs === undefined ? usualJobs(count, values) : whole('--jobs', values.jobs, 1);
  const overrides = overridesOf(values);
  const totals: Totals = {
    seeds: 0,
    events: 0,
    virtualMs: 0,
    deletes: 0,
    marks: 0,
    failures: 0,
    tally: new Map(),
    largeMs: [],
  };
  const startedMs = performance.now();
  let saidAtMs = startedMs;
  const tasks = tasksOf(first, count, { overrides, isRecording: traced > 0 });
  for await (const { report, difference } of runTasks(tasks, jobs)) {
    add(totals, report);
    if (traced > 0) printTrace(report, traced);
    const isMeant = values['only-rule'] === undefined || values['only-rule'] === report.failure?.rule;
    if (report.failure !== undefined && isMeant) {
      tell(report, overrides, { isMinimising: !values['no-minimise'], isJson: values.report === 'json' });
      if (values['stop-at-first']) return 1;
    }
    if (difference !== '') tellDifference(report.spec.seed, difference, { overrides, totals });
    if (performance.now() - saidAtMs > PROGRESS_MS && values.report === 'text') {
      saidAtMs = performance.now();
      process.stderr.write(`${totals.seeds} of ${count} seeds, ${totals.failures} failed\n`);
    }
  }
  summarise(totals, { wallMs: performance.now() - startedMs, jobs });
  return totals.failures === 0 ? 0 : 1;
}

/** As many as there are CPUs, unless it is about one seed after the other. */
function usualJobs(count: number, values: { readonly trace?: string; readonly 'stop-at-first': boolean }): number {
  return count < MANY_SEEDS || values.trace !== undefined || values['stop-at-first'] ? 1 : availableParallelism();
}

function* tasksOf(first: number, count: number, how: Pick<SeedTask, 'overrides' | 'isRecording'>): Generator<SeedTask> {
  for (let seed = first; seed < first + count; seed += 1) {
    yield { seed, ...how, isTwice: seed % TWICE_EVERY === 0 || count === 1 };
  }
}

class UsageError extends Error {}

function whole(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least) {
    throw new UsageError(`${flag} is "${text}"; it must be a whole number of at least ${least}`);
  }
  return value;
}

function overridesOf(
  values: Readonly<Partial<Record<'minutes' | 'nodes' | 'daemonsets' | 'without', string>>>,
): Overrides {
  const { minutes, nodes, daemonsets, without } = values;
  if (minutes !== undefined && !(Number(minutes) > 0))
    throw new UsageError(`--minutes is "${minutes}"; it must be positive`);
  const kinds = (without ?? '').split(',').filter((kind) => kind !== '');
  for (const kind of kinds) {
    if (!(KINDS as readonly string[]).includes(kind))
      throw new UsageError(`--without: "${kind}" is none of ${KINDS.join(', ')}`);
  }
  return {
    ...(minutes === undefined ? {} : { minutes: Number(minutes) }),
    ...(nodes === undefined ? {} : { nodes: whole('--nodes', nodes, 1) }),
    ...(daemonsets === undefined ? {} : { daemonSets: whole('--daemonsets', daemonsets, 1) }),
    ...(kinds.length === 0 ? {} : { without: kinds as Kind[] }),
  };
}

function add(totals: Totals, report: SeedReport): void {
  totals.seeds += 1;
  totals.events += report.events;
  totals.virtualMs += report.virtualMs;
  totals.deletes += report.deletes;
  totals.marks += report.marks;
  for (const [kind, times] of report.tally) totals.tally.set(kind, (totals.tally.get(kind) ?? 0) + times);
  if (report.spec.nodes >= LARGE_NODES) totals.largeMs.push(report.wallMs);
  if (report.failure !== undefined) totals.failures += 1;
}

function tell(
  report: SeedReport,
  overrides: Overrides,
  how: { readonly isMinimising: boolean; readonly isJson: boolean },
): void {
  const { spec, failure } = report;
  if (failure === undefined) return;
  if (how.isJson) {
    console.log(JSON.stringify({ seed: spec.seed, rule: failure.rule, message: failure.message }));
    return;
  }
  console.log(`seed ${spec.seed} broke the rule ${failure.rule} after ${(failure.atMs / 1000).toFixed(3)} s`);
  console.log(`  ${failure.message}`);
  console.log(`  repeat: ${commandOf(spec.seed, overrides)}`);
  const isWhole = Object.keys(overrides).length === 0;
  if (how.isMinimising && isWhole) console.log(`  smaller: ${commandOf(spec.seed, minimise(spec.seed, failure.rule))}`);
}

function tellDifference(
  seed: number,
  difference: string,
  { overrides, totals }: { readonly overrides: Overrides; readonly totals: Totals },
): void {
  totals.failures += 1;
  console.log(`seed ${seed} is not repeatable, the first difference: ${difference}`);
  console.log(`  repeat: ${commandOf(seed, overrides)}`);
}

function counted(seeds: number): string {
  return seeds === 1 ? '1 seed' : `${seeds} seeds`;
}

function printTrace(report: SeedReport, count: number): void {
  for (const line of report.lines.slice(-count)) console.log(line);
}

function summarise(totals: Totals, { wallMs, jobs }: { readonly wallMs: number; readonly jobs: number }): void {
  const { seeds, events, virtualMs, deletes, marks, failures, tally, largeMs } = totals;
  const hours = (virtualMs / 3_600_000).toFixed(1);
  const faults = [...tally]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([kind, times]) => `${kind} ${times}`);
  console.log(`happened: ${faults.join(', ')}`);
  console.log(
    `${counted(seeds)}, ${failures} failed: ${events} events, ${deletes} deletions and ${marks} marks in ${hours} virtual hours; ` +
      `${(wallMs / seeds).toFixed(1)} ms a seed (${jobs} at a time, ${availableParallelism()} CPUs)`,
  );
  const medianMs = largeMs.sort((left, right) => left - right)[largeMs.length >> 1];
  if (medianMs === undefined) return;
  console.log(
    `${counted(largeMs.length)} of ${LARGE_NODES} nodes and more: ${medianMs.toFixed(1)} ms each, from its beginning to its end (median)`,
  );
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof TypeError && 'code' in error)) throw error;
  console.error(error.message);
  if (!(error instanceof UsageError)) console.error(`options: --${Object.keys(OPTIONS).join(', --')}`);
  process.exitCode = 2;
}
