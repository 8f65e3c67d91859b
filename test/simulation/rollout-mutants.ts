import type { DaemonSetRecord, NodeRecord, PodRecord } from '../../src/kube/records.ts';
import type { AfterOutcome } from '../../src/rollout/asks.ts';
import type { BudgetUse, CandidateKind } from '../../src/rollout/limits/ledger.ts';
import { type Mutant, mutant, type Plant, plant } from './mutant.ts';
import { classified } from './place-mutants.ts';

type Asks = typeof import('../../src/rollout/asks.ts');
type Chains = typeof import('../../src/rollout/limits/chain.ts');
type Definitions = typeof import('../../src/rollout/definition.ts');
type Rollouts = typeof import('../../src/rollout/rollout.ts');
type Holding = typeof import('../../src/rollout/holdback.ts');
type Marks = typeof import('../../src/rollout/marks.ts');
type Policies = typeof import('../../src/kube/annotations.ts');
type Revising = typeof import('../../src/kube/revision.ts');

const CHAIN = 'src/rollout/limits/chain.ts';
const ASKS = 'src/rollout/asks.ts';
const DEFINITION = 'src/rollout/definition.ts';
const ROLLOUT = 'src/rollout/rollout.ts';
const POLICY = 'src/kube/annotations.ts';
const REVISION = 'src/kube/revision.ts';
const NEVER = Number.POSITIVE_INFINITY;
const HALF_AN_HOUR_MS = 1_800_000;

function after(then: AfterOutcome['then']): AfterOutcome {
  return { then, afterMs: 0 };
}

/** The same decisions, of other numbers. */
function counted(change: (use: BudgetUse, kind: CandidateKind) => BudgetUse): Plant {
  return plant<Chains>(CHAIN, {
    limiterOf: (original) => (kind, ledger) => original(kind, { ...ledger, ...change(ledger, kind) }),
    freePlaces: (original) => (kind, ledger) => original(kind, { ...ledger, ...change(ledger, kind) }),
    stillFits: (original) => (kind, ledger) => original(kind, { ...ledger, ...change(ledger, kind) }),
  });
}

/** Nodes as they are not. */
function seenNodes(change: (node: NodeRecord) => NodeRecord): Plant {
  return plant<Rollouts>(ROLLOUT, {
    Rollout: (Original) =>
      class extends Original {
        override upsertNode(node: NodeRecord, nowMs: number): void {
          super.upsertNode(change(node), nowMs);
        }
      },
  });
}

function seenPods(change: (pod: PodRecord, uid: string) => PodRecord): Plant {
  return plant<Rollouts>(ROLLOUT, {
    Rollout: (Original) =>
      class extends Original {
        readonly #uid: string;

        constructor(identity: ConstructorParameters<typeof Original>[0]) {
          super(identity);
          this.#uid = identity.uid;
        }

        override upsertPod(pod: PodRecord, nowMs: number): void {
          super.upsertPod(change(pod, this.#uid), nowMs);
        }
      },
  });
}

function seenDaemonSet(change: (daemonSet: DaemonSetRecord) => DaemonSetRecord): Plant {
  return plant<Definitions>(DEFINITION, {
    Definition: (Original) =>
      class extends Original {
        override setDaemonSet(daemonSet: DaemonSetRecord) {
          return super.setDaemonSet(change(daemonSet));
        }
      },
  });
}

function readPolicy(
  change: (policy: import('../../src/kube/annotations.ts').UpdatePolicy, text: string) => object,
): Plant {
  return plant<Policies>(POLICY, {
    parseUpdatePolicy:
      (original, { PAUSED_ANNOTATION }) =>
      (daemonSet) => {
        const result = original(daemonSet);
        if (result.kind !== 'policy') return result;
        const changed = change(result.policy, daemonSet.annotations[PAUSED_ANNOTATION] ?? '');
        return { ...result, policy: { ...result.policy, ...changed } };
      },
  });
}

/** Bugs in what a rollout decides, and what it takes an answer for. */
export const ROLLOUT_MUTANTS: readonly Mutant[] = [
  mutant(
    'missing-pods-forgotten',
    'in-flight',
    'a node whose pod is gone and not yet created again is not in the budget',
    classified((mask, { pods }, bit) =>
      pods.length > 0 ? mask : mask & ~(bit.unavailable | bit.occupied | bit.inFlight),
    ),
  ),
  mutant(
    'counted-not-observed',
    'blind-repeat',
    'a deletion is over when it is answered, not when the watch shows it',
    plant<Asks>(ASKS, {
      takeOutcome: (original) => (slot, outcome, at) => {
        if (slot.ask?.uid !== outcome.uid || outcome.code !== 'done' || outcome.action === 'observe') {
          return original(slot, outcome, at);
        }
        slot.ask = undefined;
        return after('drop');
      },
    }),
  ),
  mutant(
    'lost-means-not-applied',
    'blind-repeat',
    'a request without an answer is taken for one that was not applied',
    plant<Asks>(ASKS, {
      takeOutcome: (original) => (slot, outcome, at) => {
        const isLost = outcome.code === 'unknown' && outcome.action !== 'observe';
        return original(slot, isLost ? { ...outcome, code: 'throttled' } : outcome, at);
      },
    }),
  ),
  mutant(
    'lost-means-applied',
    'liveness',
    'a request without an answer is taken for one that was applied, and never looked at',
    plant<Asks>(ASKS, {
      onDeadline: (original) => (slot, ask) => {
        if (ask.action === 'delete') ask.dueMs = NEVER;
        else original(slot, ask);
      },
    }),
  ),
  mutant(
    'lost-is-read-late',
    'liveness',
    'what became of a deletion without an answer is read after half an hour',
    plant<Asks>(ASKS, {
      takeOutcome: (original) => (slot, outcome, at) => {
        const next = original(slot, outcome, at);
        if (outcome.code === 'unknown' && slot.ask !== undefined) slot.ask.dueMs += HALF_AN_HOUR_MS;
        return next;
      },
    }),
  ),
  mutant(
    'dead-lane-forgotten',
    'liveness',
    'nobody asks what became of the tasks of a thread that died',
    plant<Rollouts>(ROLLOUT, {
      Rollout: (Original) =>
        class extends Original {
          override onOutcome(...[outcome, nowMs]: Parameters<InstanceType<typeof Original>['onOutcome']>) {
            const isDead = outcome.message === 'the worker thread died';
            return isDead ? after('watch') : super.onOutcome(outcome, nowMs);
          }
        },
    }),
  ),
  mutant(
    'generation-unchecked',
    'generation',
    "the newest revision is used before the DaemonSet's generation was observed",
    seenDaemonSet((daemonSet) => ({ ...daemonSet, observedGeneration: daemonSet.generation })),
  ),
  mutant(
    'not-ready-ignored',
    'not-ready',
    'nodes that are NotReady are updated like others',
    seenNodes((node) => ({ ...node, isReady: true })),
  ),
  mutant(
    'no-hash-means-old',
    'current-pod',
    'a pod without a revision hash is old whatever its template generation',
    plant<Revising>(REVISION, {
      isCurrent: (original) => (pod, target) => pod.revisionHash !== undefined && original(pod, target),
    }),
  ),
  mutant(
    'ahead-means-old',
    'current-pod',
    'a pod that is newer than the DaemonSet as it is known is old',
    plant<Revising>(REVISION, {
      isCurrent: (original) => (pod, target) =>
        original(pod, target) && (pod.revisionHash === undefined || pod.revisionHash === target.hash),
    }),
  ),
  mutant(
    'budget-off-by-one',
    'budget',
    'one node more than allowed may be without an available pod',
    counted((use) => ({ ...use, allowed: use.allowed + 1 })),
  ),
  mutant(
    'unavailable-all-at-once',
    'in-flight',
    'old pods that are unavailable anyway are all replaced at once',
    counted((use, kind) => (kind === 'unavailable' ? { ...use, occupied: 0, inFlight: 0 } : use)),
  ),
  mutant(
    'asked-not-reserved',
    'budget',
    'a pod that is about to be deleted is still counted as available',
    classified((mask, _slot, bit) => mask & ~bit.reserved),
  ),
  mutant(
    'last-look-skipped',
    'budget',
    'what waited in a queue leaves without a second look at the budget',
    plant<Chains>(CHAIN, { stillFits: () => () => true }),
  ),
  mutant(
    'min-ready-ignored',
    'budget',
    'a pod is available as soon as it is Ready',
    plant<typeof import('../../src/kube/availability.ts')>('src/kube/availability.ts', {
      availableAtMs: (original) => (pod, readySinceMs) => original(pod, readySinceMs, 0),
      isAvailable: (original) => (pod, readySinceMs, at) => original(pod, readySinceMs, { ...at, minReadyMs: 0 }),
    }),
  ),
  mutant(
    'marks-always',
    'needless-write',
    'the OTA condition is written whether it differs or not',
    plant<Marks>('src/rollout/marks.ts', {
      pendingMark: (original) => (slot, facts) => {
        const unmarked = slot.pods.map((pod) => ({ ...pod, record: { ...pod.record, needUpgrade: undefined } }));
        return original({ ...slot, pods: unmarked }, facts);
      },
    }),
  ),
  mutant(
    'ota-deletes',
    'ota-delete',
    'an OTA DaemonSet is updated by deleting its pods',
    readPolicy(() => ({ strategy: 'AdvancedRollingUpdate' })),
  ),
  mutant(
    'pause-of-a-kind',
    'paused',
    'a pause whose value is neither true nor false holds nothing',
    readPolicy((_policy, paused) => ({ isPaused: paused === 'true' })),
  ),
  mutant(
    'foreign-pods-taken',
    'owner',
    "pods of other owners with the DaemonSet's labels are taken for its own",
    seenPods((pod, uid) => ({ ...pod, ownerUid: uid })),
  ),
  mutant(
    'backoff-begins-anew',
    'backoff',
    'a mark that was throttled is taken back when another one is tried, and its backoff forgotten',
    plant<typeof import('../../src/rollout/selection.ts')>('src/rollout/selection.ts', {
      Selection: (Original) =>
        class extends Original {
          override mayLeave(...args: Parameters<InstanceType<typeof Original>['mayLeave']>): boolean {
            const [{ ask }] = args;
            if (ask === undefined) return super.mayLeave(...args);
            const { setback } = ask;
            ask.setback = undefined;
            const mayLeave = super.mayLeave(...args);
            ask.setback = setback;
            return mayLeave;
          }
        },
    }),
  ),
  mutant(
    'repeats-at-once',
    'repeat',
    'a pod that is deleted for the same target again and again is deleted without a pause',
    plant<Holding>('src/rollout/holdback.ts', { repeatUntilMs: () => () => -NEVER }),
  ),
  mutant(
    'force-unasked',
    'force',
    'pods stuck in Terminating are deleted by force though nobody asked for it',
    plant<typeof import('../../src/rollout/stuck.ts')>('src/rollout/stuck.ts', {
      mayForce: (original) => (slot, facts) => original(slot, { ...facts, isForceDeleteStuck: true }),
      forceAtMs: (original) => (slot, facts) => original(slot, { ...facts, isForceDeleteStuck: true }),
    }),
  ),
];
