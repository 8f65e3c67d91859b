import type { PodRecord, RevisionRecord } from './records.ts';

/** What a pod is compared with to see whether it is of the newest template. */
export interface TargetRevision {
  readonly hash: string;
  /** Annotation `deprecated.daemonset.template.generation` of the DaemonSet; undefined when it is not there. */
  readonly templateGeneration: string | undefined;
  /** Of all revisions of the DaemonSet that have been read. */
  readonly knownHashes: ReadonlySet<string>;
  readonly createdAtMs: number;
  readonly daemonSetCreatedAtMs: number;
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
 * Whether the pod was made from the target's template, or from a later one: its hash label says so, or, for a pod that has
 * none, its template generation.
 */
export function isCurrent(pod: PodRecord, target: TargetRevision): boolean {
  if (pod.revisionHash !== undefined) return pod.revisionHash === target.hash || isAhead(pod, target);
  return target.templateGeneration !== undefined && pod.templateGeneration === target.templateGeneration;
}

/**
 * Whether the pod is newer than the target, which happens when pods are read sooner than revisions: it has the DaemonSet's
 * template generation (or a later one), and a revision that is not known yet; or one that is known, but the target came
 * before the pod, so that it is known for what it was before a rollback. A pod that is older than the DaemonSet was adopted:
 * its generation is of another count.
 */
function isAhead(pod: PodRecord, target: TargetRevision): boolean {
  if (pod.revisionHash === undefined || pod.templateGeneration === undefined) return false;
  if (target.templateGeneration === undefined) return false;
  if (Number(pod.templateGeneration) < Number(target.templateGeneration)) return false;
  if (!target.knownHashes.has(pod.revisionHash)) return true;
  return pod.createdAtMs >= target.createdAtMs && pod.createdAtMs >= target.daemonSetCreatedAtMs;
}
