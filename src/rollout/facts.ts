import type { UpdateStrategy } from '../kube/annotations.ts';
import type { TargetRevision } from '../kube/revision.ts';
import { NEVER } from './slot-state.ts';

/** What slots are judged against; replaced as a whole when one of them changes. */
export interface Facts {
  /** Nodes, pods and revisions are all there. */
  readonly isSynced: boolean;
  /** Since when what was read is not confirmed any more; NEVER while it is. No deadline runs out then. */
  readonly staleSinceMs: number;
  /** Undefined: nothing is to be done (not opted in, refused, no revision known, being deleted). */
  readonly strategy: UpdateStrategy | undefined;
  readonly target: TargetRevision | undefined;
  readonly minReadyMs: number;
  readonly progressDeadlineMs: number;
  /** The earliest time, by the API server's clock, at which the target can have become the newest revision. */
  readonly newestSinceMs: number;
  /** The template was changed at least once: the newest revision is not the first. */
  readonly hasRolledOut: boolean;
  /** When each revision was made, by hash. */
  readonly revisionsMs: ReadonlyMap<string, number>;
  /** Pods that are stuck in Terminating may be deleted without their kubelet. */
  readonly isForceDeleteStuck: boolean;
  /** Nobody is asked for anything new, and what has not left is taken back. */
  readonly isPaused: boolean;
}

export const NO_FACTS: Facts = {
  isSynced: false,
  staleSinceMs: NEVER,
  strategy: undefined,
  target: undefined,
  minReadyMs: 0,
  progressDeadlineMs: 600_000,
  newestSinceMs: 0,
  hasRolledOut: false,
  revisionsMs: new Map(),
  isForceDeleteStuck: false,
  isPaused: false,
};
