import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ControllerReport } from '../../src/status/controller-report.ts';
import type { LeaderStatus } from '../../src/status/leader-status.ts';
import { toldLimits } from '../../src/status/plan-limits.ts';

type Told = ControllerReport['rollouts'][number];

const PACE: Told['pace'] = {
  phase: 'steady',
  window: 44,
  reason: '44 of 200: 61 pods/s come back',
  ratePerSecond: 61,
};
const ROLLOUT: Told = { daemonSet: 'edge/agent', allowed: 200, pace: PACE };

function leader(
  rollouts: readonly Told[],
  changes: { rolloutsLeftOut?: number; isOutdated?: boolean } = {},
): LeaderStatus {
  const workers = { setting: 2, source: 'flag', wanted: 2, actual: 2, reason: 'set', cpus: 2, decisions: [] };
  const { rolloutsLeftOut = 0, isOutdated = false } = changes;
  const report = { identity: 'node-a', isLeading: true, workers, lanes: [], rollouts, rolloutsLeftOut };
  return { ok: true, report, ageMs: 75_000, isOutdated };
}

const REFUSED = { action: 'force-delete', code: 'rejected', count: 7, nodes: ['n1', 'n2'], message: 'no force here' };

const UNKNOWN = 'the pace is not known, so that fewer may go at once than the budget allows: ';
const ROWS: readonly { name: string; status: LeaderStatus; expected: Partial<ReturnType<typeof toldLimits>> }[] = [
  {
    name: 'a window smaller than the budget → it limits, and why',
    status: leader([{ ...ROLLOUT, daemonSet: 'edge/other', pace: { ...PACE, window: 1 } }, ROLLOUT]),
    expected: { window: 44, why: 'the pace lets 44 of them go at once: 44 of 200: 61 pods/s come back' },
  },
  {
    name: 'a window as large as the budget → nothing to say',
    status: leader([{ ...ROLLOUT, allowed: 44 }]),
    expected: {},
  },
  {
    name: 'nothing in flight → its window is one of the past',
    status: leader([{ ...ROLLOUT, pace: { ...PACE, phase: 'idle', window: 0 } }]),
    expected: {},
  },
  {
    name: 'writes are refused, nodes failed → said too, with what is known of them',
    status: leader([{ ...ROLLOUT, refused: 7, refusals: [REFUSED], failures: { 'stuck-terminating': 9 } }]),
    expected: {
      window: 44,
      failed: 9,
      failedAway: 0,
      why: 'the pace lets 44 of them go at once: 44 of 200: 61 pods/s come back',
      seen: [
        'failed nodes, as the controller has seen: 9 stuck-terminating; the event NodeUpdateFailed tells which',
        'the API server refuses to delete the stuck pod by force on 7 nodes (n1, n2 …), rejected: no force here',
      ],
    },
  },
  {
    name: 'refused on one node, by a leader that tells no more; the window is the budget → only that is said',
    status: leader([{ ...ROLLOUT, allowed: 44, refused: 1 }]),
    expected: {
      seen: [
        'the API server refuses writes to the pods of 1 node; the events WriteForbidden and WriteRejected tell why',
      ],
    },
  },
  {
    name: 'nothing new is decided → blocked, and why, and what it had seen before',
    status: leader([{ ...ROLLOUT, blocked: 'stale: nodes: failing for 75 s', failures: { 'crash-loop': 2 } }]),
    expected: {
      blocked: 'stale: nodes: failing for 75 s',
      why: 'the controller decides nothing new: stale: nodes: failing for 75 s',
      seen: ['failed nodes, as the controller has seen: 2 crash-loop; the event NodeUpdateFailed tells which'],
    },
  },
  {
    name: 'the lease cannot be read → said with the reason, nothing limits',
    status: { ok: false, message: 'lease edge/updater: not allowed to get leases' },
    expected: { why: `${UNKNOWN}lease edge/updater: not allowed to get leases` },
  },
  {
    name: 'older than the lease lasts → what it says is not used',
    status: leader([ROLLOUT], { isOutdated: true }),
    expected: { why: `${UNKNOWN}the controller was last heard of 75s ago, longer than its lease lasts` },
  },
  {
    name: 'not in a lease that has no room for all → said',
    status: leader([], { rolloutsLeftOut: 3 }),
    expected: { why: `${UNKNOWN}its lease has no room for all` },
  },
  {
    name: 'not in the lease → said',
    status: leader([]),
    expected: { why: `${UNKNOWN}the controller does not know of it yet` },
  },
];

for (const { name, status, expected } of ROWS) {
  test(`plan limits: ${name}`, () => {
    assert.deepEqual(toldLimits(status, 'edge/agent'), { why: undefined, seen: [], ...expected });
  });
}
