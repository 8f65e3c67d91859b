import { counted } from '../controller/digest.ts';
import { WRITES } from '../protocol/actions/registry.ts';
import type { RolloutCounts } from '../rollout/counts.ts';
import type { Block } from '../rollout/definition.ts';
import type { ControllerReport } from './controller-report.ts';
import type { SeenCounts, StatusDocument } from './documents.ts';
import type { LeaderStatus } from './leader-status.ts';
import { wordsOf } from './words.ts';

/** What only the leader knows of a rollout; undefined when it is not reached. */
export type LedRollout = ControllerReport['rollouts'][number] | undefined;

/** What the leader told about a rollout. One that is gone is not asked, nor one that stands by: it does not know. */
export function ledOf(leader: LeaderStatus, daemonSet: string): LedRollout {
  if (!leader.ok || leader.isOutdated || !leader.report.isLeading) return undefined;
  return leader.report.rollouts.find((rollout) => rollout.daemonSet === daemonSet);
}

/** Not because of what this command has not read. */
export function isBlockedForAll({ code }: Block): boolean {
  return code === 'generation-behind' || code === 'terminating' || code === 'unreadable';
}

/** The leader has seen how it came to be; whoever only looks now knows less. */
export function failedCount({ failed }: Pick<RolloutCounts, 'failed'>, led: LedRollout): number {
  return Math.max(failed, sumOf(led?.failures));
}

/** Of nodes by cause. */
export function sumOf(causes: Readonly<Record<string, number>> = {}): number {
  return Object.values(causes).reduce((sum, count) => sum + count, 0);
}

interface Trouble {
  /** Of failed nodes, as seen from here. */
  readonly causes: Readonly<Record<string, number>>;
  /** What kubelets say of their pods; asked for when there are any. */
  readonly words?: () => string;
  readonly block: Block | undefined;
}

/** What somebody should look at, and where more is told. */
export function warningsOf(key: string, { causes, words, block }: Trouble, led: LedRollout): readonly string[] {
  const warnings: string[] = [];
  if (block?.code === 'stale') warnings.push(`${key}: what is shown of it is old: ${block.message}`);
  else if (block !== undefined && isBlockedForAll(block) && led?.blocked === undefined) {
    warnings.push(`${key}: nothing new is decided: ${block.message}`);
  }
  const known = Object.keys(led?.failures ?? {}).length > 0 ? (led?.failures ?? {}) : causes;
  if (Object.keys(known).length > 0) {
    const [namespace = '', name = ''] = key.split('/');
    const command = `"daemonpodupdater plan ${name} -n ${namespace}"`;
    const said = words?.() ?? '';
    warnings.push(
      `${key}: failed nodes: ${causeWords(known)}${said === '' ? '' : ` (${said})`}; ${command} and the event NodeUpdateFailed tell which and why`,
    );
  }
  for (const refusal of refusalsOf(led)) warnings.push(`${key}: ${refusal}`);
  const repeated = led?.repeated ?? 0;
  if (repeated > 0) warnings.push(`${key}: ${repeatedWords(repeated)}`);
  return warnings;
}

export function repeatedWords(count: number): string {
  const nodes = count === 1 ? '1 node gets' : `${count} nodes get`;
  return `${nodes} the old version again and again; see the event ReplacementRepeated`;
}

/** `3 not-created, 1 stuck-terminating` */
export function causeWords(causes: Readonly<Record<string, number>>): string {
  return Object.entries(causes)
    .map(([cause, count]) => `${count} ${cause}`)
    .join(', ');
}

const REFUSED_WORDS = Object.fromEntries(WRITES.map(({ name, words }) => [name, words.todo]));

/** Which writes the API server refuses, where, and why. */
export function refusalsOf(led: LedRollout): readonly string[] {
  const { refused = 0, refusals = [] } = led ?? {};
  // Of a leader whose version, or whose lease, has no room for more.
  if (refusals.length === 0 && refused > 0) {
    const where = 'the events WriteForbidden and WriteRejected tell why';
    return [`the API server refuses writes to the pods of ${counted(refused, 'node')}; ${where}`];
  }
  return refusals.map(({ action, code, count, nodes, message }) => {
    const others = nodes.length < count ? ' …' : '';
    const what = `${wordsOf(REFUSED_WORDS, action)} on ${counted(count, 'node')} (${nodes.join(', ')}${others})`;
    return `the API server refuses ${what}, ${code}: ${message}`;
  });
}

/** What warnings are made of and nobody but the leader knows, for machines. Null: it told nothing of this rollout, so it is not known. */
export function toldByLeader(led: LedRollout): StatusDocument['daemonSets'][number]['leader'] {
  if (led === undefined) return null;
  const { refused = 0, refusals = [], repeated = 0, failures = {} } = led;
  return { refused, refusals, repeated, failures };
}

/** Without what only its leader knows, which would be said to be none. */
export function seenCounts(counts: RolloutCounts): SeenCounts {
  const { window: _, refused: __, repeated: ___, ...seen } = counts;
  return seen;
}
