import { keyOf, type PodObject, type SimObject, withMetadata } from './objects.ts';
import type { Origin, Store } from './store.ts';
import { formatTime } from './time.ts';

export interface PodDeletion {
  readonly pod: PodObject;
  readonly gracePeriodSeconds: number | undefined;
  readonly nowMs: number;
  readonly origin: Origin;
}

/**
 * Deletes a pod as the API server does: a pod that no kubelet holds (not assigned, or finished) goes at once; another is
 * marked, and its kubelet takes it away; a further deletion can only shorten the grace period.
 *
 * Source: BeforeDelete in apiserver/pkg/registry/rest/delete.go, CheckGracefulDelete of the pod strategy.
 */
export function deletePod(store: Store, deletion: PodDeletion): SimObject {
  const { pod, nowMs, origin } = deletion;
  const isHeld = (pod.metadata.finalizers ?? []).length > 0;
  const isMarked = pod.metadata.deletionTimestamp !== undefined;
  const graceSeconds = gracePeriod(deletion);
  if (graceSeconds === 0 && !isHeld) return store.remove('pods', keyOf(pod), origin, terminating(pod, 0, nowMs));
  if (isMarked && graceSeconds >= (pod.metadata.deletionGracePeriodSeconds ?? 0)) return pod;
  return store.update('pods', terminating(pod, graceSeconds, nowMs), origin);
}

function gracePeriod({ pod, gracePeriodSeconds }: PodDeletion): number {
  const { phase } = pod.status;
  if ((pod.spec.nodeName ?? '') === '' || phase === 'Failed' || phase === 'Succeeded') return 0;
  const marked = pod.metadata.deletionGracePeriodSeconds;
  const wanted = gracePeriodSeconds ?? marked ?? pod.spec.terminationGracePeriodSeconds ?? 30;
  return wanted < 0 ? 1 : wanted;
}

function terminating(pod: PodObject, graceSeconds: number, nowMs: number): PodObject {
  const isMarked = pod.metadata.deletionTimestamp !== undefined;
  const generation = (pod.metadata.generation ?? 0) + (isMarked ? 0 : 1);
  const deletionTimestamp = formatTime(nowMs + graceSeconds * 1000);
  return withMetadata(pod, { generation, deletionTimestamp, deletionGracePeriodSeconds: graceSeconds });
}
