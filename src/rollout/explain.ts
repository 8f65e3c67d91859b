import { isOutOfService } from '../kube/availability.ts';
import type { Facts } from './facts.ts';
import { liveCount, type Slot } from './slot-state.ts';

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
  'stuck-terminating',
  'not-created',
  'node-not-ready',
  'not-ready',
  'other',
] as const;
export type FailureCause = (typeof FAILURE_CAUSES)[number];

/** Why a slot failed, told so that slots with the same trouble are told the same. */
export function classifyFailure(slot: Slot): { readonly cause: FailureCause; readonly detail: string } {
  if (isNotReady(slot)) {
    return { cause: 'node-not-ready', detail: 'the node went NotReady soon after its pod was replaced' };
  }
  if (slot.pods.some(({ record }) => record.isTerminating)) {
    return { cause: 'stuck-terminating', detail: 'the old pod is stuck in Terminating' };
  }
  const pod = slot.pods[0]?.record;
  if (pod === undefined) return { cause: 'not-created', detail: 'the DaemonSet controller has not created a pod' };
  if (pod.trouble === undefined) return { cause: 'not-ready', detail: 'the new pod does not become available' };
  return { cause: causeOfTrouble(pod.trouble), detail: `the new pod does not become available: ${pod.trouble}` };
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
  if (pod === undefined || liveCount(slot) === 0) return 'the DaemonSet controller has not created a pod';
  const { name, phase, trouble, isReady, unreadable } = pod.record;
  if (unreadable !== undefined) return `pod ${name} cannot be read: ${unreadable}`;
  if (isOutOfService(pod.record)) return `pod ${name} is ${phase}; the DaemonSet controller replaces it`;
  if (trouble !== undefined) return `pod ${name} is not available: ${trouble}`;
  return isReady ? `pod ${name} is Ready, but not for minReadySeconds yet` : `pod ${name} is not Ready`;
}
