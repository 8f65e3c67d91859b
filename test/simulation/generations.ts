import { revisionHashOf } from '../../src/simulator/cluster-index.ts';
import type { DaemonSetObject, PodObject, RevisionObject } from '../../src/simulator/objects.ts';

const GENERATION_LABEL = 'pod-template-generation';
const GENERATION_ANNOTATION = 'deprecated.daemonset.template.generation';

/** Of the pod's template, as Kubernetes counts them; undefined when the pod does not say. */
export function podGeneration(pod: PodObject): number | undefined {
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
