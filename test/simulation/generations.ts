import { revisionHashOf } from '../../src/simulator/cluster-index.ts';
import type { DaemonSetObject, PodObject, RevisionObject } from '../../src/simulator/objects.ts';
import type { StampClock } from './clocks.ts';

const GENERATION_LABEL = 'pod-template-generation';
const GENERATION_ANNOTATION = 'deprecated.daemonset.template.generation';

/** Of the pod's template, as Kubernetes counts them; undefined when the pod does not say. */
function podGeneration(pod: PodObject): number | undefined {
  const label = pod.metadata.labels?.[GENERATION_LABEL];
  return label === undefined ? undefined : Number(label);
}

export function templateGeneration(daemonSet: DaemonSetObject): number {
  return Number(daemonSet.metadata.annotations?.[GENERATION_ANNOTATION] ?? 0);
}

/** Whether the pod is of that revision: by its hash, and without one by its generation. */
export function isOfRevision(pod: PodObject, revision: RevisionObject, daemonSet: DaemonSetObject): boolean {
  const hash = revisionHashOf(pod);
  if (hash !== '') return hash === revisionHashOf(revision);
  return podGeneration(pod) === templateGeneration(daemonSet);
}

/**
 * Whether the pod says itself that it is of a later template than the DaemonSet has in `daemonSet`. The generation of a pod that,
 * by what is written in both, is not younger than the DaemonSet is of another one's count.
 */
export function isOfLaterTemplate(pod: PodObject, daemonSet: DaemonSetObject, stamps: StampClock): boolean {
  const secondOf = ({ creationTimestamp }: { readonly creationTimestamp: string }): number =>
    Math.floor(stamps.stamp(Date.parse(creationTimestamp)) / 1000);
  if (secondOf(pod.metadata) <= secondOf(daemonSet.metadata)) return false;
  return hasLaterGeneration(pod, daemonSet);
}

/** By the numbers alone. */
export function hasLaterGeneration(pod: PodObject, daemonSet: DaemonSetObject): boolean {
  return (podGeneration(pod) ?? 0) > templateGeneration(daemonSet);
}
