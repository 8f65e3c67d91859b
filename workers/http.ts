import type { ActionName } from '../src/protocol/actions/registry.ts';
import type { Connection } from '../src/protocol/connection.ts';
import type { Task } from '../src/protocol/task.ts';
import type { Answer } from './steps/step.ts';

export interface PodRequest {
  /** Its own, or a read. */
  readonly request: ActionName;
  readonly task: Task;
  readonly timeoutMs: number;
}

/** The API server as the steps see it. `send` never rejects. */
export interface Http {
  send(request: PodRequest): Promise<Answer>;
  /** Resolves when the rate limit lets one more request leave, or after `waitMs`; undefined, or not there: at once. */
  turn?(waitMs: number): Promise<void> | undefined;
  setConnection(connection: Connection): void;
  useConnections(count: number): void;
  /** Ends what is under way by a reset. */
  abort(): Promise<void>;
  close(): Promise<void>;
}
