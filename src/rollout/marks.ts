import type { PodRecord } from '../kube/records.ts';
import { isCurrent } from '../kube/revision.ts';
import type { Facts } from './facts.ts';
import type { Slot } from './slot-state.ts';

/** The OTA condition's message. */
function markMessage(hash: string): string {
  return `controllerrevision: ${hash}`;
}

export function isMarked(pod: PodRecord, mark: { readonly needsUpgrade: boolean; readonly hash: string }): boolean {
  const condition = pod.needUpgrade;
  if (condition === undefined) return false;
  return condition.status === (mark.needsUpgrade ? 'True' : 'False') && condition.message === markMessage(mark.hash);
}

export interface PendingMark {
  readonly pod: PodRecord;
  readonly needsUpgrade: boolean;
  readonly hash: string;
}

/**
 * The first pod (by UID) of the slot whose condition `PodNeedUpgrade` differs from what the target asks for. Terminating
 * pods, and those that cannot be read, are left alone; whether the node is Ready or eligible does not matter.
 */
export function pendingMark(slot: Slot, facts: Facts): PendingMark | undefined {
  const { target } = facts;
  if (target === undefined) return undefined;
  let first: PendingMark | undefined;
  for (const { record: pod } of slot.pods) {
    if (pod.isTerminating || pod.unreadable !== undefined || (first !== undefined && first.pod.uid < pod.uid)) continue;
    const mark = { needsUpgrade: !isCurrent(pod, target), hash: target.hash };
    if (!isMarked(pod, mark)) first = { pod, ...mark };
  }
  return first;
}
