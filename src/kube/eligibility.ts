import type { NodeRecord, Placement, Taint, Toleration } from './records.ts';
import { compareIntegers, matchesLabels, matchesNodeSelectorTerm } from './selectors.ts';

export type IneligibleReason = 'node-name' | 'node-selector' | 'node-affinity' | 'taint';

/**
 * Whether a DaemonSet's pod belongs on a node.
 *
 * `shouldRun`: the DaemonSet controller would create a pod there. `shouldContinueRunning`: it leaves one that exists. Both
 * differ on a node with a `NoSchedule` taint that came later: a pod deleted there would not be created again.
 */
export type Eligibility =
  | { readonly shouldRun: true; readonly shouldContinueRunning: true }
  | {
      readonly shouldRun: false;
      readonly shouldContinueRunning: boolean;
      readonly reason: IneligibleReason;
      /** For people: what does not fit. */
      readonly message: string;
    };

/** Decides for one node; made once a placement, because a cluster has many nodes. */
export type EligibilityRule = (node: NodeRecord) => Eligibility;

const ELIGIBLE: Eligibility = { shouldRun: true, shouldContinueRunning: true };

/**
 * The rule of the DaemonSet controller for a pod template.
 *
 * Source: kubernetes pkg/controller/daemon/daemon_controller.go (NodeShouldRunDaemonPod, predicates) and
 * util/daemonset_util.go (AddOrUpdateDaemonPodTolerations).
 */
export function eligibilityRule(placement: Placement): EligibilityRule {
  const tolerations = daemonTolerations(placement);
  return (node) => checkPlace(placement, node) ?? checkTaints(tolerations, node);
}

/** The template's tolerations and those the DaemonSet controller gives to every pod it creates. */
function daemonTolerations(placement: Placement): readonly Toleration[] {
  const added = [
    exists('node.kubernetes.io/not-ready', 'NoExecute'),
    exists('node.kubernetes.io/unreachable', 'NoExecute'),
    exists('node.kubernetes.io/disk-pressure', 'NoSchedule'),
    exists('node.kubernetes.io/memory-pressure', 'NoSchedule'),
    exists('node.kubernetes.io/pid-pressure', 'NoSchedule'),
    exists('node.kubernetes.io/unschedulable', 'NoSchedule'),
  ];
  if (placement.isHostNetwork) added.push(exists('node.kubernetes.io/network-unavailable', 'NoSchedule'));
  return [...placement.tolerations, ...added];
}

function exists(key: string, effect: string): Toleration {
  return { key, operator: 'Exists', value: '', effect };
}

function checkPlace(placement: Placement, node: NodeRecord): Eligibility | undefined {
  if (placement.nodeName !== '' && placement.nodeName !== node.name) {
    return misplaced('node-name', `the template is bound to node ${placement.nodeName}`);
  }
  if (!matchesLabels(placement.nodeSelector, node.labels)) {
    return misplaced('node-selector', 'the node lacks labels of the nodeSelector');
  }
  const terms = placement.requiredNodeTerms;
  if (terms !== undefined && !terms.some((term) => matchesNodeSelectorTerm(term, node))) {
    return misplaced('node-affinity', 'no term of the required node affinity matches');
  }
  return undefined;
}

function misplaced(reason: IneligibleReason, message: string): Eligibility {
  return { shouldRun: false, shouldContinueRunning: false, reason, message };
}

function checkTaints(tolerations: readonly Toleration[], node: NodeRecord): Eligibility {
  let untolerated: Taint | undefined;
  let shouldContinueRunning = true;
  for (const taint of node.taints) {
    if (taint.effect !== 'NoSchedule' && taint.effect !== 'NoExecute') continue;
    if (tolerations.some((toleration) => toleratesTaint(toleration, taint))) continue;
    untolerated ??= taint;
    if (taint.effect === 'NoExecute') shouldContinueRunning = false;
  }
  if (untolerated === undefined) return ELIGIBLE;
  const message = `taint ${formatTaint(untolerated)} is not tolerated`;
  return { shouldRun: false, shouldContinueRunning, reason: 'taint', message };
}

/**
 * Whether a toleration covers a taint. '' as key or effect covers all of them.
 *
 * `Gt` and `Lt` compare the taint's value with the toleration's (alpha in 1.35, behind TaintTolerationComparisonOperators):
 * the API server takes such a toleration only where that is on, so finding one is reason enough to honour it.
 * Source: k8s.io/api core/v1/toleration.go (ToleratesTaint).
 */
export function toleratesTaint(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect !== '' && toleration.effect !== taint.effect) return false;
  if (toleration.key !== '' && toleration.key !== taint.key) return false;
  switch (toleration.operator) {
    case '':
    case 'Equal':
      return toleration.value === taint.value;
    case 'Exists':
      return true;
    case 'Gt':
      return compareIntegers(taint.value, toleration.value) === 1;
    case 'Lt':
      return compareIntegers(taint.value, toleration.value) === -1;
    default:
      return false;
  }
}

function formatTaint({ key, value, effect }: Taint): string {
  return value === '' ? `${key}:${effect}` : `${key}=${value}:${effect}`;
}
