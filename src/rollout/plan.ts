import assert from 'node:assert/strict';
import type { EligibilityRule } from '../kube/eligibility.ts';
import { writeNamed } from '../protocol/actions/registry.ts';
import { answerText } from './answers.ts';
import { BIT, hasOldPod } from './classify.ts';
import { explainFailure, explainReplacing } from './explain.ts';
import type { Facts } from './facts.ts';
import { repeatUntilMs, timesReplaced } from './holdback.ts';
import type { ChainedLimiter } from './limits/chain.ts';
import { refusedWords } from './limits/refusals.ts';
import type { Preview } from './preview.ts';
import { type Ask, liveCount, PLACE, type Refusal, type Slot } from './slot-state.ts';

/**
 * Where a node stands. `update-next` and `mark-next` would be asked now; of those that wait the word says for what;
 * `waiting-repeat` waits because its pods were deleted for this target again and again; `unavailable`: its current pod was available and is
 * not any more; `no-pod` and `excess-pods` are the DaemonSet controller's business.
 */
export type PlanReason =
  | 'blocked'
  | 'paused'
  | 'not-eligible'
  | 'would-not-be-recreated'
  | 'node-not-ready'
  | 'node-unreadable'
  | 'failed'
  | 'in-flight'
  | 'unavailable'
  | 'joining'
  | 'broken-before'
  | 'excess-pods'
  | 'no-pod'
  | 'current'
  | 'update-next'
  | 'waiting-repeat'
  | 'marked'
  | 'mark-next'
  | ChainedLimiter['nodeReason'];

export interface NodePlan {
  readonly node: string;
  /** The pod that it is about; undefined when there is none, or more than one. */
  readonly pod: string | undefined;
  /** The hash of that pod's revision. */
  readonly revision: string | undefined;
  readonly reason: PlanReason;
  /** For people: what is so, and what it waits for. */
  readonly message: string;
  /** What would be asked of it now; undefined: nothing. */
  readonly next?: Ask['action'];
  /** What is wrong with that pod, in the kubelet's words, and what it says about it. */
  readonly trouble?: string;
  readonly troubleMessage?: string;
}

/** What a running controller knows, and whoever only looks does not. */
export interface PlanLimits {
  /** Replacements in flight, as its pace has it. */
  readonly window?: number;
  /** Replacements in flight by the limits on one and over all DaemonSets; the latter as far as it is left to this one. */
  readonly maxInFlightPerDaemonSet?: number;
  readonly maxInFlight?: number;
  /** Nodes that failed, as it has seen. */
  readonly failed?: number;
  /** Those of them whose node went away soon after. */
  readonly failedAway?: number;
  /** All deletions are refused, and one is tried a second. */
  readonly areDeletionsRefused?: boolean;
  /** Why it decides nothing new. */
  readonly blocked?: string;
  /** The same as a code. */
  readonly blockedBy?: string;
}

export interface PlanContext {
  readonly facts: Facts;
  readonly block: { readonly code: string; readonly message: string } | undefined;
  readonly rule: EligibilityRule | undefined;
  readonly preview: Preview;
  readonly nowMs: number;
}

/** Every slot with its reason, by node name. */
export function planOf(slots: Iterable<Slot>, context: PlanContext): NodePlan[] {
  return [...slots]
    .sort((left, right) => (left.nodeName < right.nodeName ? -1 : 1))
    .map((slot) => {
      const [reason, message] = explain(slot, context);
      const pod = slot.pods.length === 1 ? slot.pods[0]?.record : undefined;
      const next = nextOf(slot, reason, context);
      return {
        ...{ node: slot.nodeName, pod: pod?.name, revision: pod?.revisionHash, reason, message },
        ...(next === undefined ? undefined : { next }),
        ...(pod?.trouble === undefined ? undefined : { trouble: pod.trouble }),
        ...(pod?.troubleMessage === undefined ? undefined : { troubleMessage: pod.troubleMessage }),
      };
    });
}

function nextOf(slot: Slot, reason: PlanReason, { block, preview }: PlanContext): NodePlan['next'] {
  if (reason === 'update-next') return 'delete';
  if (reason === 'mark-next') return 'mark';
  const isForced = (slot.mask & BIT.candidateForce) !== 0 && block === undefined && preview.next.has(slot);
  return isForced ? 'force-delete' : undefined;
}

export function toldBlock({ blocked, blockedBy = 'blocked' }: PlanLimits): PlanContext['block'] {
  return blocked === undefined ? undefined : { code: blockedBy, message: blocked };
}

type Explanation = readonly [reason: PlanReason, message: string];

function explain(slot: Slot, context: PlanContext): Explanation {
  const { facts, block } = context;
  if (facts.strategy === undefined) return ['blocked', block?.message ?? 'nothing is to be done'];
  const asked = explainAsk(slot);
  if (facts.strategy === 'OTA') return asked ?? explainOta(slot, context);
  if ((slot.mask & BIT.eligible) === 0) return explainIneligible(slot, context);
  if ((slot.mask & BIT.failed) !== 0) return explainFailed(slot, context);
  if ((slot.mask & BIT.ready) === 0) return explainNotReady(slot);
  return asked ?? explainReady(slot, context);
}

function explainAsk(slot: Slot): Explanation | undefined {
  const { ask } = slot;
  if (ask === undefined) return undefined;
  if (ask.setback !== undefined) {
    return ['backoff', `${ask.action} was answered ${ask.setback.code}: ${answerText(ask.setback, slot, ask.uid)}`];
  }
  const what = writeNamed(ask.action).words.one;
  switch (ask.phase) {
    case 'asked':
      return ['in-flight', `${what} waits for a worker`];
    case 'sent':
      return ['in-flight', `${what} is with a worker`];
    case 'watching':
      return ['in-flight', `${what} was sent; the watch has not shown it yet`];
    case 'observe-due':
    case 'observe-asked':
    case 'observe-sent':
      return ['in-flight', `${what} was sent, and the watch is silent: the pod is read`];
  }
}

/** What is done about it, too. */
function explainFailed(slot: Slot, context: PlanContext): Explanation {
  const why = explainFailure(slot, context.facts, context.nowMs);
  const [, then] = explainAsk(slot) ?? explainForce(slot, context) ?? [];
  return ['failed', then === undefined ? why : `${why}; ${then}`];
}

function explainForce(slot: Slot, { preview, nowMs }: PlanContext): Explanation | undefined {
  const { mask, refusal } = slot;
  if ((mask & BIT.refused) !== 0 && refusal !== undefined) return explainRefusal(slot, refusal, nowMs);
  if ((mask & BIT.candidateForce) === 0 || preview.next.has(slot)) return undefined;
  return ['backoff', refusedWords('force-delete')];
}

function explainRefusal(slot: Slot, { action, uid, answer, untilMs }: Refusal, nowMs: number): Explanation {
  const seconds = Math.max(0, Math.ceil((untilMs - nowMs) / 1000));
  const message = answerText(answer, slot, uid);
  return ['backoff', `${action} was answered ${answer.code}: ${message} (${seconds} s, then once more)`];
}

function explainOta(slot: Slot, context: PlanContext): Explanation {
  const { block, preview, nowMs } = context;
  if (slot.pods.length === 0) return explainWithoutPod(slot);
  if ((slot.mask & (BIT.outdated | BIT.settled)) === 0) return ['backoff', explainReplacing(slot)];
  if ((slot.mask & BIT.outdated) === 0) return ['marked', 'the condition PodNeedUpgrade is as it should be'];
  if (block !== undefined) return explainBlock(block);
  const { refusal } = slot;
  if ((slot.mask & BIT.backingOff) !== 0 && refusal !== undefined) return explainRefusal(slot, refusal, nowMs);
  if (!preview.next.has(slot)) return ['backoff', refusedWords('mark')];
  return ['mark-next', 'the condition PodNeedUpgrade differs'];
}

function explainBlock({ code, message }: NonNullable<PlanContext['block']>): Explanation {
  return code === 'paused' ? ['paused', message] : ['blocked', message];
}

function explainWithoutPod(slot: Slot): Explanation {
  if ((slot.mask & BIT.eligible) === 0) return ['not-eligible', 'the node should not run the pod, and does not'];
  return ['no-pod', 'the DaemonSet controller has not created a pod'];
}

function explainIneligible(slot: Slot, { facts, rule }: PlanContext): Explanation {
  if (slot.node === undefined) return ['not-eligible', 'the node does not exist (any more)'];
  const eligibility = rule?.(slot.node);
  const why = eligibility === undefined || eligibility.shouldRun ? 'it is not known yet' : eligibility.message;
  if (slot.place >= PLACE.STAYS && hasOldPod(slot, facts))
    return ['would-not-be-recreated', `the pod stays as it is: ${why}`];
  return ['not-eligible', why];
}

function explainUnreadable(problem: string): Explanation {
  return ['node-unreadable', `the node cannot be read: ${problem}`];
}

function explainNotReady(slot: Slot): Explanation {
  if (slot.node?.unreadable !== undefined) return explainUnreadable(slot.node.unreadable);
  if ((slot.mask & BIT.updated) !== 0) return ['current', 'the pod is current; the node is not Ready'];
  return ['node-not-ready', 'the node is not Ready; it continues when it is'];
}

function explainReady(slot: Slot, context: PlanContext): Explanation {
  const { mask } = slot;
  if (liveCount(slot) > 1) return ['excess-pods', 'more than one pod; the DaemonSet controller keeps one of them'];
  if ((mask & BIT.brokenBefore) !== 0) return ['broken-before', `was broken before: ${explainReplacing(slot)}`];
  if ((mask & (BIT.joining | BIT.outdated)) === BIT.joining) {
    return ['joining', `the node joined a short time ago: ${explainReplacing(slot)}`];
  }
  if (slot.pods.length === 0) return explainWithoutPod(slot);
  if ((mask & BIT.replacing) !== 0) {
    return [(mask & BIT.inFlight) !== 0 ? 'in-flight' : 'unavailable', explainReplacing(slot)];
  }
  if ((mask & BIT.updated) !== 0) return ['current', 'the pod is current and available'];
  return explainCandidate(slot, context);
}

function explainCandidate(slot: Slot, context: PlanContext): Explanation {
  const { block, preview } = context;
  if (block !== undefined) return explainBlock(block);
  if (slot.node?.unreadable !== undefined) return explainUnreadable(slot.node.unreadable);
  if (slot.place !== PLACE.FITS) return explainIneligible(slot, context);
  const leftover = slot.pods.find(({ record }) => record.isTerminating)?.record.name;
  if (leftover !== undefined) {
    return [
      'would-not-be-recreated',
      `the pod stays as it is: no new one is created while pod ${leftover} is terminating`,
    ];
  }
  const held = explainHeld(slot, context);
  if (held !== undefined) return held;
  const state = (slot.mask & BIT.candidateUnavailable) !== 0 ? 'old and unavailable' : 'old';
  if (preview.next.has(slot)) return ['update-next', `the pod is ${state}`];
  const limiter = preview.heldBy.delete;
  assert(limiter !== undefined, 'whoever is not next is held back by something');
  // Not for what the pod is.
  const words = limiter.reason === 'refusals' ? limiter.words : `the pod is ${state}; ${limiter.words}`;
  return [limiter.nodeReason, words];
}

function explainHeld(slot: Slot, { facts, nowMs }: PlanContext): Explanation | undefined {
  const { mask, refusal } = slot;
  if ((mask & BIT.repeated) !== 0) {
    const seconds = Math.ceil((repeatUntilMs(slot, facts.target?.hash) - nowMs) / 1000);
    return [
      'waiting-repeat',
      `its pod was replaced ${timesReplaced(slot)} times and is old again (${seconds} s, then once more)`,
    ];
  }
  if ((mask & BIT.backingOff) === 0 || refusal === undefined) return undefined;
  return explainRefusal(slot, refusal, nowMs);
}
