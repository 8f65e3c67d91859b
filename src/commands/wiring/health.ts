import type { HealthChecks } from '../../server/routes.ts';
import type { ReaderProblems } from './reader-problems.ts';
import type { Updater } from './updater.ts';

/**
 * Alive: the threads can be relied on. Ready: the cluster was read completely and the API server answers. A standby is
 * ready too: it is there to take over.
 */
export function healthChecks(updater: Updater, problems: ReaderProblems): HealthChecks {
  const { controller } = updater.host;
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
      const why = problems.describe();
      return why === '' ? 'the first lists are still being read' : why;
    },
  };
  const reachable = {
    name: 'api-server',
    problem: () => (problems.unreachable === undefined ? undefined : `no answer: ${problems.unreachable}`),
  };
  return { live: [lanes], ready: [synced, reachable, lanes] };
}
