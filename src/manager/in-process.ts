import { runBatch } from '../../workers/batch.ts';
import { createExecutor } from '../../workers/executor.ts';
import type { InProcessExecutor } from '../dispatch/in-process-lanes.ts';
import type { LaneHello } from '../protocol/lane-control.ts';

/** A lane's work without its thread, for InProcessLanes. */
export function inProcessExecutor(network: Omit<LaneHello, 'controlPort' | 'connections'>): InProcessExecutor {
  const executor = createExecutor({ ...network, connections: network.connectionsMax });
  return {
    run: (batch, onEarly) => runBatch(batch, executor.execute, onEarly),
    setConnection: (next) => executor.setConnection(next),
    abort: () => executor.abort(),
    close: () => executor.close(),
  };
}
