import type { SlotKey } from './slot.ts';
import type { WriteRight } from './write-right.ts';

/**
 * What the main thread asks a worker to do to one pod. Types only: this is the thread protocol, so everything here can
 * be structured-cloned. Later actions (evict, patch the image in place, pull images first) join this union.
 */
export type Task = DeleteTask | ForceDeleteTask | MarkTask | ObserveTask;

/** What changes a pod. */
export type WriteAction = Exclude<Task['action'], 'observe'>;

interface TaskBase {
  readonly slot: SlotKey;
  readonly namespace: string;
  readonly pod: string;
  /** The pod that was decided about; a pod of the same name with another UID is left alone. */
  readonly uid: string;
}

/** Delete the pod, so that the DaemonSet controller creates one of the newest revision. */
export interface DeleteTask extends TaskBase {
  readonly action: 'delete';
}

/**
 * Delete a pod that has been terminating for too long, without waiting for its kubelet. Its containers may still run
 * afterwards, so this is only for DaemonSets that ask for it.
 */
export interface ForceDeleteTask extends TaskBase {
  readonly action: 'force-delete';
}

/** Write the OTA condition `PodNeedUpgrade`. */
export interface MarkTask extends TaskBase {
  readonly action: 'mark';
  readonly needsUpgrade: boolean;
  /** Hash of the newest revision; goes into the condition's message. */
  readonly hash: string;
}

/** Read the pod, because an earlier write's fate is not known and the watch has not told. Writes nothing. */
export interface ObserveTask extends TaskBase {
  readonly action: 'observe';
}

/**
 * What travels to a lane in one message. No write may leave after `writeUntilMs` and `writeUntilWallMs`, whichever passes first,
 * because the leader's lease may be somebody else's by then. All threads share both clocks. Infinity without leader election.
 */
export interface TaskBatch extends WriteRight {
  readonly tasks: readonly Task[];
  /** How long one task may take, its own re-reads included. */
  readonly taskTimeoutMs: number;
  /** Decide and answer, but write nothing. */
  readonly isDryRun: boolean;
}
