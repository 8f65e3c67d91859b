import {
  PAUSED_ANNOTATION,
  POLICY_ANNOTATIONS,
  type PolicyResult,
  parseUpdatePolicy,
  TEMPLATE_GENERATION_ANNOTATION,
  type UpdatePolicy,
} from '../kube/annotations.ts';
import { type EligibilityRule, eligibilityRule } from '../kube/eligibility.ts';
import type { DaemonSetRecord, RevisionRecord } from '../kube/records.ts';
import { newestRevision } from '../kube/revision.ts';
import { type Facts, NO_FACTS } from './facts.ts';
import { NEVER } from './slot-state.ts';

const PAUSED_MESSAGE = `paused by the annotation ${PAUSED_ANNOTATION}`;

/** Why nothing is selected at all. `message` is for people. */
export interface Block {
  readonly code:
    | 'unreadable'
    | 'stale'
    | 'not-synced'
    | 'no-daemon-set'
    | 'terminating'
    | 'not-opted-in'
    | 'not-on-delete'
    | 'unknown-strategy'
    | 'no-revision'
    | 'revisions-behind'
    | 'generation-behind'
    | 'paused';
  readonly message: string;
}

/**
 * What has to be looked at again after a change: nothing, the slots that a progress deadline runs for, every slot, or every
 * slot and where it belongs.
 */
export type Change = 'none' | 'deadlines' | 'facts' | 'placement';

/** The DaemonSet, its policy and its revisions, boiled down to what slots are judged against. */
export class Definition {
  readonly #uid: string;
  readonly #revisions = new Map<string, RevisionRecord>();
  #daemonSet: DaemonSetRecord | undefined;
  #policy: PolicyResult = { kind: 'not-opted-in' };
  #rule: EligibilityRule | undefined;
  #skipsCordoned = false;
  #isSynced = false;
  #staleReason: string | undefined = undefined;
  #staleSinceMs = NEVER;
  #facts: Facts = NO_FACTS;
  /** Why one of the revisions, which may be the newest, cannot be read. */
  #revisionProblem: string | undefined = undefined;
  #newest: RevisionRecord | undefined = undefined;
  /** Why the newest revision that was read may not be that of the DaemonSet's template. */
  revisionDoubt: string | undefined = undefined;
  /** Not every slot has been looked at since something here changed. */
  isBeingApplied = false;

  constructor(uid: string) {
    this.#uid = uid;
  }

  get facts(): Facts {
    return this.#facts;
  }

  get policy(): UpdatePolicy | undefined {
    return this.#policy.kind === 'policy' ? this.#policy.policy : undefined;
  }

  get revisionCount(): number {
    return this.#revisions.size;
  }

  get newestRevision(): RevisionRecord | undefined {
    return this.#newest;
  }

  get rule(): EligibilityRule | undefined {
    return this.#rule;
  }

  /** With a stale view what is known stays as it is, and what is in flight goes on. */
  setSynced(isSynced: boolean, staleReason: string | undefined, nowMs: number): Change {
    const wasStale = this.#staleReason !== undefined;
    const isStale = staleReason !== undefined;
    this.#staleReason = staleReason;
    const wasSynced = this.#isSynced;
    if (wasSynced === isSynced && wasStale === isStale) return 'none';
    this.#isSynced = isSynced;
    if (wasStale !== isStale) this.#staleSinceMs = isStale ? nowMs : NEVER;
    this.#refresh();
    return wasSynced === isSynced ? 'deadlines' : 'facts';
  }

  setDaemonSet(daemonSet: DaemonSetRecord): Change {
    const before = this.#daemonSet;
    this.#daemonSet = daemonSet;
    // A DaemonSet's status changes many times a second during a rollout; its specification has the same generation then.
    const isSpecSame = before !== undefined && hasSameSpec(before, daemonSet);
    const isSame = isSpecSame && before.isTerminating === daemonSet.isTerminating && hasSamePolicy(before, daemonSet);
    if (isSame) return 'none';
    this.#policy = parseUpdatePolicy(daemonSet);
    const skippedCordoned = this.#skipsCordoned;
    this.#skipsCordoned = this.policy?.skipsCordoned ?? false;
    const isPlaceSame = isSpecSame && skippedCordoned === this.#skipsCordoned;
    if (!isPlaceSame) this.#rule = eligibilityRule(daemonSet.placement, this.#skipsCordoned);
    this.#refresh();
    return isPlaceSame ? 'facts' : 'placement';
  }

  upsertRevision(revision: RevisionRecord): Change {
    const mayBeOwn = revision.ownerUid === this.#uid || revision.uid === '';
    if (!mayBeOwn) return this.removeRevision(revision);
    this.#forget(revision);
    this.#revisions.set(keyOf(revision), revision);
    return this.#retarget();
  }

  removeRevision(revision: RevisionRecord): Change {
    return this.#forget(revision) ? this.#retarget() : 'none';
  }

  blocked(): Block | undefined {
    const daemonSet = this.#daemonSet;
    if (daemonSet === undefined) return { code: 'no-daemon-set', message: 'the DaemonSet has not been read yet' };
    const problem = daemonSet.unreadable ?? this.#revisionProblem;
    if (problem !== undefined) return { code: 'unreadable', message: `cannot be read: ${problem}` };
    if (daemonSet.isTerminating) return { code: 'terminating', message: 'the DaemonSet is being deleted' };
    const policy = this.#policy;
    if (policy.kind === 'refused') return { code: policy.code, message: policy.message };
    if (policy.kind === 'not-opted-in') {
      return { code: 'not-opted-in', message: 'the DaemonSet has no update-strategy annotation' };
    }
    if (this.#staleReason !== undefined) return { code: 'stale', message: `stale: ${this.#staleReason}` };
    if (!this.#isSynced) return { code: 'not-synced', message: 'nodes, pods or revisions have not all been read yet' };
    if (this.isBeingApplied)
      return { code: 'not-synced', message: 'its nodes are being looked at anew after a change' };
    if (daemonSet.observedGeneration < daemonSet.generation) {
      const { generation, observedGeneration } = daemonSet;
      const message = `the DaemonSet controller has seen generation ${observedGeneration} of ${generation}`;
      return { code: 'generation-behind', message };
    }
    if (this.revisionDoubt !== undefined) return { code: 'revisions-behind', message: this.revisionDoubt };
    if (this.#facts.target === undefined) return { code: 'no-revision', message: 'it owns no ControllerRevision yet' };
    // Last: what is told of a paused rollout, its end for one, is true only when nothing else is in the way.
    if (this.#facts.isPaused) return { code: 'paused', message: PAUSED_MESSAGE };
    return undefined;
  }

  /** Until it could be read it had nothing but its name. */
  #forget(revision: RevisionRecord): boolean {
    const wasUnread = this.#revisions.delete(revision.name);
    return this.#revisions.delete(keyOf(revision)) || wasUnread;
  }

  #retarget(): Change {
    const before = this.#facts;
    this.#revisionProblem = undefined;
    for (const { unreadable } of this.#revisions.values()) this.#revisionProblem ??= unreadable;
    this.#refresh();
    const isSame =
      before.target?.hash === this.#facts.target?.hash &&
      before.target?.createdAtMs === this.#facts.target?.createdAtMs;
    return isSame ? 'none' : 'facts';
  }

  #refresh(): void {
    const daemonSet = this.#daemonSet;
    const newest = newestRevision(this.#revisions.values(), this.#uid);
    this.#newest = newest;
    const { policy } = this;
    const isActive = newest !== undefined && daemonSet !== undefined && !daemonSet.isTerminating;
    this.#facts = {
      isSynced: this.#isSynced,
      staleSinceMs: this.#staleSinceMs,
      strategy: isActive ? policy?.strategy : undefined,
      target:
        newest === undefined
          ? undefined
          : {
              hash: newest.hash,
              templateGeneration: daemonSet?.annotations[TEMPLATE_GENERATION_ANNOTATION],
              createdAtMs: newest.createdAtMs,
              daemonSetCreatedAtMs: daemonSet?.createdAtMs ?? 0,
            },
      minReadyMs: (daemonSet?.minReadySeconds ?? 0) * 1000,
      progressDeadlineMs: policy === undefined ? NO_FACTS.progressDeadlineMs : policy.progressDeadlineSeconds * 1000,
      // A roll back makes an old revision the newest one again, after all others were made.
      newestSinceMs: Math.max(0, ...[...this.#revisions.values()].map(({ createdAtMs }) => createdAtMs)),
      hasRolledOut: (newest?.revision ?? 0) > 1,
      revisionsMs: new Map([...this.#revisions.values()].map(({ hash, createdAtMs }) => [hash, createdAtMs])),
      isForceDeleteStuck: policy?.isForceDeleteStuck ?? false,
      isPaused: policy?.isPaused ?? false,
    };
  }
}

/** One that never could be read has nothing but a name. */
function keyOf({ uid, name }: RevisionRecord): string {
  return uid === '' ? name : uid;
}

/** The API server counts every change of a specification; the two short fields are compared because it costs nothing. */
function hasSameSpec(left: DaemonSetRecord, right: DaemonSetRecord): boolean {
  return (
    left.generation === right.generation &&
    left.updateStrategyType === right.updateStrategyType &&
    left.minReadySeconds === right.minReadySeconds
  );
}

function hasSamePolicy(left: DaemonSetRecord, right: DaemonSetRecord): boolean {
  return (
    POLICY_ANNOTATIONS.every((name) => left.annotations[name] === right.annotations[name]) &&
    left.annotations[TEMPLATE_GENERATION_ANNOTATION] === right.annotations[TEMPLATE_GENERATION_ANNOTATION]
  );
}
