import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type BudgetUse,
  LIMITERS,
  type Limiter,
  NO_ROOM_LIMITS,
  type Room,
  verdict,
} from '../../src/rollout/budget.ts';
import type { NodePlan, PlanLimits } from '../../src/rollout/plan.ts';
import { budget, cluster, daemonSet, node, pod, syncedRollout, T0 } from './records.ts';

const UNLIMITED: BudgetUse = { allowed: 1000, unavailable: 0, reserved: 0, inFlight: 0, occupied: 0, failed: 0 };

/** The same, were that one limiter not there. */
function lifted(limiter: Limiter, use: BudgetUse, room: Room): { readonly use: BudgetUse; readonly room: Room } {
  switch (limiter) {
    case 'failed-nodes': {
      const { failed } = use;
      return {
        use: { ...use, failed: 0, occupied: use.occupied - failed, unavailable: use.unavailable - failed },
        room,
      };
    }
    case 'budget':
      return { use: { ...use, allowed: 1000 }, room };
    case 'max-in-flight-per-daemonset':
      return { use, room: { ...room, perDaemonSet: Number.POSITIVE_INFINITY } };
    case 'max-in-flight':
      return { use, room: { ...room, overAll: Number.POSITIVE_INFINITY } };
    case 'pace':
      return { use, room: { ...room, pace: Number.POSITIVE_INFINITY } };
    case 'refusals':
      return { use, room: { ...room, tries: Number.POSITIVE_INFINITY } };
  }
}

const small = fc.integer({ min: 0, max: 6 });
const limit = fc.oneof(small, fc.constant(Number.POSITIVE_INFINITY));
const uses = fc
  .record({ allowed: fc.integer({ min: 1, max: 6 }), failed: small, moving: small, down: small, reserved: small })
  .map(({ allowed, failed, moving, down, reserved }): BudgetUse => {
    return { allowed, failed, inFlight: moving, occupied: failed + moving, unavailable: failed + down, reserved };
  });
const rooms = fc.record({ perDaemonSet: limit, overAll: limit, pace: limit, tries: limit });
const kinds = fc.constantFrom('unavailable' as const, 'available' as const);

test('trust 14: limiters: any use and limits → lifting the one that is named lets the node go or names one that is asked later', () => {
  fc.assert(
    fc.property(kinds, uses, rooms, (kind, use, room) => {
      const named = verdict(kind, use, room);
      if (named === 'go') return;
      const without = lifted(named, use, room);
      const next = verdict(kind, without.use, without.room);
      if (next === 'go') return;
      assert.ok(LIMITERS.indexOf(next) > LIMITERS.indexOf(named), `${named}, then ${next}`);
    }),
    { numRuns: 2000 },
  );
});

const TABLE: readonly [what: string, use: Partial<BudgetUse>, room: Partial<Room>, answer: string][] = [
  ['nothing is in the way', {}, {}, 'go'],
  ['all places are failed nodes', { allowed: 3, failed: 3, occupied: 3, unavailable: 3 }, {}, 'failed-nodes'],
  ['the others are on their way', { allowed: 3, failed: 2, inFlight: 1, occupied: 3, unavailable: 3 }, {}, 'budget'],
  [
    'the others are broken and nothing is on its way',
    { allowed: 3, failed: 2, occupied: 2, unavailable: 3 },
    {},
    'failed-nodes',
  ],
  ['the others alone are too many', { allowed: 3, failed: 1, occupied: 1, unavailable: 4 }, {}, 'budget'],
  ['asked, and not down yet', { allowed: 3, reserved: 3, inFlight: 3, occupied: 3 }, {}, 'budget'],
  [
    'the limit on one',
    { inFlight: 2 },
    { perDaemonSet: 2, overAll: 2, pace: 2, tries: 0 },
    'max-in-flight-per-daemonset',
  ],
  ['the limit over all', { inFlight: 2 }, { overAll: 2, pace: 2, tries: 0 }, 'max-in-flight'],
  ['the pace', { inFlight: 2 }, { pace: 2, tries: 0 }, 'pace'],
  ['all are refused', { inFlight: 2 }, { tries: 0 }, 'refusals'],
];
for (const [what, use, room, answer] of TABLE) {
  test(`trust 14: limiters: ${what} → ${answer}`, () => {
    assert.equal(verdict('available', { ...UNLIMITED, ...use }, { ...NO_ROOM_LIMITS, ...room }), answer);
  });
}

const HELD: Readonly<Record<string, keyof PlanLimits | 'budget'>> = {
  'waiting-failed': 'failed',
  'waiting-budget': 'budget',
  'waiting-max-in-flight-per-daemonset': 'maxInFlightPerDaemonSet',
  'waiting-max-in-flight': 'maxInFlight',
  'waiting-window': 'window',
  backoff: 'areDeletionsRefused',
  blocked: 'blocked',
};

interface Case {
  /** Nodes with an available old pod, with an unavailable one, and without any. */
  readonly old: number;
  readonly broken: number;
  readonly missing: number;
  readonly allowed: number;
  readonly told: PlanLimits;
}

const cases: fc.Arbitrary<Case> = fc.record({
  old: fc.integer({ min: 0, max: 6 }),
  broken: fc.integer({ min: 0, max: 3 }),
  missing: fc.integer({ min: 0, max: 3 }),
  allowed: fc.integer({ min: 1, max: 7 }),
  told: fc.record(
    {
      window: small,
      maxInFlight: small,
      maxInFlightPerDaemonSet: small,
      failed: small,
      failedAway: small,
      areDeletionsRefused: fc.boolean(),
      blocked: fc.constant('stale: nodes'),
    },
    { requiredKeys: [] },
  ),
});

/** By node, as whoever only looks plans it with what the leader told. */
function planned({ old, broken, missing, allowed, told }: Case): ReadonlyMap<string, NodePlan> {
  const { nodes, pods } = cluster(old + broken);
  const gone = Array.from({ length: missing }, (_, index) => node(`z${index}`));
  const rollout = syncedRollout({
    nodes: [...nodes, ...gone],
    pods: pods.map((record, index) => (index < old ? record : pod(record.nodeName, 'old', { isReady: false }))),
    daemonSet: daemonSet({ annotations: budget(String(allowed)) }),
  });
  return new Map(rollout.plan(T0, told).map((plan) => [plan.node, plan]));
}

test('trust 14: plan: any cluster and any word of the leader → for each held node, lifting the limiter that is named lets it go or names the next one', () => {
  fc.assert(
    fc.property(cases, (one) => {
      const before = planned(one);
      for (const reason of new Set([...before.values()].map((plan) => plan.reason))) {
        const limiter = HELD[reason];
        if (limiter === undefined) continue;
        const { [limiter as keyof PlanLimits]: _, ...told } = one.told;
        const after = planned(limiter === 'budget' ? { ...one, allowed: 1000 } : { ...one, told });
        for (const [name, plan] of before) {
          if (plan.reason !== reason) continue;
          const now = after.get(name)?.reason ?? assert.fail();
          // Those before it in the row may go now, and be what fills the next limit.
          assert.ok(now === 'update-next' || (now !== reason && now in HELD), `${name}: ${reason}, then ${now}`);
        }
      }
    }),
    { numRuns: 500 },
  );
});
