import type { Facts } from './facts.ts';
import { refusedUntilMs } from './holdback.ts';
import { type Leaving, liveCount, NEVER, PLACE, type Slot, type TrackedPod } from './slot-state.ts';

/** How long a forced deletion may take to show before it is repeated; doubles each time, up to an hour. */
const REPEAT_AFTER_MS = 60_000;
const REPEAT_DOUBLINGS_MAX = 6;

export function newLeaving(sinceMs: number): Leaving {
  return { sinceMs, forcedCount: 0, forcedAtMs: NEVER };
}

/** Whether the DaemonSet asks for it, and the node has no other pod, which would need no replacement. */
export function mayForce(slot: Slot, facts: Facts): boolean {
  return facts.isForceDeleteStuck && slot.place === PLACE.FITS && liveCount(slot) === 0;
}

/**
 * When a pod that holds up its slot may be deleted without its kubelet, if the DaemonSet asks for that: the progress
 * deadline after its grace period, as far as could be seen, and longer if that did not help before or was refused. NEVER while something else is asked.
 */
export function forceAtMs(slot: Slot, facts: Facts): number {
  if (slot.ask !== undefined || !mayForce(slot, facts)) return NEVER;
  let atMs = NEVER;
  for (const pod of slot.pods) atMs = Math.min(atMs, forcePodAtMs(pod, slot, facts));
  return Math.max(atMs, refusedUntilMs(slot, 'force-delete'));
}

/** The pod to delete by force at `nowMs`. */
export function stuckPod(slot: Slot, facts: Facts, nowMs: number): TrackedPod | undefined {
  return slot.pods.find((pod) => forcePodAtMs(pod, slot, facts) <= nowMs);
}

export function noteForced(slot: Slot, uid: string, nowMs: number): void {
  const leaving = slot.pods.find(({ record }) => record.uid === uid)?.leaving;
  if (leaving === undefined) return;
  leaving.forcedCount += 1;
  leaving.forcedAtMs = nowMs;
}

function forcePodAtMs({ record, leaving }: TrackedPod, { node, unseenMs }: Slot, facts: Facts): number {
  const isUnreadable = record.unreadable !== undefined || node?.unreadable !== undefined;
  if (leaving === undefined || isUnreadable) return NEVER;
  if (leaving.forcedCount > 0) {
    return leaving.forcedAtMs + REPEAT_AFTER_MS * 2 ** Math.min(leaving.forcedCount - 1, REPEAT_DOUBLINGS_MAX);
  }
  return leaving.sinceMs + (record.deletionGraceMs ?? 0) + facts.progressDeadlineMs + unseenMs;
}
