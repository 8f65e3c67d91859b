import type { SlotKey } from './slot.ts';
import type { Task } from './task.ts';

/**
 * How a task ended. Never an exception: whatever happens in a worker becomes one of these.
 *
 * - `done`: the API server accepted the write (or, for `observe`, the pod was read and has the task's UID).
 * - `gone`: the pod with that UID does not exist any more.
 * - `throttled`: refused for now (429, or 503 with Retry-After); nothing was written.
 * - `conflict`: somebody else changed the pod at the same time, again and again; nothing was written.
 * - `forbidden`: 401 or 403; nothing was written. `message` says which verb on which resource is missing.
 * - `rejected`: the API server refused for good (400, 405, 415, 422 …); nothing was written.
 * - `fenced`: the lease ran out before the request left; nothing was written.
 * - `dry-run`: it would have been written.
 * - `unknown`: sent, and whether it was applied is not known (time-out, lost connection, 5xx, dead thread).
 */
export type OutcomeCode =
  | 'done'
  | 'gone'
  | 'throttled'
  | 'conflict'
  | 'forbidden'
  | 'rejected'
  | 'fenced'
  | 'dry-run'
  | 'unknown';

export interface Outcome {
  readonly slot: SlotKey;
  readonly action: Task['action'];
  readonly uid: string;
  readonly code: OutcomeCode;
  /** HTTP status of the last answer; 0 when there was none. */
  readonly httpStatus: number;
  /** For a person: what the API server or the connection said; '' when there is nothing to say. */
  readonly message: string;
  /** From Retry-After; 0 when absent. */
  readonly retryAfterMs: number;
  /** From the first request to the last answer. */
  readonly durationMs: number;
  /** For `observe` with `done`: whether the pod is terminating. */
  readonly isTerminating: boolean;
}

const HTTP_UNAUTHORIZED = 401;

/**
 * Whether the API server does not want this write. Refused credentials (401) are not about the write: they are the process's
 * trouble, and are read anew.
 */
export function isWriteRefused({ code, httpStatus }: Pick<Outcome, 'code' | 'httpStatus'>): boolean {
  return code === 'rejected' || (code === 'forbidden' && httpStatus !== HTTP_UNAUTHORIZED);
}
