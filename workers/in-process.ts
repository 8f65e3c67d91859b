import type { InProcessExecutor } from '../src/dispatch/in-process-lanes.ts';
import type { Connection } from '../src/protocol/connection.ts';
import { runBatch } from './batch.ts';
import { createExecutor } from './executor.ts';

/** A lane's work without its thread, for InProcessLanes. */
export function inProcessExecutor(connection: Connection, connectionsMax: number): InProcessExecutor {
  const executor = createExecutor({ connection, connectionsMax });
  return {
    run: (batch, onEarly) => runBatch(batch, executor.execute, onEarly),
    setConnection: (next) => executor.setConnection(next),
    close: () => executor.close(),
  };
}
