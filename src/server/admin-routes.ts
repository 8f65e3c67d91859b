import type { LaneSetting } from '../dispatch/lane-count.ts';
import type { Route, RouteResponse } from './http-server.ts';
import { textResponse } from './http-server.ts';
import { onlyFromLoopback } from './loopback-guard.ts';
import type { LaneReason } from './metric-names.ts';

/** What `/admin/workers` answers. */
export interface WorkersReport {
  readonly setting: LaneSetting;
  /** Who set it: flag, config-file, environment, default, admin. */
  readonly source: string;
  readonly wanted: number;
  readonly actual: number;
  readonly reason: LaneReason;
  /** CPUs that the process may use. */
  readonly cpus: number;
  /** Oldest first. */
  readonly decisions: readonly WorkersDecision[];
}

export interface WorkersDecision {
  /** ISO 8601. */
  readonly at: string;
  readonly from: number;
  readonly to: number;
  readonly reason: LaneReason;
}

export interface AdminPort {
  workers(): WorkersReport;
  /** Takes effect at once, also while old lanes still finish. Returns why not; undefined when it does. */
  setWorkers(value: string): string | undefined;
  /** JSON. */
  status(): unknown;
}

export const WORKERS_PATH = '/admin/workers';
export const STATUS_PATH = '/admin/status';

/** Reads and sets the number of worker threads, and tells how the process stands. For this machine only. */
export function adminRoutes(port: AdminPort): readonly Route[] {
  const routes: readonly Route[] = [
    { method: 'GET', path: WORKERS_PATH, handle: () => jsonResponse(port.workers()) },
    {
      method: 'PUT',
      path: WORKERS_PATH,
      handle: ({ query }) => {
        const value = query.get('value');
        if (value === null) return textResponse(400, `say what: PUT ${WORKERS_PATH}?value=4, or value=auto`);
        const problem = port.setWorkers(value);
        return problem === undefined ? jsonResponse(port.workers()) : textResponse(400, problem);
      },
    },
    { method: 'GET', path: STATUS_PATH, handle: () => jsonResponse(port.status()) },
  ];
  return routes.map(onlyFromLoopback);
}

function jsonResponse(value: unknown): RouteResponse {
  return { status: 200, contentType: 'application/json', body: `${JSON.stringify(value)}\n` };
}
