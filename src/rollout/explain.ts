import { isOutOfService } from '../kube/availability.ts';
import type { PodRecord } from '../kube/records.ts';
import { isCurrent, type TargetRevision } from '../kube/revision.ts';
import type { Facts } from './facts.ts';
import { liveCount, PLACE, type Slot } from './slot-state.ts';

/** Why a slot counts as failed, in one sentence for people. */
export function explainFailure(slot: Slot, facts: Facts, nowMs: number): string {
  if (isNotReady(slot)) return 'the node went NotReady soon after its pod was replaced';
  const seconds = Math.round((nowMs - slot.replacingSinceMs) / 1000);
  const limit = Math.round(facts.progressDeadlineMs / 1000);
  return `${explainReplacing(slot)} (${seconds} s, progress deadline ${limit} s)`;
}

/** What cannot be read may be Ready. */
function isNotReady({ node }: Slot): boolean {
  return node !== undefined && !node.isReady && node.unreadable === undefined;
}

/** Why slots fail, in classes; label values of a metric, so they are never renamed. */
export const FAILURE_CAUSES = [
  'image-pull',
  'crash-loop',
  'unschedulable',
  'not-admitted',
  'evicted',
  'stuck-terminating',
  'not-created',
  'node-not-ready',
  'not-ready',
  'other',
] as const;
export type FailureCause = (typeof FAILURE_CAUSES)[number];

export interface Failure {
  readonly cause: FailureCause;
  /** The same for slots with the same trouble. */
  readonly detail: string;
  /** What the kubelet says there, which differs from node to node. */
  readonly said?: string;
}

/** Why a slot failed. */
export function classifyFailure(slot: Slot, target: TargetRevision | undefined): Failure {
  if (isNotReady(slot)) {
    return { cause: 'node-not-ready', detail: 'the node went NotReady soon after its pod was replaced' };
  }
  const terminating = slot.pods.find(({ record }) => record.isTerminating)?.record;
  if (terminating !== undefined) {
    return { cause: 'stuck-terminating', detail: `the ${ageOf(terminating, target)} pod is stuck in Terminating` };
  }
  const pod = slot.pods[0]?.record;
  if (pod === undefined) return { cause: 'not-created', detail: 'the DaemonSet controller has not created a pod' };
  const which = `the ${ageOf(pod, target)} pod`;
  if (pod.phase === 'Failed') return failureOfFailed(pod, which);
  if (pod.trouble === undefined) return { cause: 'not-ready', detail: `${which} does not become available` };
  return { cause: causeOfTrouble(pod.trouble), detail: `${which} does not become available: ${pod.trouble}` };
}

/** Of the revision that is rolled out, or of another one: after a rollback an old pod may be the younger one. */
function ageOf(pod: PodRecord, target: TargetRevision | undefined): 'new' | 'old' {
  return target === undefined || isCurrent(pod, target) ? 'new' : 'old';
}

/** Reasons with which the kubelet ends a pod that it had admitted (kubernetes pkg/kubelet: eviction, preemption, nodeshutdown, active_deadline). */
const ENDED = new Set(['Evicted', 'Preempting', 'Terminated', 'Shutdown', 'DeadlineExceeded', 'NodeLost']);

/** The kubelet refused it, or ended it: no container of it will run again. */
function failureOfFailed({ trouble = 'Failed', troubleMessage }: PodRecord, which: string): Failure {
  const said = troubleMessage === undefined ? {} : { said: troubleMessage };
  // Without a reason of the kubelet's its containers ended by themselves.
  if (trouble === 'Failed') return { cause: 'other', detail: `${which} is Failed`, ...said };
  if (/\(exit code \d+\)$/.test(trouble))
    return { cause: 'crash-loop', detail: `${which} is Failed: ${trouble}`, ...said };
  if (ENDED.has(trouble)) return { cause: 'evicted', detail: `the kubelet ended ${which}: ${trouble}`, ...said };
  return { cause: 'not-admitted', detail: `the kubelet refused ${which}: ${trouble}`, ...said };
}

/** The kubelet's and the scheduler's reasons (kubernetes pkg/kubelet/images/types.go, container/sync_result.go). */
function causeOfTrouble(trouble: string): FailureCause {
  if (/^(?:ImagePullBackOff|ErrImage|InvalidImageName|ImageInspectError|RegistryUnavailable|Signature)/.test(trouble)) {
    return 'image-pull';
  }
  if (/^(?:Unschedulable|SchedulingGated)/.test(trouble)) return 'unschedulable';
  return trouble.startsWith('CrashLoopBackOff') || trouble.includes('(exit code ') ? 'crash-loop' : 'other';
}

/** What a slot that is being replaced waits for. */
export function explainReplacing(slot: Slot): string {
  const terminating = slot.pods.find(({ record }) => record.isTerminating)?.record;
  if (terminating !== undefined) return `pod ${terminating.name} is still terminating`;
  const [pod] = slot.pods;
  if (pod === undefined || liveCount(slot) === 0) {
    const why = slot.place < PLACE.FITS ? ': a taint of the node keeps it away' : '';
    return `the DaemonSet controller has not created a pod${why}`;
  }
  const { name, phase, trouble, isReady, unreadable } = pod.record;
  if (unreadable !== undefined) return `pod ${name} cannot be read: ${unreadable}`;
  if (isOutOfService(pod.record)) {
    const why = trouble === undefined || trouble === phase ? '' : `: ${trouble}`;
    return `pod ${name} is ${phase}${why}${saidBy(pod.record)}; the DaemonSet controller replaces it`;
  }
  if (trouble !== undefined) return `pod ${name} is not available: ${trouble}`;
  return isReady ? `pod ${name} is Ready, but not for minReadySeconds yet` : `pod ${name} is not Ready`;
}

/** In marks that a table can leave out: it differs from node to node. */
function saidBy({ troubleMessage }: PodRecord): string {
  return troubleMessage === undefined ? '' : `, as the kubelet says: "${troubleMessage.replaceAll('"', "'")}"`;
}
