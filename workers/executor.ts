import type { LaneHello } from '../src/protocol/lane-control.ts';
import { apiHttp } from './api-http.ts';
import { executeTask } from './execute.ts';
import type { Executor } from './lane-host.ts';

/** What a lane runs: the per-pod steps over the API client. */
export function createExecutor(hello: Omit<LaneHello, 'controlPort'>): Executor {
  const http = apiHttp(hello);
  return {
    execute: (task, limits) => executeTask(task, http, limits),
    setConnection: (connection) => http.setConnection(connection),
    useConnections: (count) => http.useConnections(count),
    abort: () => http.abort(),
    close: () => http.close(),
  };
}
