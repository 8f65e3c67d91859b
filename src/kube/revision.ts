import type { PodRecord, RevisionRecord } from './records.ts';

/** What a pod is compared with to see whether it is of the newest template. */
export interface TargetRevision {
  readonly hash: string;
  /** Annotation `deprecated.daemonset.template.generation` of the DaemonSet; undefined when it is not there. */
  readonly templateGeneration: string | undefined;
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
 * Whether the pod was made from the target's template, or from a later one that is not known yet. Its hash label says so; a pod
 * that has none is judged by its template generation. The generation of a pod that is older than the DaemonSet is of another
 * count: it was adopted, and its hash alone tells.
 */
export function isCurrent(pod: PodRecord, target: TargetRevision): boolean {
  const { revisionHash, templateGeneration, createdAtMs } = pod;
  if (revisionHash === target.hash) return true;
  const { templateGeneration: known, daemonSetCreatedAtMs } = target;
  if (templateGeneration === undefined || known === undefined || createdAtMs < daemonSetCreatedAtMs) return false;
  if (revisionHash === undefined && templateGeneration === known) return true;
  // Pods may be read sooner than the DaemonSet. With the known generation (or an earlier one) another hash is an old one,
  // because nothing is decided before the revisions have been read as they were when that generation was observed. Times are
  // of whole seconds: who is of the DaemonSet's own was adopted, for it would stay for ever if it were taken for a later one.
  return Number(templateGeneration) > Number(known) && createdAtMs > daemonSetCreatedAtMs;
}
