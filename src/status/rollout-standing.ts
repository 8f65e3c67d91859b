import { counted } from '../controller/digest.ts';
import { PAUSED_ANNOTATION } from '../kube/annotations.ts';
import type { RolloutCounts } from '../rollout/counts.ts';
import type { Block } from '../rollout/definition.ts';
import type { FailureCause } from '../rollout/explain.ts';
import { type LimitReason, limiterNamed } from '../rollout/limits/chain.ts';
import { ROLLOUT_REASONS, type RolloutReasonCode, type RolloutStateCode } from './codes.ts';
import type { LeaderStatus } from './leader-status.ts';
import type { LeftBehind } from './left-behind.ts';
import { failedCount, isBlockedForAll, type LedRollout, refusalsOf, repeatedWords, sumOf } from './rollout-state.ts';
import { formatAge } from './words.ts';

/** What can be seen of a rollout by whoever only reads the cluster. */
export interface SeenRollout {
  readonly counts: RolloutCounts;
  readonly block: Block | undefined;
  /** What would hold back whoever is next, as far as can be seen. */
  readonly heldBy: LimitReason | undefined;
  /** Asked for when nothing else is left to do. */
  readonly left: () => LeftBehind;
}

/** What holds a rollout. */
export interface HoldingReason {
  readonly code: RolloutReasonCode;
  /** For people. */
  readonly message: string;
  /** Nodes. */
  readonly count?: number;
  /** The first of them. */
  readonly nodes?: readonly string[];
}

/** Where a rollout stands, for machines; people are told the same by `stateWords`. */
export interface RolloutState {
  readonly state: RolloutStateCode;
  readonly reasons: readonly HoldingReason[];
  /** Until every node that can be updated is; null: it cannot be told. */
  readonly etaSeconds: number | null;
}

const AWAY: FailureCause = 'node-not-ready';
const NAMES_MAX = 10;
/** Of those, in a table. */
const NAMES_SHOWN_MAX = 3;

/** `silence`: why the leader tells nothing of it, if it should. */
export function stateOf(
  { counts, block, heldBy, left }: SeenRollout,
  led: LedRollout,
  silence: HoldingReason | undefined,
): RolloutState {
  const blocked = blockedReason(counts, block, led);
  // Whatever else is so: it goes on when somebody says so, and not before.
  if (counts.isPaused) return { state: 'paused', reasons: pausedReasons(blocked), etaSeconds: null };
  if (blocked !== undefined) return { state: 'blocked', reasons: [blocked], etaSeconds: null };
  const { waiting, allowed, strategy } = counts;
  const { failed, flying } = sharesOf(counts, led);
  if (waiting + flying + failed === 0) {
    // Marks make nothing available.
    const down = strategy === 'OTA' ? 0 : counts.unavailable;
    if (down > 0) return { state: 'progressing', reasons: [unavailableReason(down)], etaSeconds: null };
    return { state: 'done', reasons: leftReasons(left()), etaSeconds: 0 };
  }
  const refused = refusedReasons(led);
  const failure = (message: string): HoldingReason => ({ code: 'failed-nodes', message, count: failed });
  if (waiting + flying === 0) {
    const reasons = [failure(`only failed nodes are left: ${failed}`), ...refused, ...leftReasons(left())];
    return { state: 'failed', reasons, etaSeconds: null };
  }
  const held = led?.heldBy ?? heldBy;
  if (waiting > 0 && strategy !== 'OTA' && (held === 'failed-nodes' || failed >= allowed)) {
    const reasons = [
      failure(`${counted(failed, 'node')} failed, and at most ${allowed} may be unavailable`),
      ...refused,
    ];
    return { state: 'stopped', reasons, etaSeconds: null };
  }
  const reasons = [
    ...refused,
    ...heldReasons(held, led),
    ...repeatedReasons(led),
    ...inFlightReasons(flying),
    ...(silence === undefined ? [] : [silence]),
  ];
  const ratePerSecond = led?.pace.ratePerSecond ?? 0;
  const isRateTold = refused.length === 0 && ratePerSecond > 0;
  const etaSeconds = isRateTold ? Math.ceil((waiting + flying) / ratePerSecond) : null;
  return { state: silence === undefined ? 'progressing' : 'unknown', reasons, etaSeconds };
}

/** In a few words: is it done, how long more, and if it does not go on, why. */
export function stateWords(
  { state, reasons, etaSeconds }: RolloutState,
  counts: RolloutCounts,
  led: LedRollout,
  nowMs: number,
): string {
  if (state === 'paused') return pausedWords(counts, led);
  const has = (code: RolloutReasonCode): boolean => reasons.some((reason) => reason.code === code);
  if (has('no-revision')) return 'no revision yet';
  if (state === 'blocked') return 'blocked';
  // Whether its pods have the revision is for the owners of the nodes to say.
  if (state === 'done' && counts.strategy === 'OTA') return 'done: all pods are marked';
  if (state === 'done') return `done${leftWords(reasons)}`;
  // Not for how long it has gone on: a rollback takes up a revision that is there already.
  const age = `revision ${formatAge(nowMs - counts.targetCreatedAtMs)} old`;
  const refused = has('writes-refused') ? ', writes are refused' : '';
  if (state === 'failed') return `${age}, failed nodes left${refused}`;
  if (state === 'stopped') return `${age}, stopped by failed nodes${refused}`;
  if (refused !== '') return age + refused;
  const down = reasons.find(({ code }) => code === 'unavailable');
  if (down !== undefined) return `${age}, ${down.message}`;
  return etaSeconds === null ? age : `${age}, about ${formatAge(etaSeconds * 1000)} left`;
}

/** Why nothing new is decided. The leader's word counts first: whoever only looks may not have read everything. */
function blockedReason(counts: RolloutCounts, block: Block | undefined, led: LedRollout): HoldingReason | undefined {
  if (led?.blocked !== undefined) {
    const { blockedBy = '' } = led;
    return { code: isReasonCode(blockedBy) ? blockedBy : 'blocked', message: led.blocked };
  }
  if (block !== undefined && (isBlockedForAll(block) || counts.targetHash === undefined)) return block;
  if (counts.targetHash !== undefined) return undefined;
  return { code: 'no-revision', message: 'it owns no ControllerRevision yet' };
}

/** A leader of another version may say none, or others. */
function isReasonCode(code: string): code is RolloutReasonCode {
  return Object.hasOwn(ROLLOUT_REASONS, code);
}

function sharesOf(counts: RolloutCounts, led: LedRollout): { readonly failed: number; readonly flying: number } {
  // Those that only the leader has seen fail look as if they were under way, unless their node is away.
  const told = sumOf(led?.failures) - (led?.failures?.[AWAY] ?? 0);
  const hidden = Math.max(0, told - counts.failed);
  return { failed: failedCount(counts, led), flying: Math.max(0, counts.inFlight - hidden) };
}

function pausedReasons(blocked: HoldingReason | undefined): HoldingReason[] {
  const paused: HoldingReason = { code: 'paused', message: `paused by the annotation ${PAUSED_ANNOTATION}` };
  return blocked === undefined || blocked.code === 'paused' ? [paused] : [paused, blocked];
}

function pausedWords(counts: RolloutCounts, led: LedRollout): string {
  const { failed, flying } = sharesOf(counts, led);
  const waiting = counts.waiting === 0 ? 'nothing waits' : `${counted(counts.waiting, 'node')} to go`;
  const told = [
    'paused',
    waiting,
    ...(flying > 0 ? [`${flying} in flight`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ];
  return told.join(', ');
}

function leftReasons({ notReady, tainted, brokenBefore }: LeftBehind): HoldingReason[] {
  const old = 'nodes that do not have the new version';
  const reasonOf = (code: RolloutReasonCode, what: string, names: readonly string[]): HoldingReason[] => {
    if (names.length === 0) return [];
    const nodes = names.slice(0, NAMES_MAX);
    const message = `${what}: ${someNames(names.length, nodes)}`;
    return [{ code, message, count: names.length, nodes }];
  };
  return [
    ...reasonOf('nodes-not-ready', `NotReady ${old}`, notReady),
    ...reasonOf('nodes-tainted', `tainted ${old}`, tainted),
    ...reasonOf('nodes-broken-before', 'nodes that were broken before', brokenBefore),
  ];
}

const LEFT_WORDS: Readonly<Partial<Record<RolloutReasonCode, string>>> = {
  'nodes-not-ready': 'NotReady nodes',
  'nodes-tainted': 'tainted nodes',
  'nodes-broken-before': 'nodes that were broken before',
};

function leftWords(reasons: readonly HoldingReason[]): string {
  const told = reasons.flatMap(({ code, count = 0, nodes = [] }) => {
    const what = LEFT_WORDS[code];
    return what === undefined ? [] : [`${what} (${someNames(count, nodes.slice(0, NAMES_SHOWN_MAX))})`];
  });
  const last = told.pop();
  if (last === undefined) return '';
  return told.length === 0 ? `, but for ${last}` : `, but for ${told.join(', ')} and ${last}`;
}

/** `12: n01, n02, n03 …` */
function someNames(count: number, names: readonly string[]): string {
  return `${count}: ${names.join(', ')}${names.length < count ? ' …' : ''}`;
}

/** Nothing is left to be asked for, and it is not done: a pod that has the revision crashes, say. */
function unavailableReason(count: number): HoldingReason {
  return { code: 'unavailable', message: `${counted(count, 'node')} without an available pod`, count };
}

function refusedReasons(led: LedRollout): HoldingReason[] {
  const messages = refusalsOf(led);
  const { refused = 0, refusals = [] } = led ?? {};
  return messages.map((message, index) => {
    const { count = refused, nodes = [] } = refusals[index] ?? {};
    return { code: 'writes-refused', message, count, ...(nodes.length === 0 ? {} : { nodes }) };
  });
}

/** What is refused is told in more words. */
function heldReasons(held: string | undefined, led: LedRollout): HoldingReason[] {
  const limiter = held === undefined ? undefined : limiterNamed(held);
  if (limiter === undefined || limiter.reason === 'refusals') return [];
  const message = limiter.reason === 'pace' && led !== undefined ? led.pace.reason : limiter.words;
  return [{ code: limiter.reason, message }];
}

function repeatedReasons(led: LedRollout): HoldingReason[] {
  const count = led?.repeated ?? 0;
  return count === 0 ? [] : [{ code: 'replaced-repeatedly', message: repeatedWords(count), count }];
}

function inFlightReasons(count: number): HoldingReason[] {
  return count === 0 ? [] : [{ code: 'in-flight', message: `under way: ${count}`, count }];
}

/** Why the leader tells nothing of a rollout of which `ledOf` knows nothing. */
export function silenceOf(leader: LeaderStatus): HoldingReason {
  if (!leader.ok) return { code: 'controller-not-reached', message: leader.message };
  if (leader.isOutdated) {
    const message = `the controller was last heard of ${formatAge(leader.ageMs)} ago, longer than its lease lasts`;
    return { code: 'controller-outdated', message };
  }
  if (!leader.report.isLeading) {
    return { code: 'controller-not-leading', message: 'the controller that was asked stands by, or is a dry run' };
  }
  const isLeftOut = leader.report.rolloutsLeftOut > 0;
  const message = isLeftOut ? 'its lease has no room for all' : 'the controller does not know of it yet';
  return { code: 'controller-silent', message };
}
