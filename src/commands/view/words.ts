import type { ViewSnapshot } from './snapshot.ts';
import { formatCount } from './text.ts';

/** What is going on, for somebody who sees it for the first time. */
export function titleOf(snapshot: ViewSnapshot): string {
  const { strategy, version, nodeCount, budget } = snapshot;
  const nodes = `${formatCount(nodeCount)} simulated ${nodeCount === 1 ? 'node' : 'nodes'}`;
  const what = subjectOf(snapshot.daemonSets);
  if (strategy === 'OTA') {
    return `Marking the pods of ${what} on ${nodes} for version ${version} (OTA: nothing is deleted)`;
  }
  const bound = budget === undefined ? '' : `, at most ${formatCount(budget.allowed)} unavailable at once`;
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

/** How long the nodes that can still be updated take at the present rate; undefined when nothing moves. */
export function remainingMs(snapshot: ViewSnapshot): number | undefined {
  const { rate, waiting, inFlight } = snapshot;
  const perSecond = rate.now > 0 ? rate.now : rate.average;
  if (perSecond <= 0 || snapshot.phase !== 'rolling') return undefined;
  return ((waiting + inFlight) / perSecond) * 1000;
}
