import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { SimulateOptions } from './options.ts';
import { EXIT_FAILED, EXIT_OK } from './program.ts';
import { findingsOf } from './simulation/findings.ts';
import { type RunEnd, SimulatedRun } from './simulation/simulated-run.ts';
import { Snapshots } from './simulation/snapshots.ts';
import { renderLive } from './view/live-view.ts';
import { renderPlain } from './view/plain-view.ts';
import { renderReport, reportOf, type SimulationReport } from './view/report.ts';
import type { ViewSnapshot } from './view/snapshot.ts';
import { renderSvg } from './view/svg.ts';
import { LiveTerminal, shouldColor, terminalWidth } from './view/terminal.ts';
import { doneRatio, titleOf } from './view/words.ts';
import { firstSignal } from './wiring/shutdown.ts';

const LIVE_INTERVAL_MS = 200;
const PLAIN_INTERVAL_MS = 2_000;
const SEED_MAX = 2 ** 31;

/** A rollout on the embedded simulated cluster; standard output holds the report, progress goes to standard error. */
export async function simulate(options: SimulateOptions): Promise<number> {
  const seed = options.seed ?? randomInt(SEED_MAX);
  const run = await SimulatedRun.start({ options, seed, listeners: { log: () => {} } });
  void firstSignal().then(() => run.interrupt());
  const snapshots = new Snapshots(run, options);
  const screen = openScreen(options);
  const picture = new Picture(options.pictureFile);
  try {
    await run.begin();
    screen.announce(await snapshots.take('starting'));
    const show = (snapshot: ViewSnapshot): void => {
      screen.show(snapshot);
      picture.consider(snapshot);
    };
    const timer = setInterval(() => void snapshots.take('rolling').then(show), screen.intervalMs);
    const end = await run.end();
    clearInterval(timer);
    const wallMs = run.elapsedMs;
    const lanes = await run.updater.pool.stats();
    screen.close(await snapshots.take(end === 'completed' ? 'completed' : 'stopped'));
    const observed = await run.simulator.control.report();
    const report = reportOf(findingsOf({ options, seed, report: observed, lanes, wallMs }), observed.violations);
    print(report, options);
    explain(end, observed.violations);
    picture.write();
    return report.ok ? EXIT_OK : EXIT_FAILED;
  } finally {
    screen.restore();
    await run.close();
  }
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
  announce(snapshot: ViewSnapshot): void;
  show(snapshot: ViewSnapshot): void;
  close(snapshot: ViewSnapshot): void;
  restore(): void;
}

/** Live on a terminal, else a line now and then; with a JSON report nobody is watching. */
function openScreen(options: SimulateOptions): Screen {
  const { stderr } = process;
  if (options.report === 'json' && stderr.isTTY !== true) {
    return { intervalMs: PLAIN_INTERVAL_MS, announce() {}, show() {}, close() {}, restore() {} };
  }
  if (stderr.isTTY !== true) {
    const line = (snapshot: ViewSnapshot): void => void stderr.write(`${renderPlain(snapshot)}\n`);
    const announce = (snapshot: ViewSnapshot): void => void stderr.write(`${titleOf(snapshot)}\n`);
    return { intervalMs: PLAIN_INTERVAL_MS, announce, show: line, close: line, restore() {} };
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

function print(report: SimulationReport, options: SimulateOptions): void {
  const { stdout } = process;
  if (options.report === 'json') {
    stdout.write(`${JSON.stringify(report)}\n`);
    return;
  }
  const view = { width: terminalWidth(stdout), isColor: shouldColor(stdout, process.env) };
  stdout.write(`${renderReport(report, view).join('\n')}\n`);
}

const END_WORDS: Readonly<Record<RunEnd, string | undefined>> = {
  completed: undefined,
  stalled: 'Nothing moved any more, so the simulation was ended.',
  timeout: 'The time of --timeout was up.',
  interrupted: 'Interrupted.',
};

function explain(end: RunEnd, violations: readonly string[]): void {
  const words = END_WORDS[end];
  if (words !== undefined) process.stderr.write(`${words}\n`);
  for (const violation of violations) process.stderr.write(`observer: ${violation}\n`);
}
