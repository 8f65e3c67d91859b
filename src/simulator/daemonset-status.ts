import { type Entry, isAvailable, revisionHashOf } from './cluster-index.ts';

/** The status that the DaemonSet controller writes. */
export function statusOf(entry: Entry, nowMs: number): DaemonSetStatus {
  const newest = entry.newest === undefined ? '' : revisionHashOf(entry.newest);
  const minReadySeconds = entry.daemonSet.spec.minReadySeconds ?? 0;
  const counts = { desired: 0, current: 0, ready: 0, available: 0, updated: 0, misscheduled: 0 };
  for (const slot of entry.slots.values()) {
    if (!slot.placement.shouldRun) {
      if (slot.pods.length > 0) counts.misscheduled += 1;
      continue;
    }
    counts.desired += 1;
    const oldest = slot.pods[0];
    if (oldest === undefined) continue;
    counts.current += 1;
    if (oldest.readySinceMs !== undefined) counts.ready += 1;
    if (isAvailable(oldest, minReadySeconds, nowMs)) counts.available += 1;
    if (oldest.hash === newest) counts.updated += 1;
  }
  const unavailable = counts.desired - counts.available;
  return {
    currentNumberScheduled: counts.current,
    numberMisscheduled: counts.misscheduled,
    desiredNumberScheduled: counts.desired,
    numberReady: counts.ready,
    observedGeneration: entry.daemonSet.metadata.generation ?? 0,
    updatedNumberScheduled: counts.updated,
    ...(counts.available > 0 ? { numberAvailable: counts.available } : {}),
    ...(unavailable > 0 ? { numberUnavailable: unavailable } : {}),
  };
}

type DaemonSetStatus = Readonly<Record<string, number>> & { readonly observedGeneration: number };
