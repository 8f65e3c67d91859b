import { isFinished } from '../kube/availability.ts';
import type { Facts } from './facts.ts';
import { liveCount, type Slot } from './slot-state.ts';

/** Why a slot counts as failed, in one sentence for people. */
export function explainFailure(slot: Slot, facts: Facts, nowMs: number): string {
  if (slot.node?.isReady === false) return 'the node went NotReady soon after its pod was replaced';
  const seconds = Math.round((nowMs - slot.replacingSinceMs) / 1000);
  const limit = Math.round(facts.progressDeadlineMs / 1000);
  return `${explainReplacing(slot)} (${seconds} s, progress deadline ${limit} s)`;
}

/** What a slot that is being replaced waits for. */
export function explainReplacing(slot: Slot): string {
  const terminating = slot.pods.find(({ record }) => record.isTerminating)?.record;
  if (terminating !== undefined) return `pod ${terminating.name} is still terminating`;
  const [pod] = slot.pods;
  if (pod === undefined || liveCount(slot) === 0) return 'the DaemonSet controller has not created a pod';
  const { name, phase, trouble, isReady } = pod.record;
  if (isFinished(pod.record)) return `pod ${name} is ${phase}; the DaemonSet controller replaces it`;
  if (trouble !== undefined) return `pod ${name} is not available: ${trouble}`;
  return isReady ? `pod ${name} is Ready, but not for minReadySeconds yet` : `pod ${name} is not Ready`;
}
