import type { Connection } from '../protocol/connection.ts';
import type { Outcome } from '../protocol/outcome.ts';
import type { TaskBatch } from '../protocol/task.ts';

/**
 * - `exit`: something in the thread called `process.exit`, or the pool was closed before the lane was done.
 * - `error`: an exception that nothing caught.
 * - `out-of-memory`: past its resource limits.
 * - `stuck`: its event loop did not turn for longer than the watchdog's deadline.
 */
export type LaneLossReason = 'exit' | 'error' | 'out-of-memory' | 'stuck';

export interface LaneCallbacks {
  /** Some of the tasks that were sent to the lane ended; not always whole batches, and in any order. */
  onOutcomes(lane: number, outcomes: readonly Outcome[]): void;
  /**
   * The lane died. What was sent to it and has no outcome yet is lost and gets none. A replacement starts in `restartInMs`:
   * give the dispatcher `nowMs + restartInMs` as the time to reopen the lane. What is sent earlier waits.
   */
  onLaneLost(lane: number, reason: LaneLossReason, restartInMs: number): void;
}

export interface LaneStats {
  readonly lane: number;
  /** Tasks that ended in this lane. */
  readonly tasks: number;
  /** Tasks that were sent and have not ended. */
  readonly inFlight: number;
  /** Share of the time since the last call in which its event loop was busy, 0 to 1. */
  readonly utilization: number;
  /** CPU time so far, replaced threads included. */
  readonly cpuMs: number;
  readonly heapBytes: number;
  /** Threads that were replaced. */
  readonly restarts: number;
}

export interface LaneProfileRequest {
  readonly lane: number;
  readonly kind: 'cpu' | 'heap';
  readonly durationMs: number;
}

export interface LaneHealth {
  readonly isHealthy: boolean;
  /** For a person; '' when healthy. */
  readonly reason: string;
}

/**
 * The lanes' threads, or what stands in for them. Lanes are numbered from 0.
 *
 * Every task that is sent ends once: with one outcome, or with the loss of its lane. To grow, resize the pool first and
 * then the dispatcher; to shrink, the other way round. A lane that is taken away ends what it has.
 */
export interface LanePool {
  readonly laneCount: number;
  /** Ends when every lane answers. */
  start(lanes: number): Promise<void>;
  send(lane: number, batch: TaskBatch): void;
  /** Ends when every new lane answers and every lane that was taken away is done. */
  resize(lanes: number): Promise<void>;
  /** New credentials for requests from now on, in all lanes and their replacements. */
  setConnection(connection: Connection): Promise<void>;
  stats(): Promise<LaneStats[]>;
  /** The JSON of a `.cpuprofile` or `.heapprofile`. Rejects when there is no such lane or it does not answer. */
  profile(request: LaneProfileRequest): Promise<string>;
  health(): LaneHealth;
  /** Nothing may be sent any more. Lanes that are not done within the grace period are lost. */
  close(graceMs: number): Promise<void>;
}
