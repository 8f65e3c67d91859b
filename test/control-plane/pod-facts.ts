import type { Condition, PodObject } from './cluster.ts';

/** Only what is said about pods here: thousands of them are kept while a rollout is observed. */
export function essentialsOf(pod: PodObject): PodObject {
  const { name, uid, labels, deletionTimestamp, ownerReferences } = pod.metadata;
  const nodeName = pod.spec.nodeName ?? targetNode(pod);
  const conditions = pod.status?.conditions;
  return {
    metadata: {
      name,
      ...(uid === undefined ? {} : { uid }),
      ...(labels === undefined ? {} : { labels }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...(ownerReferences === undefined ? {} : { ownerReferences }),
    },
    spec: nodeName === undefined ? {} : { nodeName },
    status: conditions === undefined ? {} : { conditions },
  };
}

export function hashOf(pod: PodObject): string | undefined {
  return pod.metadata.labels?.['controller-revision-hash'];
}

export function isReady(conditions: readonly Condition[] | undefined): boolean {
  return conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/**
 * Since when the pod says that it is Ready, on `performance.now()`; Infinity when it does not say so. For Kubernetes
 * minReadySeconds begin there: in whole seconds, so up to one earlier than anybody sees it.
 */
export function saidReadySinceMs({ status }: PodObject): number {
  const time = status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
  return time === undefined ? Number.POSITIVE_INFINITY : Date.parse(time) - performance.timeOrigin;
}

interface AffinityTerm {
  readonly matchFields?: readonly { readonly key: string; readonly values?: readonly string[] }[];
}

/** A DaemonSet's pod that is not scheduled yet names its node in its affinity. */
function targetNode(pod: PodObject): string | undefined {
  const spec = pod.spec as {
    affinity?: {
      nodeAffinity?: {
        requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms?: readonly AffinityTerm[] };
      };
    };
  };
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms[0]?.matchFields?.find(({ key }) => key === 'metadata.name')?.values?.[0];
}
