import { type Entry, revisionHashOf } from './cluster-index.ts';
import type { SiteWatch } from './observer-site.ts';
import type { View } from './observer-view.ts';

/** So long after its pod was replaced, and minReadySeconds, a node that goes NotReady has failed. */
const NODE_FAILURE_MS = 5 * 60_000;

export interface Suspected {
  readonly entry: Entry;
  readonly views: ReadonlyMap<string, View>;
  /** Names of nodes that are not Ready and where a client has replaced the pod. */
  readonly suspects: ReadonlySet<string>;
  readonly site: SiteWatch;
}

/** Nodes that went away, before `untilMs`, soon after a client had replaced their pod by one of this revision, and not with their site. */
export function countFailed({ entry, suspects, views, site }: Suspected, untilMs: number, nowMs: number): number {
  const soonMs = NODE_FAILURE_MS + 1000 * (entry.daemonSet.spec.minReadySeconds ?? 0);
  const newest = entry.newest === undefined ? '' : revisionHashOf(entry.newest);
  let failed = 0;
  for (const name of suspects) {
    const view = views.get(name);
    const awayMs = site.awaySinceMs(name) ?? Number.POSITIVE_INFINITY;
    if (view === undefined || view.turnHash !== newest || awayMs > untilMs) continue;
    const isSoon = awayMs >= view.turnAtMs && (view.isReplacing || awayMs - view.turnAtMs <= soonMs);
    const isRecent = (other: string): boolean => awayMs - (views.get(other)?.turnAtMs ?? 0) <= soonMs;
    if (isSoon && !site.wentWithSite(name, isRecent, nowMs)) failed += 1;
  }
  return failed;
}
