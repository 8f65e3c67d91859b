import { type Entry, revisionHashOf } from './cluster-index.ts';
import { findCondition } from './objects.ts';

const NEED_UPGRADE = 'PodNeedUpgrade';

/** The pods of a DaemonSet, and how many of them carry the right OTA mark for the newest revision. O(pods). */
export function countMarks(entry: Entry): { readonly pods: number; readonly marked: number } {
  const newest = entry.newest === undefined ? '' : revisionHashOf(entry.newest);
  const message = `controllerrevision: ${newest}`;
  let pods = 0;
  let marked = 0;
  for (const slot of entry.slots.values()) {
    for (const { pod } of slot.pods) {
      pods += 1;
      const condition = findCondition(pod.status.conditions, NEED_UPGRADE);
      const wanted = revisionHashOf(pod) === newest ? 'False' : 'True';
      if (condition?.status === wanted && condition.message === message) marked += 1;
    }
  }
  return { pods, marked };
}
