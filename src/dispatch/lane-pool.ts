import type { Connection } from '../protocol/connection.ts';
import type { Outcome } from '../protocol/outcome.ts';
import type { TaskBatch } from '../protocol/task.ts';

/**
 * - `exit`: something in the thread called `process.exit`, or the pool was closed before the lane was done.
 * - `error`: an exception that nothing caught.
 * - `out-of-memory`: past its resource limits.
 * - `stuck`: its event loop did not turn for longer than the watchdog's deadline.
 * - `not-started`: no thread could be created: the machine or the container allows no more.
 */
export type LaneLossReason = 'exit' | 'error' | 'out-of-memory' | 'stuck' | 'not-started';

export interface LaneLoss {
  readonly reason: LaneLossReason;
  /** A replacement starts then: give the dispatcher `nowMs + restartInMs` as the time to reopen the lane. What is sent earlier waits. */
  readonly restartInMs: number;
  /** The error's words; '' without one. */
  readonly detail: string;
}

export interface LaneCallbacks {
  /** Some of the tasks that were sent to the lane ended; not always whole batches, and in any order. */
  onOutcomes(lane: number, outcomes: readonly Outcome[]): void;
  /** The lane died. What was sent to it and has no outcome yet is lost and gets none. */
  onLaneLost(lane: number, loss: LaneLoss): void;
}

export interface LaneStats {
  readonly lane: number;
  /** Tasks that ended in this lane. This, CPU time and restarts go on where a lane of that number ended earlier. */
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
  /** How many of them have a thread that has answered; the others start, or wait for a replacement. */
  readonly runningCount: number;
  /** Ends when every lane answers. Rejects when there cannot be as many threads. */
  start(lanes: number): Promise<void>;
  send(lane: number, batch: TaskBatch): void;
  /**
   * Ends when every lane has answered once and every lane that was taken away is done. It need not be waited for before the
   * next one, which then holds.
   */
  resize(lanes: number): Promise<void>;
  /** New credentials for requests from now on, in all lanes and their replacements. */
  setConnection(connection: Connection): Promise<void>;
  stats(): Promise<LaneStats[]>;
  /** Lanes that were taken away and are not there again, as they were at their end. */
  readonly closedStats: readonly LaneStats[];
  /** The JSON of a `.cpuprofile` or `.heapprofile`. Rejects when there is no such lane or it does not answer. */
  profile(request: LaneProfileRequest): Promise<string>;
  health(): LaneHealth;
  /** Resets what lanes have under way, so that it does not arrive any more; its tasks end. Nothing may be sent any more. */
  abort(): Promise<void>;
  /** Nothing may be sent any more. Lanes that are not done within the grace period are lost. */
  close(graceMs: number): Promise<void>;
}
