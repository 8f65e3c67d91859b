import { nodeOfSlot } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';
import type { Knowledge, KnownDaemonSet } from './knowledge.ts';

/** On what a write would rest though it cannot be read as it is now, and may have changed; '' when there is nothing. */
export function whatIsUnreadable(
  { unreadable }: Knowledge,
  known: KnownDaemonSet,
  { action, slot, uid }: Task,
): string {
  if (unreadable.daemonSets.has(known.key)) return 'the DaemonSet';
  if (known.unreadableRevisions.size > 0) return 'a revision';
  if (known.pods.get(uid)?.isUnreadable === true) return 'the pod';
  // Pods are marked wherever they are.
  return action !== 'mark' && unreadable.nodes.has(nodeOfSlot(slot)) ? 'the node' : '';
}
