import { type Mutant, mutant, plant } from './mutant.ts';

type Chains = typeof import('../../src/rollout/limits/chain.ts');
type Classes = typeof import('../../src/rollout/classify.ts');
type Outages = typeof import('../../src/rollout/outage.ts');
const CHAIN = 'src/rollout/limits/chain.ts';
const CLASSIFY = 'src/rollout/classify.ts';
const OUTAGE = 'src/rollout/outage.ts';
const FITS = 4;

/** Bugs in who is in the budget, and for how long: docs/design.md, "The budget". */
export const MEMBER_MUTANTS: readonly Mutant[] = [
  mutant(
    'taint-frees-place',
    'in-flight',
    'a taint that comes later takes a node out of the budget',
    plant<Classes>(CLASSIFY, {
      hasPlace: (original) => (slot, facts, nowMs) => slot.place >= FITS - 1 && original(slot, facts, nowMs),
    }),
  ),
  mutant(
    'failed-in-limits',
    'held',
    'failed nodes count as under way, for the limits and the pace',
    plant<Chains>(CHAIN, {
      limiterOf: (original) => (kind, ledger) =>
        original(kind, { ...ledger, inFlight: ledger.inFlight + ledger.failed }),
    }),
    plant<typeof import('../../src/rollout/rollout.ts')>('src/rollout/rollout.ts', {
      Rollout: (Original) =>
        class extends Original {
          override get replacementsInFlight(): number {
            return super.replacementsInFlight + super.counts().failed;
          }
        },
    }),
  ),
  mutant(
    'limit-off-by-one',
    'max-in-flight',
    'one more than the limit over all DaemonSets is under way',
    plant<typeof import('../../src/controller/traffic.ts')>('src/controller/traffic.ts', {
      Traffic: (Original) =>
        class extends Original {
          constructor(parts: ConstructorParameters<typeof Original>[0]) {
            const { options } = parts;
            super({ ...parts, options: { ...options, maxInFlight: options.maxInFlight + 1 } });
          }
        },
    }),
  ),
  mutant(
    'base-of-all',
    'in-flight',
    'percentages are of all nodes, those that are away too',
    plant<Classes>(CLASSIFY, {
      classify:
        (original, { BIT }) =>
        (slot, facts, nowMs) => {
          const mask = original(slot, facts, nowMs);
          return (mask & BIT.eligible) === 0 ? mask : mask | BIT.base;
        },
    }),
  ),
  mutant(
    'base-flaps',
    'in-flight',
    'the base of percentages rises at once when nodes come back',
    plant<typeof import('../../src/rollout/budget-base.ts')>('src/rollout/budget-base.ts', {
      BudgetBase: (Original) =>
        class extends Original {
          override of(count: number): number {
            return count;
          }
        },
    }),
  ),
  mutant(
    'blame-never-lifted',
    'held',
    'a node that goes away with its site is a failed update',
    plant<Outages>(OUTAGE, { isOutage: () => () => false }),
  ),
  mutant(
    'blame-never-given',
    'in-flight',
    'a node that its new pod took down is taken for one that went with its site',
    plant<Outages>(OUTAGE, { isOutage: () => () => true }),
  ),
  mutant(
    'restart-forgets',
    'truth',
    'a process that starts does not look for what happened before',
    plant<typeof import('../../src/rollout/recall.ts')>('src/rollout/recall.ts', { recall: () => () => {} }),
  ),
  mutant(
    'joining-counted',
    'held',
    'a node that joins takes a place in the budget until its first pod is available',
    plant<Classes>(CLASSIFY, {
      classify:
        (original, { BIT }) =>
        (slot, facts, nowMs) => {
          const mask = original(slot, facts, nowMs);
          return (mask & BIT.joining) === 0 ? mask : (mask & ~BIT.joining) | BIT.unavailable | BIT.occupied;
        },
    }),
  ),
  mutant(
    'broken-before-holds',
    'liveness',
    'a node that was broken before is a failure of this version when its time is up',
    plant<Classes>(CLASSIFY, {
      classifyOverdue: (original) => (mask, slot, facts, nowMs) =>
        original(mask, { ...slot, wasBroken: false, hasBeenAvailable: true }, facts, nowMs),
    }),
  ),
  mutant(
    'exclusion-ignored',
    'eligible',
    'a node that is excluded by its label is updated',
    plant<typeof import('../../src/kube/eligibility.ts')>('src/kube/eligibility.ts', {
      eligibilityRule: (original) => (placement, skipsCordoned) => {
        const rule = original(placement, skipsCordoned);
        return (node) => {
          const { 'daemonpodupdater.io/exclude': _, ...labels } = node.labels;
          return rule({ ...node, labels });
        };
      },
    }),
  ),
  mutant(
    'cordon-ignored',
    'eligible',
    'a cordoned node is updated though its DaemonSet skips them',
    plant<typeof import('../../src/kube/eligibility.ts')>('src/kube/eligibility.ts', {
      eligibilityRule: (original) => (placement) => original(placement, false),
    }),
  ),
];
