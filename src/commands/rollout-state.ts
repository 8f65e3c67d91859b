import type { RolloutCounts } from '../rollout/counts.ts';
import type { Block } from '../rollout/definition.ts';
import type { ControllerReport } from './controller-report.ts';
import { formatAge } from './tables.ts';

/** What only the leader knows of a rollout; undefined when it is not reached. */
export type LedRollout = ControllerReport['rollouts'][number] | undefined;

/** What can be seen of a rollout by whoever only reads the cluster. */
export interface SeenRollout {
  readonly counts: RolloutCounts;
  readonly block: Block | undefined;
}

/** In a few words: is it done, how long more, and if it does not go on, why. */
export function stateOf({ counts, block }: SeenRollout, led: LedRollout, nowMs: number): string {
  const { waiting, inFlight, skippedNotReady, targetHash, targetCreatedAtMs, allowed } = counts;
  if (led?.blocked !== undefined || isBlockedForAll(block)) return 'blocked';
  if (targetHash === undefined) return 'no revision yet';
  const failed = failedCount(counts, led);
  if (waiting + inFlight + failed === 0) return skippedNotReady === 0 ? 'done' : 'done, but for NotReady nodes';
  const moving = waiting + Math.max(0, inFlight - failed);
  // Not for how long it has gone on: a rollback takes up a revision that is there already.
  const age = `revision ${formatAge(nowMs - targetCreatedAtMs)} old`;
  if (moving === 0) return `${age}, failed nodes left`;
  if (waiting > 0 && counts.strategy !== 'OTA' && failed >= allowed) return `${age}, stopped by failed nodes`;
  if ((led?.refused ?? 0) > 0) return `${age}, writes are refused`;
  const ratePerSecond = led?.pace.ratePerSecond ?? 0;
  return ratePerSecond > 0 ? `${age}, about ${formatAge((moving / ratePerSecond) * 1000)} left` : age;
}

/** Not because of what this command has not read. */
function isBlockedForAll(block: Block | undefined): boolean {
  return block?.code === 'generation-behind' || block?.code === 'terminating';
}

/** The leader has seen how it came to be; whoever only looks now knows less. */
export function failedCount({ failed }: Pick<RolloutCounts, 'failed'>, led: LedRollout): number {
  return Math.max(
    failed,
    Object.values(led?.failures ?? {}).reduce((sum, count) => sum + count, 0),
  );
}

interface Trouble {
  /** Of failed nodes, as seen from here. */
  readonly causes: Readonly<Record<string, number>>;
  readonly block: Block | undefined;
}

/** What somebody should look at, and where more is told. */
export function warningsOf(key: string, { causes, block }: Trouble, led: LedRollout): readonly string[] {
  const warnings: string[] = [];
  if (block?.code === 'stale') warnings.push(`${key}: what is shown of it is old: ${block.message}`);
  else if (block !== undefined && isBlockedForAll(block) && led?.blocked === undefined) {
    warnings.push(`${key}: nothing new is decided: ${block.message}`);
  }
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
  const repeated = led?.repeated ?? 0;
  if (repeated > 0) {
    const nodes = repeated === 1 ? '1 node gets' : `${repeated} nodes get`;
    warnings.push(`${key}: ${nodes} the old version again and again; see the event ReplacementRepeated`);
  }
  return warnings;
}
