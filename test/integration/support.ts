import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import type { LogFields, LogLevel } from '../../src/controller/ports.ts';
import type { ReaderProblem } from '../../src/manager/cluster-reader.ts';
import { Updater, type UpdaterOptions } from '../../src/manager/updater.ts';
import { plainConnection } from '../../src/protocol/connection.ts';
import type { Outcome } from '../../src/protocol/outcome.ts';
import type { ObserverReport } from '../../src/simulator/observer.ts';
import { type Simulator, type SimulatorSettings, startSimulator } from '../../src/simulator/start.ts';

const ROOT = join(import.meta.dirname, '..', '..');
export const MAIN = join(ROOT, 'src', 'main.ts');
const POLL_MS = 10;
const POLL_MAX_MS = 100;
/** Whoever waits waits for a condition: a busy machine may take its time, and only what is broken takes so long. */
const DEADLINE_MS = 120_000;

/** A simulated cluster in its thread, gone when the test is over. */
export async function simulator(t: TestContext, settings: Partial<SimulatorSettings>): Promise<Simulator> {
  const started = await startSimulator({ speed: 20, ...settings });
  t.after(() => started.close());
  return started;
}

/** What an updater says and does, as its listeners hear it. */
export class Diary {
  readonly logs: { readonly level: LogLevel; readonly message: string; readonly fields: LogFields }[] = [];
  readonly outcomes: Outcome[] = [];
  readonly problems: ReaderProblem[] = [];

  messages(level: LogLevel): string[] {
    return this.logs.filter((line) => line.level === level).map(({ message }) => message);
  }
}

export interface StartedUpdater {
  readonly updater: Updater;
  readonly diary: Diary;
  /** Ends it, after what is in flight if `graceMs` allows it. Once is enough. */
  stop(graceMs?: number): Promise<void>;
}

/** The real updater with real threads; it leads as soon as it has read everything. */
export async function startUpdater(
  t: TestContext,
  cluster: Simulator,
  changes: Partial<UpdaterOptions> = {},
): Promise<StartedUpdater> {
  const diary = new Diary();
  const updater = new Updater({
    connection: plainConnection(cluster.url),
    namespaces: [],
    workers: 2,
    cpus: () => 2,
    qps: 0,
    burst: 0,
    maxInFlight: Number.POSITIVE_INFINITY,
    isDryRun: false,
    identity: 'integration-test',
    listeners: {
      log: (level, message, fields) => diary.logs.push({ level, message, fields }),
      onRequest() {},
      onUnauthorized() {},
      taskDone: (outcome) => diary.outcomes.push(outcome),
      onReaderProblem: (problem) => diary.problems.push(problem),
      onEventDropped() {},
      onEventSuppressed() {},
      onResize() {},
      onResizeFailed() {},
    },
    ...changes,
  });
  let stopping: Promise<void> | undefined;
  const end = async (graceMs: number): Promise<void> => {
    if (graceMs > 0) await updater.drain(graceMs);
    await updater.close(graceMs);
  };
  const stop = (graceMs = 1000): Promise<void> => {
    stopping ??= end(graceMs);
    return stopping;
  };
  t.after(() => stop(0));
  await updater.start();
  await eventually('everything has been read', () => {
    const { controller } = updater.host;
    return controller.hasSynced && [...controller.followed()].length === cluster.daemonSets.length;
  });
  updater.lead(Number.POSITIVE_INFINITY);
  return { updater, diary, stop };
}

/** Polls until the condition holds, the less often the longer it takes; fails after the deadline. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const startMs = performance.now();
  while (!(await condition())) {
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < DEADLINE_MS, `not within ${DEADLINE_MS} ms: ${what}`);
    await sleep(Math.min(POLL_MAX_MS, POLL_MS + tookMs / 10));
  }
}

export async function rolledOut(cluster: Simulator): Promise<ObserverReport> {
  const isDone = await cluster.waitFor({ condition: 'rolled-out' }, DEADLINE_MS);
  const report = await cluster.control.report();
  assert.ok(isDone, `not rolled out within ${DEADLINE_MS} ms: ${JSON.stringify(report)}`);
  return report;
}

/** Nothing that the observer inside the cluster would hold against a client. */
export function assertClean(report: ObserverReport): void {
  assert.deepEqual(report.violations, []);
  const faults = [report.duplicateWrites, report.orderViolations, report.overBudgetDeletions, report.otaDeletes];
  assert.equal(report.wrongForceDeletes, 0);
  const others = [report.wrongMarks, report.writesWithoutPrecondition, report.foreignWrites, report.optedOutWrites];
  assert.deepEqual([...faults, ...others], [0, 0, 0, 0, 0, 0, 0, 0]);
  for (const { peak, allowed } of report.daemonSets) assert.ok(peak <= allowed, `${peak} of ${allowed}`);
}

/** Worker threads that are started from now on, while they live. */
export function collectThreads(t: TestContext): Set<Worker> {
  const threads = new Set<Worker>();
  const collect = (worker: Worker): void => {
    threads.add(worker);
    worker.once('exit', () => threads.delete(worker));
  };
  process.on('worker', collect);
  t.after(() => process.off('worker', collect));
  return threads;
}

export interface SkippableClock {
  (ms: number): void;
  /** No time passes until the work is done. */
  standStill(work: () => Promise<void>): Promise<void>;
}

/**
 * Lets the main thread's monotonic clock jump ahead, so that deadlines of half a minute need not be waited for. Timers
 * are not told; whatever comes in next makes the controller look at the clock.
 */
export function skippableClock(t: TestContext): SkippableClock {
  const original = process.hrtime;
  let skippedMs = 0;
  let stoppedAt: [number, number] | undefined;
  const skipped = Object.assign(
    (since?: [number, number]): [number, number] => {
      const [seconds, nanoseconds] = stoppedAt ?? original(since);
      return [seconds + skippedMs / 1000, nanoseconds];
    },
    { bigint: () => original.bigint() },
  );
  process.hrtime = skipped as NodeJS.HRTime;
  t.after(() => {
    process.hrtime = original;
  });
  const skip = (ms: number): void => {
    skippedMs += ms;
  };
  const standStill = async (work: () => Promise<void>): Promise<void> => {
    const [seconds, nanoseconds] = original();
    stoppedAt = [seconds, nanoseconds];
    try {
      await work();
    } finally {
      const [passedSeconds, passedNanoseconds] = original(stoppedAt);
      skippedMs -= passedSeconds * 1000 + passedNanoseconds / 1e6;
      stoppedAt = undefined;
    }
  };
  return Object.assign(skip, { standStill });
}

/**
 * Waits until everything that was sent to the cluster is there. A new connection is accepted after all that were opened
 * before it; on a busy machine those of a thread that has ended may wait for longer than the updater waits for an answer.
 */
export async function allArrived(cluster: Simulator): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const options = { agent: false, signal: AbortSignal.timeout(60_000) };
    const asked = get(`${cluster.url}/api/v1/nodes?limit=1`, options, (answer) => {
      answer.resume().once('end', resolve).once('error', reject);
    });
    asked.once('error', reject);
  });
}

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'daemonpodupdater-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a kubeconfig with one context; returns its path. */
export async function kubeconfig(
  t: TestContext,
  server: string,
  user: Readonly<Record<string, unknown>> = {},
  cluster: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const path = join(await temporaryFolder(t), 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'simulated', cluster: { server, ...cluster } }],
    contexts: [{ name: 'test', context: { cluster: 'simulated', user: 'tester', namespace: 'default' } }],
    users: [{ name: 'tester', user }],
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
}

/** The program as a process of its own. */
export class Cli {
  stdout = '';
  stderr = '';
  readonly ended: Promise<number | null>;
  readonly #child;

  constructor(t: TestContext, args: readonly string[], options: CliOptions = {}) {
    this.#child = spawn(process.execPath, [...(options.nodeArgs ?? []), MAIN, ...args], {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, KUBECONFIG: '', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => this.#child.once('close', (code) => resolve(code)));
    t.after(() => this.#child.kill('SIGKILL'));
  }

  signal(name: 'SIGTERM' | 'SIGINT' | 'SIGHUP'): void {
    this.#child.kill(name);
  }

  get output(): string {
    return this.stdout + this.stderr;
  }

  /** Log lines in JSON, wherever they were written; of the last one only a part may have come. */
  logs(): Record<string, unknown>[] {
    return [this.stdout, this.stderr]
      .flatMap((text) => text.split('\n').slice(0, -1))
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Where the server of that name listens, once it says so. */
  async address(server: 'metrics' | 'health'): Promise<string> {
    const find = () => this.logs().find((line) => line.message === 'listening' && line.server === server);
    await eventually(`the ${server} server listens: ${this.output}`, () => find() !== undefined);
    return `http://${String(find()?.address)}`;
  }
}

export async function runCli(t: TestContext, args: readonly string[], options: CliOptions = {}) {
  const cli = new Cli(t, args, options);
  const code = await cli.ended;
  return { code, stdout: cli.stdout, stderr: cli.stderr };
}
