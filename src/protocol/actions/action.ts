import type { ApiCall } from '../../kube/api-call.ts';
import type { SlotKey } from '../slot.ts';

/** The pod that a task is about. */
export interface PodTask {
  readonly slot: SlotKey;
  readonly namespace: string;
  readonly pod: string;
  /** The pod that was decided about; a pod of the same name with another UID is left alone. */
  readonly uid: string;
}

/** What a task says beyond its pod, and how it is packed between threads. */
export type Fields = Readonly<Record<string, 'flag' | 'text'>>;

export type Payload<Of extends Fields> = {
  readonly [Key in keyof Of]: Of[Key] extends 'flag' ? boolean : string;
};

interface Action {
  readonly name: string;
  /** Between threads; no two actions have the same. */
  readonly number: number;
  /** What it asks of the API server: the RBAC rules in deploy/ and the metrics' labels follow from it. */
  readonly call: ApiCall;
}

/** Something to learn about one pod. */
export interface ReadAction extends Action {
  readonly kind: 'read';
  readonly fields: Record<never, never>;
}

/** Something to do to one pod. */
export interface WriteAction<Of extends Fields = Fields> extends Action {
  readonly kind: 'write';
  readonly fields: Of;
  /**
   * The refusals that do not say whether the pod is still the task's, mapped to whether they are final if it is: then the pod is read.
   * After a conflict that was somebody else's write to it, it is written again.
   */
  readonly readAfter: Readonly<Record<number, 'retry' | 'final'>>;
  readonly words: WriteWords;
  /** The request's body. The API server refuses it for a pod of another UID. `wallTime`: RFC 3339, whole seconds. */
  content(task: PodTask & Payload<Of>, wallTime: string): Content;
}

export interface Content {
  readonly body: object;
  /** Of a patch; default: JSON. */
  readonly patch?: 'strategic-merge';
}

/** For people. Log messages are matched by others, so they do not change. */
export interface WriteWords {
  /** `the deletion` (waits for a worker). */
  readonly one: string;
  /** (The API server refuses) `deletions`. */
  readonly many: string;
  /** (The API server refuses) `to delete the pod`. */
  readonly todo: string;
  /** Log messages: accepted; there was no such pod; nobody knows; what a dry run would do. */
  readonly done: string;
  readonly gone: string;
  readonly unknown: string;
  readonly wouldBe: string;
}
