import type { DaemonSetObject, NodeObject, NodeTerm, PodSpec, Taint, Toleration } from './objects.ts';
import { matchesRequirement } from './selector.ts';

const NODE = 'node.kubernetes.io';

/** What the DaemonSet controller tolerates on behalf of every pod it creates. */
const DAEMON_TOLERATIONS: readonly Toleration[] = [
  { key: `${NODE}/not-ready`, operator: 'Exists', effect: 'NoExecute' },
  { key: `${NODE}/unreachable`, operator: 'Exists', effect: 'NoExecute' },
  { key: `${NODE}/disk-pressure`, operator: 'Exists', effect: 'NoSchedule' },
  { key: `${NODE}/memory-pressure`, operator: 'Exists', effect: 'NoSchedule' },
  { key: `${NODE}/pid-pressure`, operator: 'Exists', effect: 'NoSchedule' },
  { key: `${NODE}/unschedulable`, operator: 'Exists', effect: 'NoSchedule' },
];

const HOST_NETWORK_TOLERATION: Toleration = {
  key: `${NODE}/network-unavailable`,
  operator: 'Exists',
  effect: 'NoSchedule',
};

/** By the spec of the template: one list for all its pods and nodes. */
const tolerationsOf = new WeakMap<PodSpec, readonly Toleration[]>();

/** The template's tolerations and the ones that the DaemonSet controller adds. */
export function daemonTolerations(spec: PodSpec): readonly Toleration[] {
  let tolerations = tolerationsOf.get(spec);
  if (tolerations === undefined) {
    const added = spec.hostNetwork === true ? [...DAEMON_TOLERATIONS, HOST_NETWORK_TOLERATION] : DAEMON_TOLERATIONS;
    tolerations = [...(spec.tolerations ?? []), ...added];
    tolerationsOf.set(spec, tolerations);
  }
  return tolerations;
}

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if ((toleration.effect ?? '') !== '' && toleration.effect !== taint.effect) return false;
  if ((toleration.key ?? '') !== '' && toleration.key !== taint.key) return false;
  if ((toleration.operator ?? '') === 'Exists') return true;
  return (toleration.key ?? '') !== '' && (toleration.value ?? '') === (taint.value ?? '');
}

function matchesTerm(term: NodeTerm, node: NodeObject): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) return false;
  const names = { 'metadata.name': node.metadata.name };
  return (
    expressions.every((requirement) => matchesRequirement(node.metadata.labels ?? {}, requirement)) &&
    fields.every((requirement) => matchesRequirement(names, requirement))
  );
}

function isWanted(spec: PodSpec, node: NodeObject): boolean {
  if ((spec.nodeName ?? '') !== '' && spec.nodeName !== node.metadata.name) return false;
  const labels = node.metadata.labels ?? {};
  for (const [key, value] of Object.entries(spec.nodeSelector ?? {})) if (labels[key] !== value) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

export interface PlacementVerdict {
  /** A pod should be created on the node; such a node is eligible. */
  readonly shouldRun: boolean;
  /** A pod that is there may stay. */
  readonly shouldContinue: boolean;
  /** Node name, selector and required affinity of the template match, whatever taints there are. */
  readonly isWanted: boolean;
  /** No taint keeps pods away, but for those that say no more than the node's Ready condition. */
  readonly fits: boolean;
}

/** Whether the DaemonSet wants a pod on the node. Source: NodeShouldRunDaemonPod of Kubernetes' DaemonSet controller. */
export function placementOf(daemonSet: DaemonSetObject, node: NodeObject): PlacementVerdict {
  const { spec } = daemonSet.spec.template;
  if (!isWanted(spec, node)) return UNWANTED;
  const taints = node.spec.taints ?? [];
  if (taints.length === 0) return WELCOME;
  const tolerations = daemonTolerations(spec);
  const untolerated = taints.filter((taint) => !tolerations.some((toleration) => tolerates(toleration, taint)));
  const barring = untolerated.filter(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute');
  const shouldContinue = barring.every((taint) => taint.effect !== 'NoExecute');
  const fits = barring.every(({ key }) => key === `${NODE}/not-ready` || key === `${NODE}/unreachable`);
  return { shouldRun: barring.length === 0, shouldContinue, isWanted: true, fits };
}

const UNWANTED: PlacementVerdict = { shouldRun: false, shouldContinue: false, isWanted: false, fits: false };
const WELCOME: PlacementVerdict = { shouldRun: true, shouldContinue: true, isWanted: true, fits: true };
