import type { RunEnd, ViewSnapshot } from './snapshot.ts';
import { formatCount, formatElapsed } from './text.ts';

/** What is going on, for somebody who sees it for the first time. */
export function titleOf(snapshot: ViewSnapshot): string {
  const { strategy, version, nodeCount, budget } = snapshot;
  const nodes = simulatedNodes(nodeCount);
  const what = subjectOf(snapshot.daemonSets);
  if (strategy === 'OTA') {
    return `Marking the pods of ${what} on ${nodes} for version ${version} (OTA: nothing is deleted)`;
  }
  const unit = snapshot.daemonSets.length > 1 ? 'pods ' : '';
  const bound = budget === undefined ? '' : `, at most ${formatCount(budget.allowed)} ${unit}unavailable at once`;
  return `Rolling out version ${version} of ${what} to ${nodes}${bound}`;
}

function subjectOf(daemonSets: readonly string[]): string {
  const [first = ''] = daemonSets;
  return daemonSets.length === 1 ? `DaemonSet ${first}` : `${daemonSets.length} DaemonSets`;
}

/** `updated`, or `marked` under OTA. */
export function doneWord(snapshot: ViewSnapshot): string {
  return snapshot.strategy === 'OTA' ? 'marked' : 'updated';
}

/** What is counted: with several DaemonSets a node has a pod of each. */
export function unitOf({ daemonSets }: Pick<ViewSnapshot, 'daemonSets'>): 'nodes' | 'pods' {
  return daemonSets.length > 1 ? 'pods' : 'nodes';
}

export function skippedCount(snapshot: ViewSnapshot): number {
  return snapshot.skipped.reduce((sum, { count }) => sum + count, 0);
}

export function doneRatio({ eligible, updated }: ViewSnapshot): number {
  return eligible === 0 ? 0 : updated / eligible;
}

/** Rounded down: 100% means all. */
export function formatPercent(ratio: number): string {
  return `${Math.floor(ratio * 100 + 1e-9)}%`;
}

/** How it ended, in words. */
export const END_WORDS: Readonly<Record<RunEnd, string>> = {
  completed: 'done',
  stalled: 'nothing moved any more',
  timeout: 'the time of --timeout was up',
  interrupted: 'interrupted',
};

/** So long nothing may move before it is said. */
const STILL_MS = 5_000;

/** How long the nodes that can still be updated take at the present rate, or why that cannot be told; '' before anything moved. */
export function outlook({ rate, waiting, inFlight, stillMs, failed, skipped }: ViewSnapshot): string {
  if (waiting + inFlight + failed === 0 && skipped.length > 0) return 'waits for nodes to come back';
  if (stillMs >= STILL_MS) return `nothing has moved for ${formatElapsed(stillMs)}`;
  const perSecond = rate.now > 0 ? rate.now : rate.average;
  return perSecond > 0 ? `about ${formatElapsed(((waiting + inFlight) / perSecond) * 1000)} left` : '';
}

/** `1,000 simulated nodes` */
export function simulatedNodes(count: number): string {
  return `${formatCount(count)} simulated ${count === 1 ? 'node' : 'nodes'}`;
}
