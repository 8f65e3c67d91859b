import type { PodRecord, RevisionRecord } from './records.ts';

/** What a pod is compared with to see whether it is of the newest template. */
export interface TargetRevision {
  readonly hash: string;
  /** Annotation `deprecated.daemonset.template.generation` of the DaemonSet; undefined when it is not there. */
  readonly templateGeneration: string | undefined;
}

/**
 * The newest revision of the DaemonSet with this UID: the highest revision number; then the newest; then the last name.
 * Undefined when it owns none. (A rollback gives an old revision the highest number: its creation time stays.)
 */
export function newestRevision(revisions: Iterable<RevisionRecord>, ownerUid: string): RevisionRecord | undefined {
  let newest: RevisionRecord | undefined;
  for (const revision of revisions) {
    if (revision.ownerUid !== ownerUid) continue;
    if (newest === undefined || isNewer(revision, newest)) newest = revision;
  }
  return newest;
}

function isNewer(left: RevisionRecord, right: RevisionRecord): boolean {
  if (left.revision !== right.revision) return left.revision > right.revision;
  if (left.createdAtMs !== right.createdAtMs) return left.createdAtMs > right.createdAtMs;
  return left.name > right.name;
}

/**
 * Whether the pod was made from the target's template: its hash label says so, or, for a pod that has none, its template
 * generation.
 */
export function isCurrent(pod: PodRecord, target: TargetRevision): boolean {
  if (pod.revisionHash !== undefined) return pod.revisionHash === target.hash;
  return target.templateGeneration !== undefined && pod.templateGeneration === target.templateGeneration;
}
