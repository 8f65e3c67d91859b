import type { ActionName } from '../../src/protocol/actions/registry.ts';
import type { Outcome, OutcomeCode } from '../../src/protocol/outcome.ts';
import type { Task } from '../../src/protocol/task.ts';

/** The part of a pod that steps look at. */
export interface PodGlimpse {
  readonly uid: string;
  readonly isTerminating: boolean;
}

export type Answer =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** From Retry-After; 0 when absent, which tells two kinds of 503 apart. */
      readonly retryAfterMs: number;
      /** What the API server said about a refusal; for 401 and 403 with the verb and resource that are missing. */
      readonly message: string;
      /** Of a read, with 200. */
      readonly pod: PodGlimpse | undefined;
    }
  | {
      readonly kind: 'failure';
      /** Whether the request may have reached the API server. */
      readonly wasSent: boolean;
      readonly message: string;
    };

export type StepInput =
  | { readonly kind: 'start'; readonly isDryRun: boolean }
  | Answer
  /** The wait is over. */
  | { readonly kind: 'waited' }
  /** The request was a write and did not leave, because the lease may be over. */
  | { readonly kind: 'fenced' }
  /** The request did not leave, because the task's time is over. */
  | { readonly kind: 'too-late' };

/** What an outcome holds beyond the task's own fields and the time it took. */
export interface Finish {
  readonly kind: 'finish';
  readonly code: OutcomeCode;
  readonly httpStatus: number;
  readonly message: string;
  readonly retryAfterMs: number;
  readonly isTerminating: boolean;
}

export type Effect =
  | {
      readonly kind: 'request' /** The action whose request is sent; src/client/requests.ts knows how it looks on the wire. */;
      readonly request: ActionName;
      readonly isWrite: boolean;
    }
  | { readonly kind: 'wait'; readonly durationMs: number }
  | Finish;

/**
 * A per-pod step machine: what to do next, given where it is and what happened. It never throws, whatever the API server
 * answers; every run ends with one `finish`.
 */
export interface Machine<State> {
  readonly initial: State;
  advance(state: State, input: StepInput, task: Task): { readonly state: State; readonly effect: Effect };
}

export function outcomeOf(task: Task, finish: Finish, durationMs: number): Outcome {
  return {
    slot: task.slot,
    action: task.action,
    uid: task.uid,
    code: finish.code,
    httpStatus: finish.httpStatus,
    message: finish.message,
    retryAfterMs: finish.retryAfterMs,
    durationMs,
    isTerminating: finish.isTerminating,
  };
}
