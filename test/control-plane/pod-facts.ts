import type { Condition, PodObject } from './cluster.ts';

export function hashOf(pod: PodObject): string | undefined {
  return pod.metadata.labels?.['controller-revision-hash'];
}

export function isReady(conditions: readonly Condition[] | undefined): boolean {
  return conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

interface AffinityTerm {
  readonly matchFields?: readonly { readonly key: string; readonly values?: readonly string[] }[];
}

/** A DaemonSet's pod that is not scheduled yet names its node in its affinity. */
export function targetNode(pod: PodObject): string | undefined {
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
