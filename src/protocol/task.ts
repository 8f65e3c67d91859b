import type { Fields, Payload, PodTask } from './actions/action.ts';
import type { AnyAction } from './actions/registry.ts';
import type { WriteRight } from './write-right.ts';

type TaskOf<Action extends { readonly name: string; readonly fields: Fields }> = Action extends unknown
  ? PodTask & { readonly action: Action['name'] } & Payload<Action['fields']>
  : never;

/** What the main thread asks a worker to do to one pod: one member for each action. */
export type Task = TaskOf<AnyAction>;

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
