import type { Controller } from '../controller/controller.ts';
import type { LanePool } from '../dispatch/lane-pool.ts';
import type { HealthChecks } from '../server/routes.ts';
import type { ClusterReader } from './cluster-reader.ts';
import { describeFailures, describeLosses, type Reachability } from './reader-problems.ts';

/** What of an `Updater` says how it is. */
export interface HealthSources {
  readonly host: {
    readonly controller: Pick<Controller, 'hasSynced'>;
    readonly reader: Pick<ClusterReader, 'contacts'>;
  };
  readonly pool: Pick<LanePool, 'health'>;
}

/**
 * Alive: the threads can be relied on. Ready: the cluster was read completely, what was read is current, and the API
 * server answers. A standby is ready too: it is there to take over. What only the cluster can mend is never a reason to
 * restart.
 */
export function healthChecks(updater: HealthSources, reachability: Pick<Reachability, 'problem'>): HealthChecks {
  const { controller, reader } = updater.host;
  const lanes = {
    name: 'worker-threads',
    problem: () => {
      const { isHealthy, reason } = updater.pool.health();
      return isHealthy ? undefined : reason;
    },
  };
  const synced = {
    name: 'informers-synced',
    problem: () => {
      if (controller.hasSynced) return undefined;
      return describeFailures(reader.contacts()) || 'the first lists are still being read';
    },
  };
  const current = { name: 'watches', problem: () => describeLosses(reader.contacts()) || undefined };
  const reachable = {
    name: 'api-server',
    problem: () => (reachability.problem === undefined ? undefined : `no answer: ${reachability.problem}`),
  };
  return { live: [lanes], ready: [synced, current, reachable, lanes] };
}
