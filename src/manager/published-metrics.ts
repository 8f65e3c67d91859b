import { monotonicMs } from '../clock.ts';
import type { DaemonSetKey } from '../protocol/slot.ts';
import { WATCHED_RESOURCES } from '../server/metric-names.ts';
import type { Metrics } from '../server/metrics.ts';
import type { StreamContact } from './cluster-reader.ts';
import type { Updater } from './updater.ts';

/** Copies what the updater knows into the metrics at every scrape. */
export function publishMetrics(metrics: Metrics, updater: Updater): void {
  const published = new Set<DaemonSetKey>();
  metrics.beforeScrape(() => {
    metrics.setDispatch(updater.host.controller.dispatcher.stats(monotonicMs()));
    publishRollouts(metrics, updater, published);
    publishStaleness(metrics, updater.host.reader.contacts());
  });
  metrics.beforeScrape(() => {
    const { lanes } = updater;
    const { wanted, actual, reason } = lanes.state;
    metrics.setLaneCounts(wanted, actual);
    metrics.setLaneDecisions(reason, lanes.decisions.counts);
    // A lane may have been closed since the last look.
    metrics.setLanes([...lanes.latestStats, ...updater.pool.closedStats]);
  });
}

function publishStaleness(metrics: Metrics, contacts: readonly StreamContact[]): void {
  for (const resource of WATCHED_RESOURCES) {
    const silences = contacts.flatMap(({ stream, silentMs }) => (stream.split(' ')[0] === resource ? [silentMs] : []));
    metrics.setWatchStaleness(resource, Math.max(0, ...silences));
  }
}

function publishRollouts(metrics: Metrics, updater: Updater, published: Set<DaemonSetKey>): void {
  const gone = new Set(published);
  for (const { key, daemonSet, rollout } of updater.host.controller.followed()) {
    const { allowed, isPaused, ...counts } = rollout.counts();
    // "No window" is the budget itself.
    const window = Number.isFinite(counts.window) ? counts.window : allowed;
    const blocked = rollout.blocked() === undefined ? 0 : 1;
    const figures = { ...counts, window, allowedUnavailable: allowed, blocked, paused: isPaused ? 1 : 0 };
    metrics.setRollout(daemonSet.namespace, daemonSet.name, figures);
    metrics.setFailures(daemonSet.namespace, daemonSet.name, rollout.failures());
    metrics.setPace(daemonSet.namespace, daemonSet.name, rollout.pace(monotonicMs()));
    published.add(key);
    gone.delete(key);
  }
  for (const key of gone) {
    const [namespace = '', name = ''] = key.split('/');
    metrics.removeRollout(namespace, name);
    published.delete(key);
  }
}
