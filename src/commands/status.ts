import { setTimeout as sleep } from 'node:timers/promises';
import type { Followed } from '../controller/followed.ts';
import type { RolloutCounts } from '../rollout/counts.ts';
import { STATUS_PATH } from '../server/admin-routes.ts';
import { askController } from './admin-client.ts';
import { type ControllerReport, controllerLines } from './controller-view.ts';
import type { StatusOptions } from './options.ts';
import { EXIT_FAILED, EXIT_OK } from './program.ts';
import { type StatusRow, statusTable } from './tables.ts';
import { Reading } from './wiring/reading.ts';
import { firstSignal } from './wiring/shutdown.ts';

const WATCH_INTERVAL_MS = 2_000;
const CLEAR_SCREEN = '\x1b[H\x1b[2J';

/** How the rollouts stand; with `--watch` until a signal ends it. */
export async function status(options: StatusOptions): Promise<number> {
  const reading = await Reading.open(options, () => options.namespaces);
  try {
    await reading.sync();
    const isFound = print(reading, options) && (await printController(options));
    if (options.isWatch) await watch(reading, options);
    return isFound ? EXIT_OK : EXIT_FAILED;
  } finally {
    await reading.close();
  }
}

/** False when the DaemonSet that was asked for is not there. */
function print(reading: Reading, options: StatusOptions): boolean {
  const all = [...reading.host.controller.followed()];
  const wanted = all.filter(({ daemonSet }) => options.daemonSet === undefined || daemonSet.name === options.daemonSet);
  if (options.daemonSet !== undefined && wanted.length === 0) {
    process.stderr.write(`error: no DaemonSet ${options.daemonSet} has opted in; see daemonpodupdater plan\n`);
    return false;
  }
  const lines =
    options.output === 'json'
      ? [JSON.stringify(wanted.map(({ key, rollout }) => ({ daemonSet: key, ...rollout.counts() })))]
      : statusTable(wanted.map(rowOf));
  process.stdout.write(`${lines.join('\n')}\n`);
  return true;
}

/** What the controller itself knows, if one was named; false when it does not answer. */
async function printController({ controller, output }: StatusOptions): Promise<boolean> {
  if (controller === undefined) return true;
  const answer = await askController(controller, { method: 'GET', pathAndQuery: STATUS_PATH });
  if (!answer.ok) {
    process.stderr.write(`error: ${answer.message}\n`);
    return false;
  }
  const lines =
    output === 'json' ? [JSON.stringify(answer.json)] : controllerLines(answer.json as ControllerReport, Date.now());
  process.stdout.write(`${output === 'json' ? '' : '\n'}${lines.join('\n')}\n`);
  return true;
}

async function watch(reading: Reading, options: StatusOptions): Promise<void> {
  let isOver = false;
  void firstSignal().then(() => {
    isOver = true;
  });
  while (!isOver) {
    await sleep(WATCH_INTERVAL_MS);
    if (process.stdout.isTTY === true && options.output === 'table') process.stdout.write(CLEAR_SCREEN);
    print(reading, options);
    await printController(options);
  }
}

function rowOf({ daemonSet, rollout }: Followed): StatusRow {
  const counts = rollout.counts();
  return {
    namespace: daemonSet.namespace,
    name: daemonSet.name,
    strategy: counts.strategy ?? '-',
    revision: counts.targetHash ?? '-',
    eligible: counts.eligible,
    updated: counts.updated,
    available: counts.available,
    unavailable: counts.unavailable,
    skipped: counts.skippedNotReady,
    failed: counts.failed,
    window: Number.isFinite(counts.window) ? counts.window : counts.allowed,
    ageMs: isInProgress(counts) ? Date.now() - counts.targetCreatedAtMs : undefined,
  };
}

function isInProgress({ waiting, inFlight, targetHash }: RolloutCounts): boolean {
  return targetHash !== undefined && waiting + inFlight > 0;
}
