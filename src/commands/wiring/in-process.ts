import { runBatch } from '../../../workers/batch.ts';
import { createExecutor } from '../../../workers/executor.ts';
import type { InProcessExecutor } from '../../dispatch/in-process-lanes.ts';
import type { Connection } from '../../protocol/connection.ts';

/** A lane's work without its thread, for InProcessLanes. */
export function inProcessExecutor(connection: Connection, connectionsMax: number): InProcessExecutor {
  const executor = createExecutor({ connection, connectionsMax, connections: connectionsMax });
  return {
    run: (batch, onEarly) => runBatch(batch, executor.execute, onEarly),
    setConnection: (next) => executor.setConnection(next),
    close: () => executor.close(),
  };
}
