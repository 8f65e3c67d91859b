import type { PodRecord } from './records.ts';

/** `Succeeded` or `Failed`: it does not run any more, and the DaemonSet controller deletes it by itself. */
export function isFinished(pod: PodRecord): boolean {
  return pod.phase === 'Succeeded' || pod.phase === 'Failed';
}

/**
 * Not to be counted upon, and not for this program to replace: it has finished, or cannot be read, so that nobody knows
 * whether it is old.
 */
export function isOutOfService(pod: PodRecord): boolean {
  return isFinished(pod) || pod.unreadable !== undefined;
}

/** Ready, running and staying: what becomes available by waiting alone. */
export function isServing(pod: PodRecord): boolean {
  return pod.isReady && !pod.isTerminating && !isOutOfService(pod);
}

/**
 * When the pod is available: Ready for `minReadyMs`, not terminating; Infinity while it is not on its way there.
 *
 * `readySinceMs` is when its Ready transition was observed here (clocks differ); available pods answer with a past time.
 */
export function availableAtMs(pod: PodRecord, readySinceMs: number, minReadyMs: number): number {
  return isServing(pod) ? readySinceMs + minReadyMs : Number.POSITIVE_INFINITY;
}

export function isAvailable(pod: PodRecord, readySinceMs: number, at: { minReadyMs: number; nowMs: number }): boolean {
  return availableAtMs(pod, readySinceMs, at.minReadyMs) <= at.nowMs;
}
