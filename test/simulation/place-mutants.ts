import type { Slot } from '../../src/rollout/slot-state.ts';
import { type Mutant, mutant, type Plant, plant } from './mutant.ts';

type Classes = typeof import('../../src/rollout/classify.ts');
type Rollouts = typeof import('../../src/rollout/rollout.ts');
type Outages = typeof import('../../src/rollout/outage.ts');
const CLASSIFY = 'src/rollout/classify.ts';
const ROLLOUT = 'src/rollout/rollout.ts';
const OUTAGE = 'src/rollout/outage.ts';

/** What is true of a slot, otherwise. */
export function classified(change: (mask: number, slot: Slot, bit: Classes['BIT']) => number): Plant {
  return plant<Classes>(CLASSIFY, {
    classify:
      (original, { BIT }) =>
      (slot, facts, nowMs) =>
        change(original(slot, facts, nowMs), slot, BIT),
  });
}

/** Bugs in who keeps a place in the budget though its node is away, and what is remembered of it. */
export const PLACE_MUTANTS: readonly Mutant[] = [
  mutant(
    'not-ready-never-failed',
    'in-flight',
    'a node that its new pod took down gives its place in the budget to another one',
    plant<Outages>(OUTAGE, { isSuspect: () => () => false }),
  ),
  mutant(
    'not-ready-always-failed',
    'held',
    'every node that is NotReady keeps a place in the budget',
    classified((mask, { node }, bit) => {
      const isAway = (mask & bit.eligible) !== 0 && node?.isReady === false && node.unreadable === undefined;
      return isAway ? mask | bit.failed | bit.unavailable | bit.occupied : mask;
    }),
  ),
  mutant(
    'failure-forgotten',
    'in-flight',
    'a node that its new pod took down is free again when others delete that pod',
    plant<typeof import('../../src/rollout/observe.ts')>('src/rollout/observe.ts', {
      observePod: (original) => (slot, pod, at) => {
        original(slot, pod, at);
        if (slot.node?.isReady === false && pod.isTerminating) slot.replacedAtMs = at.nowMs;
      },
    }),
  ),
  mutant(
    'gone-nodes-named',
    'memory',
    'nodes that failed and are gone are kept to be named',
    plant<Rollouts>(ROLLOUT, {
      Rollout: (Original) =>
        class extends Original {
          override takeNotices() {
            return super.takeNotices().filter(({ type }) => type !== 'failure-moot');
          }
        },
    }),
  ),
  mutant(
    'not-ready-not-held',
    'budget',
    'a deletion on its way to a node that went NotReady gives its place to another one',
    classified((mask, { node, ask }, bit) => {
      const isHeld = node?.isReady === false && ask !== undefined && (mask & bit.failed) === 0;
      return isHeld ? mask & ~(bit.inFlight | bit.reserved | bit.occupied) : mask;
    }),
  ),
];
