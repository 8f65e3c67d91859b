import type { NodeRecord, Placement, Taint, Toleration } from './records.ts';
import { compareIntegers, matchesLabels, matchesNodeSelectorTerm } from './selectors.ts';

/** What keeps the pod away. `excluded` and the first three are about the place itself; what the others say may pass. */
export type IneligibleReason = 'excluded' | 'node-name' | 'node-selector' | 'node-affinity' | 'cordoned' | 'taint';

/** On a node: no DaemonSet is updated there, unless the value is `false`. */
export const EXCLUDE_LABEL = 'daemonpodupdater.io/exclude';

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
      /** Nothing but the taints of a node that is (or just was) NotReady: what its Ready condition says anyway. */
      readonly isOnlyAway: boolean;
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
export function eligibilityRule(placement: Placement, skipsCordoned = false): EligibilityRule {
  const tolerations = daemonTolerations(placement);
  return (node) =>
    checkExcluded(node) ??
    checkPlace(placement, node) ??
    (skipsCordoned && isCordoned(node) ? CORDONED : checkTaints(tolerations, node));
}

function checkExcluded({ labels }: NodeRecord): Eligibility | undefined {
  const value = Object.hasOwn(labels, EXCLUDE_LABEL) ? labels[EXCLUDE_LABEL] : 'false';
  return value === 'false' ? undefined : misplaced('excluded', `the node has the label ${EXCLUDE_LABEL}`);
}

const CORDONED: Eligibility = {
  shouldRun: false,
  shouldContinueRunning: true,
  reason: 'cordoned',
  isOnlyAway: false,
  message: 'the node is cordoned, and the DaemonSet leaves such nodes out',
};

const UNSCHEDULABLE_TAINT = 'node.kubernetes.io/unschedulable';

function isCordoned({ isUnschedulable, taints }: NodeRecord): boolean {
  return isUnschedulable === true || taints.some(({ key }) => key === UNSCHEDULABLE_TAINT);
}

/** The template's tolerations and those the DaemonSet controller gives to every pod it creates. */
function daemonTolerations(placement: Placement): readonly Toleration[] {
  const added = [
    exists('node.kubernetes.io/not-ready', 'NoExecute'),
    exists('node.kubernetes.io/unreachable', 'NoExecute'),
    exists('node.kubernetes.io/disk-pressure', 'NoSchedule'),
    exists('node.kubernetes.io/memory-pressure', 'NoSchedule'),
    exists('node.kubernetes.io/pid-pressure', 'NoSchedule'),
    exists(UNSCHEDULABLE_TAINT, 'NoSchedule'),
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
  return { shouldRun: false, shouldContinueRunning: false, reason, isOnlyAway: false, message };
}

/** Kubernetes' node lifecycle controller sets them with the Ready condition. */
const AWAY_TAINTS: ReadonlySet<string> = new Set(['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']);

function checkTaints(tolerations: readonly Toleration[], node: NodeRecord): Eligibility {
  let untolerated: Taint | undefined;
  let shouldContinueRunning = true;
  let isOnlyAway = true;
  for (const taint of node.taints) {
    if (taint.effect !== 'NoSchedule' && taint.effect !== 'NoExecute') continue;
    if (tolerations.some((toleration) => toleratesTaint(toleration, taint))) continue;
    if (untolerated === undefined || isOnlyAway) untolerated = taint;
    if (taint.effect === 'NoExecute') shouldContinueRunning = false;
    if (!AWAY_TAINTS.has(taint.key)) isOnlyAway = false;
  }
  if (untolerated === undefined) return ELIGIBLE;
  const message = `taint ${formatTaint(untolerated)} is not tolerated`;
  return { shouldRun: false, shouldContinueRunning, reason: 'taint', isOnlyAway, message };
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
