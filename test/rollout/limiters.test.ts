import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LIMITERS, type LimitReason, limiterOf } from '../../src/rollout/limits/chain.ts';
import type { Ledger } from '../../src/rollout/limits/ledger.ts';
import type { NodePlan, PlanLimits } from '../../src/rollout/plan.ts';
import { budget, cluster, daemonSet, node, pod, syncedRollout, T0 } from './records.ts';

const NO_LIMIT = Number.POSITIVE_INFINITY;
const UNLIMITED: Ledger = {
  ...{ allowed: 1000, unavailable: 0, reserved: 0, inFlight: 0, occupied: 0, failed: 0 },
  ...{ perDaemonSet: NO_LIMIT, overAll: NO_LIMIT, pace: NO_LIMIT },
  tries: { delete: NO_LIMIT, 'force-delete': NO_LIMIT, mark: NO_LIMIT },
};

/** The same, were that one limiter not there. */
function lifted(limiter: LimitReason, ledger: Ledger): Ledger {
  const { failed, occupied, unavailable } = ledger;
  switch (limiter) {
    case 'failed-nodes':
      return { ...ledger, failed: 0, occupied: occupied - failed, unavailable: unavailable - failed };
    case 'budget':
      return { ...ledger, allowed: 1000 };
    case 'max-in-flight-per-daemonset':
      return { ...ledger, perDaemonSet: NO_LIMIT };
    case 'max-in-flight':
      return { ...ledger, overAll: NO_LIMIT };
    case 'pace':
      return { ...ledger, pace: NO_LIMIT };
    case 'refusals':
      return { ...ledger, tries: UNLIMITED.tries };
  }
}

const small = fc.integer({ min: 0, max: 6 });
const limit = fc.oneof(small, fc.constant(NO_LIMIT));
const ledgers = fc
  .record({
    ...{ allowed: fc.integer({ min: 1, max: 6 }), failed: small, moving: small, down: small, reserved: small },
    ...{ perDaemonSet: limit, overAll: limit, pace: limit },
    tries: fc.record({ delete: limit, 'force-delete': limit, mark: limit }),
  })
  .map(({ moving, down, ...ledger }): Ledger => {
    const { failed } = ledger;
    return { ...ledger, inFlight: moving, occupied: failed + moving, unavailable: failed + down };
  });
const kinds = fc.constantFrom('unavailable', 'available', 'force', 'mark');

test('trust 14: limiters: any use and limits → lifting the one that is named lets the node go or names one that is asked later', () => {
  const place = (reason: LimitReason) => LIMITERS.findIndex((limiter) => limiter.reason === reason);
  fc.assert(
    fc.property(kinds, ledgers, (kind, ledger) => {
      const named = limiterOf(kind, ledger)?.reason;
      if (named === undefined) return;
      const next = limiterOf(kind, lifted(named, ledger))?.reason;
      if (next === undefined) return;
      assert.ok(place(next) > place(named), `${named}, then ${next}`);
    }),
    { numRuns: 2000 },
  );
});

const NO_TRIES = { ...UNLIMITED.tries, delete: 0 };
const TABLE: readonly [what: string, ledger: Partial<Ledger>, answer: string | undefined][] = [
  ['nothing is in the way', {}, undefined],
  ['all places are failed nodes', { allowed: 3, failed: 3, occupied: 3, unavailable: 3 }, 'failed-nodes'],
  ['the others are on their way', { allowed: 3, failed: 2, inFlight: 1, occupied: 3, unavailable: 3 }, 'budget'],
  [
    'the others are broken and nothing is on its way',
    { allowed: 3, failed: 2, occupied: 2, unavailable: 3 },
    'failed-nodes',
  ],
  ['the others alone are too many', { allowed: 3, failed: 1, occupied: 1, unavailable: 4 }, 'budget'],
  ['asked, and not down yet', { allowed: 3, reserved: 3, inFlight: 3, occupied: 3 }, 'budget'],
  [
    'the limit on one',
    { inFlight: 2, perDaemonSet: 2, overAll: 2, pace: 2, tries: NO_TRIES },
    'max-in-flight-per-daemonset',
  ],
  ['the limit over all', { inFlight: 2, overAll: 2, pace: 2, tries: NO_TRIES }, 'max-in-flight'],
  ['the pace', { inFlight: 2, pace: 2, tries: NO_TRIES }, 'pace'],
  ['all are refused', { inFlight: 2, tries: NO_TRIES }, 'refusals'],
];
for (const [what, ledger, answer] of TABLE) {
  test(`trust 14: limiters: ${what} → ${answer ?? 'go'}`, () => {
    assert.equal(limiterOf('available', { ...UNLIMITED, ...ledger })?.reason, answer);
  });
}

test('trust 14: limiters: marks and forced deletions take no place → held by their own refusals alone', () => {
  const full = {
    ...UNLIMITED,
    allowed: 1,
    occupied: 1,
    failed: 1,
    unavailable: 1,
    perDaemonSet: 0,
    overAll: 0,
    pace: 0,
  };
  for (const [kind, action] of [
    ['mark', 'mark'],
    ['force', 'force-delete'],
  ] as const) {
    assert.equal(limiterOf(kind, full)?.reason, undefined);
    assert.equal(limiterOf(kind, { ...full, tries: { ...UNLIMITED.tries, [action]: 0 } })?.reason, 'refusals');
    assert.equal(limiterOf(kind, { ...full, tries: { ...NO_TRIES } })?.reason, undefined);
  }
});

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
