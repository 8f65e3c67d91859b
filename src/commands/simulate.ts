import { randomInt } from 'node:crypto';
import { accessSync, constants, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemReason } from '../manager/fatal-text.ts';
import { firstSignal } from '../manager/shutdown.ts';
import type { SimulateOptions } from './options.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from './program.ts';
import { findingsOf } from './simulation/findings.ts';
import { SimulatedRun } from './simulation/simulated-run.ts';
import { Snapshots } from './simulation/snapshots.ts';
import { renderLive } from './view/live-view.ts';
import { renderPlain } from './view/plain-view.ts';
import { type ReportContext, renderReport, reportOf, type SimulationReport } from './view/report.ts';
import type { RunEnd, ViewSnapshot } from './view/snapshot.ts';
import { renderSvg } from './view/svg.ts';
import { canRedraw, LiveTerminal, shouldColor, terminalWidth } from './view/terminal.ts';
import { doneRatio, END_WORDS, simulatedNodes, titleOf } from './view/words.ts';

const LIVE_INTERVAL_MS = 200;
const PLAIN_INTERVAL_MS = 2_000;
const SEED_MAX = 2 ** 31;

/** A rollout on the embedded simulated cluster; standard output holds the report, progress goes to standard error. */
export async function simulate(options: SimulateOptions): Promise<number> {
  const seed = options.seed ?? randomInt(SEED_MAX);
  const picture = new Picture(options.pictureFile);
  const problem = picture.problem();
  if (problem !== undefined) {
    process.stderr.write(`error: --picture: ${problem}\n`);
    return EXIT_USAGE;
  }
  const screen = openScreen(options);
  // Before anything is drawn: a signal that ends the process by itself would leave the cursor hidden.
  const signal = firstSignal();
  screen.starting(`Starting ${simulatedNodes(options.nodes)} …`);
  const run = await SimulatedRun.start({ options, seed, listeners: { log: () => {} } });
  void signal.then(() => run.interrupt());
  const snapshots = new Snapshots(run, options);
  try {
    await run.begin();
    const first = await snapshots.take('rolling');
    screen.announce(first);
    picture.consider(first);
    const show = (snapshot: ViewSnapshot): void => {
      screen.show(snapshot);
      picture.consider(snapshot);
    };
    const timer = setInterval(() => void snapshots.take('rolling').then(show), screen.intervalMs);
    const end = await run.end();
    clearInterval(timer);
    const wallMs = run.elapsedMs;
    screen.close(await snapshots.take(end));
    const isOk = await report(run, { options, seed, end, wallMs });
    picture.write();
    return isOk ? EXIT_OK : EXIT_FAILED;
  } finally {
    screen.restore();
    await run.close();
  }
}

interface Ended {
  readonly options: SimulateOptions;
  readonly seed: number;
  readonly end: RunEnd;
  readonly wallMs: number;
}

/** Prints what came of it; false when something is wrong. */
async function report(run: SimulatedRun, { options, seed, end, wallMs }: Ended): Promise<boolean> {
  const observed = await run.observed();
  const lanes = await run.laneStats();
  const context = { end, isOta: options.strategy === 'OTA', daemonSetCount: options.daemonSets };
  const findings = findingsOf({ options, seed, report: observed, lanes, wallMs });
  const result = reportOf(findings, context, observed.violations);
  explain(end, observed.violations, options);
  print(result, options, context);
  return result.ok;
}

const PICTURE_COLUMNS = 92;

/** Keeps the frame of the live view that is nearest to the middle of the rollout. */
class Picture {
  readonly #file: string | undefined;
  #frame: readonly string[] = [];
  #distance = Number.POSITIVE_INFINITY;

  constructor(file: string | undefined) {
    this.#file = file;
  }

  /** Why it could not be written in the end; undefined when it can. */
  problem(): string | undefined {
    if (this.#file === undefined) return undefined;
    const folder = dirname(this.#file);
    try {
      accessSync(folder, constants.W_OK);
      return undefined;
    } catch (error) {
      return `${folder} cannot be written to: ${systemReason(error)}`;
    }
  }

  consider(snapshot: ViewSnapshot): void {
    const distance = Math.abs(doneRatio(snapshot) - 0.5);
    if (this.#file === undefined || distance >= this.#distance) return;
    this.#distance = distance;
    this.#frame = renderLive(snapshot, { width: PICTURE_COLUMNS, isColor: true });
  }

  write(): void {
    if (this.#file === undefined) return;
    writeFileSync(this.#file, renderSvg(this.#frame, { columns: PICTURE_COLUMNS, title: 'daemonpodupdater simulate' }));
  }
}

interface Screen {
  readonly intervalMs: number;
  starting(text: string): void;
  announce(snapshot: ViewSnapshot): void;
  show(snapshot: ViewSnapshot): void;
  close(snapshot: ViewSnapshot): void;
  restore(): void;
}

/** Live on a terminal, else a line now and then; with a JSON report nobody is watching. */
function openScreen(options: SimulateOptions): Screen {
  const { stderr } = process;
  const isLive = canRedraw(stderr, process.env);
  if (options.report === 'json' && !isLive) {
    return { intervalMs: PLAIN_INTERVAL_MS, starting() {}, announce() {}, show() {}, close() {}, restore() {} };
  }
  if (!isLive) {
    const line = (snapshot: ViewSnapshot): void => void stderr.write(`${renderPlain(snapshot)}\n`);
    const announce = (snapshot: ViewSnapshot): void => void stderr.write(`${titleOf(snapshot)}\n`);
    const starting = (text: string): void => void stderr.write(`${text}\n`);
    return { intervalMs: PLAIN_INTERVAL_MS, starting, announce, show: line, close: line, restore() {} };
  }
  return liveScreen();
}

function liveScreen(): Screen {
  const { stderr } = process;
  const terminal = new LiveTerminal(stderr);
  let isClosed = false;
  const draw = (snapshot: ViewSnapshot): void => {
    const width = terminalWidth(stderr);
    terminal.draw(renderLive(snapshot, { width, isColor: shouldColor(stderr, process.env) }));
  };
  return {
    intervalMs: LIVE_INTERVAL_MS,
    starting: (text) => terminal.draw([` ${text}`]),
    announce: draw,
    // A snapshot that was asked for before the end may come after it.
    show: (snapshot) => (isClosed ? undefined : draw(snapshot)),
    close: (snapshot) => {
      draw(snapshot);
      isClosed = true;
      terminal.close();
      stderr.write('\n');
    },
    restore: () => terminal.close(),
  };
}

function print(report: SimulationReport, options: SimulateOptions, context: ReportContext): void {
  const { stdout } = process;
  if (options.report === 'json') {
    stdout.write(`${JSON.stringify(report)}\n`);
    return;
  }
  const view = { ...context, width: terminalWidth(stdout), isColor: shouldColor(stdout, process.env) };
  stdout.write(`${renderReport(report, view).join('\n')}\n`);
}

/** With a JSON report the end is in words nowhere else. */
function explain(end: RunEnd, violations: readonly string[], { report }: SimulateOptions): void {
  if (report === 'json' && end !== 'completed') process.stderr.write(`${END_WORDS[end]}\n`);
  for (const violation of violations) process.stderr.write(`observer: ${violation}\n`);
}
