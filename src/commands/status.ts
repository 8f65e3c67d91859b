import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../clock.ts';
import type { Followed } from '../controller/followed.ts';
import { UPDATE_STRATEGY_ANNOTATION } from '../kube/annotations.ts';
import { leaderOf } from '../manager/leader-reader.ts';
import { Reading } from '../manager/reading.ts';
import { firstSignal } from '../manager/shutdown.ts';
import { STATUS_PATH } from '../server/admin-routes.ts';
import { parseControllerReport } from '../status/controller-report.ts';
import type { LeaderStatus } from '../status/leader-status.ts';
import { stateWords } from '../status/rollout-standing.ts';
import { failedCount, ledOf, warningsOf } from '../status/rollout-state.ts';
import { type StatusScreen, standingOf, statusDocument } from '../status/status-document.ts';
import { askController } from './admin-client.ts';
import { controllerLines } from './controller-view.ts';
import { kubeletWords } from './kubelet-words.ts';
import type { StatusOptions } from './options.ts';
import { EXIT_FAILED, EXIT_OK } from './program.ts';
import { type StatusRow, statusTable } from './tables.ts';
import { columnsOf, type Streams } from './view/terminal.ts';
import { wrapHanging } from './view/text.ts';

const WATCH_INTERVAL_MS = 2_000;
const CLEAR_SCREEN = '\x1b[H\x1b[2J';

/** How the rollouts stand; with `--watch` until a signal ends it. */
export async function status(options: StatusOptions, streams: Streams = process): Promise<number> {
  const reading = await Reading.open(options, () => options.namespaces, streams.stderr);
  try {
    await reading.sync();
    const isComplete = await print(reading, options, streams);
    if (options.isWatch) await watch(reading, options, streams);
    return isComplete ? EXIT_OK : EXIT_FAILED;
  } finally {
    await reading.close();
  }
}

/** False when the DaemonSet that was asked for is not there, or the controller that was named does not answer. */
async function print(
  reading: Reading,
  options: StatusOptions,
  { stdout, stderr }: Streams,
  before = '',
): Promise<boolean> {
  const { daemonSet: name, output, controller } = options;
  const all = [...reading.host.controller.followed()];
  const wanted = all.filter(({ daemonSet }) => name === undefined || daemonSet.name === name);
  const complaints = complaintsOf(reading, name);
  if (name !== undefined && wanted.length === 0) {
    const [why = `no DaemonSet ${name} has opted in with the annotation ${UPDATE_STRATEGY_ANNOTATION}`] = complaints;
    stderr.write(`error: ${why}\n`);
    return false;
  }
  const leader = only(await leaderStatus(reading, options), wanted);
  const told = wanted.flatMap((followed) => {
    const { key, rollout } = followed;
    const words = (): string => kubeletWords(rollout.plan(monotonicMs()));
    const trouble = { causes: causesOf(followed), words, block: rollout.blocked() };
    return warningsOf(key, trouble, ledOf(leader, key));
  });
  const screen = { wanted, leader, warnings: [...complaints, ...told] };
  const text =
    output === 'json' ? JSON.stringify(statusDocument(screen, monotonicMs())) : statusText(screen, columnsOf(stdout));
  stdout.write(`${before}${text}\n`);
  // Without a lease that can be read everything else is told; a controller that was named has to answer.
  return leader.ok || controller === undefined;
}

async function leaderStatus(reading: Reading, options: StatusOptions): Promise<LeaderStatus> {
  const { controller } = options;
  if (controller !== undefined) {
    const answer = await askController(controller, { method: 'GET', pathAndQuery: STATUS_PATH });
    if (!answer.ok) return answer;
    const parsed = parseControllerReport(answer.json);
    if (parsed.ok) return { ...parsed, ageMs: 0, isOutdated: false };
    return { ok: false, message: `the controller's answer cannot be read: ${parsed.message}` };
  }
  return await leaderOf(reading, options);
}

/** The leader without the rollouts that nobody asked for. */
function only(leader: LeaderStatus, wanted: readonly Followed[]): LeaderStatus {
  if (!leader.ok) return leader;
  const keys = new Set<string>(wanted.map(({ key }) => key));
  const rollouts = leader.report.rollouts.filter(({ daemonSet }) => keys.has(daemonSet));
  return { ...leader, report: { ...leader.report, rollouts } };
}

/** `namespace/name: what is wrong with how it opted in`. */
function complaintsOf(reading: Reading, name: string | undefined): readonly string[] {
  return [...reading.host.controller.complaints()]
    .filter(([key]) => name === undefined || key.endsWith(`/${name}`))
    .flatMap(([key, messages]) => messages.map((message) => `${key}: ${message}`));
}

function causesOf({ rollout }: Followed): Readonly<Record<string, number>> {
  return Object.fromEntries([...rollout.failures()].filter(([, count]) => count > 0));
}

function statusText({ wanted, warnings, leader }: StatusScreen, widthMax: number): string {
  const none = `No DaemonSet has opted in with the annotation ${UPDATE_STRATEGY_ANNOTATION}.`;
  const rows = wanted.map((followed) => rowOf(followed, leader));
  const table = rows.length === 0 ? [none] : statusTable(rows, widthMax);
  const warned = warnings.flatMap((warning) => wrapHanging(`warning: ${warning}`, widthMax));
  return [
    ...table,
    ...(warned.length === 0 ? [] : ['', ...warned]),
    '',
    ...controllerLines(leader, Date.now(), widthMax),
  ].join('\n');
}

async function watch(reading: Reading, options: StatusOptions, streams: Streams): Promise<void> {
  let isOver = false;
  void firstSignal().then(() => {
    isOver = true;
  });
  const between = streams.stdout.isTTY === true ? CLEAR_SCREEN : '\n';
  const before = options.output === 'table' ? between : '';
  while (!isOver) {
    await sleep(WATCH_INTERVAL_MS);
    await print(reading, options, streams, before);
  }
}

function rowOf(followed: Followed, leader: LeaderStatus): StatusRow {
  const { key, daemonSet, rollout } = followed;
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
    allowed: counts.strategy === 'OTA' ? undefined : counts.allowed,
    notReady: counts.eligible - counts.ready,
    failed: failedCount(counts, ledOf(leader, key)),
    state: stateWords(standingOf(followed, leader, monotonicMs()), counts, ledOf(leader, key), Date.now()),
  };
}
