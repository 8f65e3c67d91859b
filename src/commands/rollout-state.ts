import type { RolloutCounts } from '../rollout/counts.ts';
import type { ControllerReport } from './controller-report.ts';
import { formatAge } from './tables.ts';

/** What only the leader knows of a rollout; undefined when it is not reached. */
export type LedRollout = ControllerReport['rollouts'][number] | undefined;

/** In a few words: is it done, how long more, and if it does not go on, why. */
export function stateOf(counts: RolloutCounts, led: LedRollout, nowMs: number): string {
  const { waiting, inFlight, skippedNotReady, targetHash, targetCreatedAtMs, allowed } = counts;
  if (led?.blocked !== undefined) return 'blocked';
  if (targetHash === undefined) return 'no revision yet';
  if (waiting + inFlight === 0) return skippedNotReady === 0 ? 'done' : 'done, but for NotReady nodes';
  const failed = failedCount(counts, led);
  const moving = waiting + inFlight - failed;
  const soFar = `${formatAge(nowMs - targetCreatedAtMs)} so far`;
  if (moving <= 0) return `${soFar}, failed nodes left`;
  if (waiting > 0 && counts.strategy !== 'OTA' && failed >= allowed) return `${soFar}, stopped by failed nodes`;
  if ((led?.refused ?? 0) > 0) return `${soFar}, writes are refused`;
  const ratePerSecond = led?.pace.ratePerSecond ?? 0;
  return ratePerSecond > 0 ? `${soFar}, about ${formatAge((moving / ratePerSecond) * 1000)} left` : soFar;
}

/** The leader has seen how it came to be; whoever only looks now knows less. */
export function failedCount({ failed }: Pick<RolloutCounts, 'failed'>, led: LedRollout): number {
  return Math.max(
    failed,
    Object.values(led?.failures ?? {}).reduce((sum, count) => sum + count, 0),
  );
}

/** What somebody should look at, and where more is told. `causes`: of failed nodes, as seen from here. */
export function warningsOf(key: string, causes: Readonly<Record<string, number>>, led: LedRollout): readonly string[] {
  const warnings: string[] = [];
  const known = Object.keys(led?.failures ?? {}).length > 0 ? (led?.failures ?? {}) : causes;
  const counted = Object.entries(known).map(([cause, count]) => `${count} ${cause}`);
  if (counted.length > 0) {
    const [namespace = '', name = ''] = key.split('/');
    const command = `"daemonpodupdater plan ${name} -n ${namespace}"`;
    warnings.push(
      `${key}: failed nodes: ${counted.join(', ')}; ${command} and the event NodeUpdateFailed tell which and why`,
    );
  }
  if ((led?.refused ?? 0) > 0) {
    warnings.push(
      `${key}: the API server refuses writes to pods; the events WriteForbidden and WriteRejected tell why`,
    );
  }
  if ((led?.repeated ?? 0) > 0) {
    warnings.push(
      `${key}: ${led?.repeated} nodes get the old version again and again; see the event ReplacementRepeated`,
    );
  }
  return warnings;
}
