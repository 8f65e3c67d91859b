import { TEMPLATE_GENERATION } from './admission.ts';
import { type Entry, revisionHashOf } from './cluster-index.ts';
import type { PodObject, RevisionObject } from './objects.ts';
import { daemonTolerations } from './placement.ts';
import { ownerOf, REVISION_HASH } from './revisions.ts';

/** The pod that the DaemonSet controller creates for a node, before the API server has seen it. */
export function daemonPod(entry: Entry, newest: RevisionObject, at: { name: string; nodeName: string }): PodObject {
  const { daemonSet } = entry;
  const { template } = daemonSet.spec;
  const generation = daemonSet.metadata.annotations?.[TEMPLATE_GENERATION] ?? '1';
  const field = { key: 'metadata.name', operator: 'In', values: [at.nodeName] };
  const required = { nodeSelectorTerms: [{ matchFields: [field] }] };
  const metadata = {
    name: at.name,
    generateName: `${daemonSet.metadata.name}-`,
    namespace: daemonSet.metadata.namespace ?? '',
    labels: {
      ...template.metadata?.labels,
      [REVISION_HASH]: revisionHashOf(newest),
      'pod-template-generation': generation,
    },
    ...(template.metadata?.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
    ownerReferences: [ownerOf(daemonSet)],
    uid: '',
    resourceVersion: '',
    creationTimestamp: '',
  };
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } };
  const spec = { ...template.spec, affinity, tolerations: daemonTolerations(template.spec) };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec, status: {} };
}
