import type { Block } from '../rollout/definition.ts';
import { type ChainedLimiter, LIMITERS, type LimitReason } from '../rollout/limits/chain.ts';
import type { PlanReason } from '../rollout/plan.ts';

/** The words that machines may compare, each with what it means. A word never changes its meaning; new ones may come. */
type Codes<Code extends string = string> = Readonly<Record<Code, string>>;

/** Where a rollout stands. */
export const ROLLOUT_STATES = {
  done: 'every node that can have it has it, and its pod is available; the reasons name those that could not',
  progressing: 'nodes are left to do, and the controller goes on',
  stopped: 'nodes are left to do, and failed nodes hold them back: they fill the budget',
  failed: 'no node is left to do but those that failed',
  paused: 'its DaemonSet asks that nothing new begins; what is in flight is settled',
  blocked: 'nothing new is decided about it; the reasons say why',
  unknown: 'nodes are left to do, and it is not known whether a controller works on them',
} as const satisfies Codes;
export type RolloutStateCode = keyof typeof ROLLOUT_STATES;

/** Why nothing new is decided about a DaemonSet. */
const BLOCK_REASONS: Codes<Block['code']> = {
  unreadable: 'the DaemonSet, or one of its ControllerRevisions, cannot be read',
  stale: 'what is known of the cluster has not been confirmed for too long',
  'not-synced': 'nodes, pods or revisions have not all been read yet',
  'no-daemon-set': 'the DaemonSet has not been read yet',
  terminating: 'the DaemonSet is being deleted',
  'not-opted-in': 'it has no update-strategy annotation',
  'not-on-delete': 'its updateStrategy.type is not OnDelete',
  'unknown-strategy': 'its update-strategy annotation names no strategy',
  'no-revision': 'it owns no ControllerRevision yet',
  'generation-behind': 'the DaemonSet controller has not seen the newest template yet',
  'revisions-behind': 'it is not sure yet which ControllerRevision is that of the newest template',
  paused: 'its DaemonSet asks that nothing new begins',
};

/** What holds back the node whose turn it would be; the first of them that does is the reason. */
const LIMITER_REASONS = Object.fromEntries(
  LIMITERS.map(({ reason, meaning }) => [reason, meaning]),
) as Codes<LimitReason>;

/** Why a rollout is where it is: what holds it, and nothing else. */
export const ROLLOUT_REASONS = {
  ...BLOCK_REASONS,
  ...LIMITER_REASONS,
  blocked: 'the controller decides nothing new; its message says why',
  'writes-refused': 'the API server refuses writes to pods',
  'replaced-repeatedly': 'nodes get an old pod again and again, and wait longer each time',
  'in-flight': 'replacements are on their way',
  unavailable:
    'nodes are without an available pod, though nothing is left to be replaced: what has the revision is not available any more',
  'nodes-not-ready': 'nodes that are not Ready still have the old pod; they continue when they are Ready',
  'nodes-tainted':
    'nodes with a taint that the pod does not tolerate still have the old pod, which could not come back',
  'nodes-broken-before':
    'nodes where no pod was available long before their turn, and none is now; the budget does not count them',
  'controller-not-reached': 'the controller, or its lease, cannot be asked, or there is none',
  'controller-outdated': 'the controller was last heard of longer ago than its lease lasts',
  'controller-not-leading':
    'the controller that was asked stands by, or is a dry run: it does nothing, and another one may',
  'controller-silent':
    'the controller says nothing of this DaemonSet: it does not know it yet, or its lease has no room',
} as const satisfies Codes;
export type RolloutReasonCode = keyof typeof ROLLOUT_REASONS;

/** Where a node stands that one of them holds back. */
const HELD_REASONS = Object.fromEntries(
  LIMITERS.map(({ nodeReason, nodeMeaning }) => [nodeReason, nodeMeaning]),
) as Codes<ChainedLimiter['nodeReason']>;

/** Where a node stands. */
export const NODE_REASONS: Codes<PlanReason> = {
  blocked: 'nothing new is decided about the DaemonSet',
  paused: 'it would be its turn, or it would wait for it, but the DaemonSet is paused',
  'not-eligible': 'the node should not run the pod',
  'would-not-be-recreated': 'the old pod stays: the node has a taint that a new one would not tolerate',
  'node-not-ready': 'the node is not Ready; it continues when it is',
  'node-unreadable': 'the node cannot be read',
  failed: 'the replacement did not become available in time, or the node went NotReady soon after it',
  'in-flight': 'a write or a replacement is under way',
  unavailable: 'the current pod was available and is not any more',
  joining: 'the node joined a short time ago, and has not had an available pod yet; the budget does not count it',
  'broken-before':
    'no pod was available there long before its turn, and none is now; the budget does not count it any more',
  'excess-pods': 'more than one pod; the DaemonSet controller keeps one of them',
  'no-pod': 'the DaemonSet controller has not created a pod',
  current: 'the pod is current',
  'update-next': 'the pod would be deleted now',
  ...HELD_REASONS,
  'waiting-repeat': 'its pods were replaced again and again, and the next time waits longer',
  marked: 'the condition PodNeedUpgrade is as it should be',
  'mark-next': 'the condition would be written now',
};

/** Why a simulation is not ok. */
export const SIMULATION_REASONS = {
  'not-updated': 'nodes that could be updated (OTA: pods that could be marked) are not',
  'failed-nodes': 'they are not, because the new pod does not become available',
  timeout: 'they are not, because the time of --timeout was up',
  interrupted: 'they are not, because a signal ended it',
  'over-budget': 'more pods were unavailable at once than were allowed',
  'duplicate-writes': 'writes were sent twice',
  'out-of-order-writes': 'writes to one pod came out of order',
  violation: 'the observer inside the simulated API server saw something that must not happen',
} as const satisfies Codes;
export type SimulationReasonCode = keyof typeof SIMULATION_REASONS;
