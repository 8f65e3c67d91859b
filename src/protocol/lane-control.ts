import type { MessagePort } from 'node:worker_threads';
import type { Connection } from './connection.ts';
import type { RateLimit } from './token-bucket.ts';

/** The first message to a new worker thread, through its function `connect`. */
export interface LaneHello {
  /** Over this port the worker answers a LaneControl. Transferred. */
  readonly controlPort: MessagePort;
  readonly connection: Connection;
  /** Sockets to the API server: as many as this lane may ever have, and its share of them for now. */
  readonly connectionsMax: number;
  readonly connections: number;
  /** Of all threads together; undefined: none. */
  readonly rateLimit?: RateLimit | undefined;
}

/** What a worker thread tells about itself. */
export interface LaneSelfStats {
  /** CPU time of this thread, user and system. */
  readonly cpuMs: number;
  readonly heapBytes: number;
  /** Tasks that have not ended. */
  readonly running: number;
}

/** What a worker thread does on request, besides its tasks. */
export interface LaneControl {
  /** Answers, which shows that the event loop turns. */
  ping(): void;
  selfStats(): LaneSelfStats;
  /** For requests from now on; those that have left are not disturbed. */
  setConnection(connection: Connection): void;
  /** This lane's share of the sockets from now on. Requests that have left are not disturbed. */
  useConnections(count: number): void;
  /** Samples this thread for that long; returns the JSON of a `.cpuprofile`. */
  cpuProfile(durationMs: number): Promise<string>;
  /** Samples what this thread allocates for that long; returns the JSON of a `.heapprofile`. */
  heapProfile(durationMs: number): Promise<string>;
  /** Before the thread is ended with tasks that still run: what they have sent is reset, so that it does not arrive later. */
  abort(): Promise<void>;
  /** Ends when no task runs any more and the sockets are closed. */
  drain(): Promise<void>;
}
