import { isOutOfService } from '../kube/availability.ts';
import type { Task } from '../protocol/task.ts';
import { newAsk } from './asks.ts';
import { choiceOf } from './choice.ts';
import { BIT, candidateKind, isCurrentSlot } from './classify.ts';
import type { Facts } from './facts.ts';
import { repeatUntilMs } from './holdback.ts';
import { pendingMark } from './marks.ts';
import type { Observation } from './observe.ts';
import { type Ask, hasTerminatingPod, PLACE, type Slot, soleLivePod } from './slot-state.ts';
import { mayForce, stuckPod } from './stuck.ts';

/** What a candidate is asked for. */
export function askFor(slot: Slot, facts: Facts, nowMs: number): Ask {
  const choice = choiceOf(slot, candidateKind(slot.mask) ?? 'available');
  if ((slot.mask & BIT.candidateForce) !== 0) {
    return newAsk('force-delete', stuckPod(slot, facts, nowMs)?.record.uid ?? '', choice);
  }
  if ((slot.mask & BIT.candidateMark) === 0) return newAsk('delete', soleLivePod(slot)?.record.uid ?? '', choice);
  return newAsk('mark', slot.pods.find(({ record }) => !record.isTerminating)?.record.uid ?? '', choice);
}

/**
 * What an asked slot needs right now: decided again at the last moment, because things change while it waits in a queue.
 * Undefined: not wanted any more. The budget is the caller's business.
 */
export function taskOf(slot: Slot, namespace: string, { facts, nowMs }: Observation): Task | undefined {
  const { ask } = slot;
  if (ask === undefined) return undefined;
  if (ask.phase === 'observe-asked') {
    const pod = slot.pods.find(({ record }) => record.uid === ask.uid)?.record;
    if (pod === undefined) return undefined;
    return { slot: slot.key, namespace, pod: pod.name, uid: pod.uid, action: 'observe' };
  }
  if (ask.phase !== 'asked') return undefined;
  if (!isWanted(slot, ask, facts)) return undefined;
  if (ask.action === 'mark') return markTask(slot, facts, namespace);
  if (ask.action === 'delete' && nowMs < repeatUntilMs(slot, facts.target?.hash)) return undefined;
  const pod = slot.pods.find(({ record }) => record.uid === ask.uid)?.record;
  return pod && { slot: slot.key, namespace, pod: pod.name, uid: pod.uid, action: ask.action };
}

/** Whether that write is still to be done, as far as the cluster shows. */
export function isWanted(slot: Slot, { action, uid }: Pick<Ask, 'action' | 'uid'>, facts: Facts): boolean {
  if (action === 'mark') return facts.strategy === 'OTA' && pendingMark(slot, facts) !== undefined;
  if (facts.strategy !== 'AdvancedRollingUpdate' || slot.place !== PLACE.FITS || slot.node?.isReady !== true)
    return false;
  if (slot.node.unreadable !== undefined) return false;
  if (action === 'force-delete') {
    const stuck = slot.pods.find(({ record }) => record.uid === uid)?.record;
    return mayForce(slot, facts) && stuck?.isTerminating === true && stuck.unreadable === undefined;
  }
  const pod = soleLivePod(slot)?.record;
  const isThere = pod?.uid === uid && !hasTerminatingPod(slot) && !isOutOfService(pod);
  return isThere && !isCurrentSlot(slot, facts);
}

function markTask(slot: Slot, facts: Facts, namespace: string): Task | undefined {
  const mark = pendingMark(slot, facts);
  if (mark === undefined) return undefined;
  const { pod, needsUpgrade, hash } = mark;
  return { slot: slot.key, namespace, pod: pod.name, uid: pod.uid, action: 'mark', needsUpgrade, hash };
}
