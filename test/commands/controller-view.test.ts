import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controllerLines } from '../../src/commands/controller-view.ts';
import type { ControllerReport } from '../../src/status/controller-report.ts';

const REPORT: ControllerReport = {
  identity: 'node-a_1',
  isLeading: true,
  workers: { setting: 'auto', source: 'default', wanted: 2, actual: 2, reason: 'steady', cpus: 2, decisions: [] },
  lanes: [{ lane: 0, tasks: 12, queued: 7, utilization: 0.254 }],
  rollouts: [
    {
      daemonSet: 'edge/agent',
      strategy: 'AdvancedRollingUpdate',
      allowed: 200,
      pace: { phase: 'steady', window: 44, reason: 'more would only wait', ratePerSecond: 61.26, undisturbedMs: 420 },
    },
    {
      daemonSet: 'edge/other',
      allowed: 5,
      pace: { phase: 'idle', window: 0, reason: 'nothing is in flight', ratePerSecond: 0 },
    },
    {
      daemonSet: 'edge/marked',
      strategy: 'OTA',
      allowed: 5,
      pace: { phase: 'idle', window: 5, reason: 'nothing is in flight', ratePerSecond: 0 },
    },
  ],
  rolloutsLeftOut: 12,
};
const SEEN_DRY_RUN = {
  ok: true,
  report: { ...REPORT, isLeading: false, isDryRun: true },
  ageMs: 0,
  isOutdated: false,
} as const;
const SEEN = { ok: true, report: REPORT, ageMs: 2_400, isOutdated: false } as const;

test('trust 11: the report of a dry run → says that it is one', () => {
  assert.equal(
    controllerLines(SEEN_DRY_RUN, 0)[0],
    'controller node-a_1, a dry run, which writes nothing, as of 0s ago',
  );
});

test('trust 12: a paused rollout → paused in the place of its pace', () => {
  const rollouts = REPORT.rollouts
    .slice(0, 1)
    .map((each) => ({ ...each, isPaused: true, blocked: 'paused by the annotation x' }));
  const lines = controllerLines({ ...SEEN, report: { ...REPORT, rollouts, rolloutsLeftOut: 0 } }, 0);
  assert.match(lines[2] ?? '', /^edge\/agent +- +- +paused +paused by the annotation x$/);
});

test('trust 14: something else than the pace holds it → that is why, and as many at once as it lets', () => {
  const [first] = REPORT.rollouts;
  assert.ok(first !== undefined);
  const rowOf = (limits: Partial<typeof first>) => {
    const report = { ...REPORT, rollouts: [{ ...first, ...limits }], rolloutsLeftOut: 0 };
    return controllerLines({ ...SEEN, report }, 0)[2] ?? '';
  };
  assert.match(
    rowOf({ heldBy: 'max-in-flight', maxInFlight: 7 }),
    /^edge\/agent +7 of 200 +61\.3 +steady +as many .* --max-in-flight allows over all DaemonSets/,
  );
  assert.match(rowOf({ heldBy: 'failed-nodes' }), / 44 of 200 .* failed nodes fill the budget$/);
  assert.match(rowOf({ heldBy: 'a-later-limit' }), / a-later-limit$/);
  assert.match(rowOf({ heldBy: 'budget' }), / more would only wait$/);
});

test('controller view: a report → window, rate, pace and reason a rollout, but not under OTA; threads with reason; a line a thread', () => {
  assert.deepEqual(controllerLines(SEEN, 0), [
    'controller node-a_1, leading, as of 2s ago',
    'DAEMONSET   AT ONCE    REPLACED/S  PACE    WHY',
    'edge/agent  44 of 200  61.3        steady  more would only wait',
    'edge/other  -          -           idle    nothing is in flight',
    '… and 12 more, see the metrics',
    '',
    'worker threads  2',
    'setting         auto (the default)',
    'why             threads keep up (steady)',
    'CPUs            2',
    'latest decisions',
    '',
    'THREAD  TASKS DONE  QUEUED  BUSY',
    'lane-0          12       7  25 %',
  ]);
});

test('controller view: nothing new is decided about one, even under OTA → blocked, with why', () => {
  const rollouts = REPORT.rollouts.map((rollout) => ({ ...rollout, blocked: 'stale: nodes: failing for 75 s' }));
  const lines = controllerLines({ ...SEEN, report: { ...REPORT, rollouts } }, 0);
  assert.equal(lines[2], 'edge/agent   -        -           blocked  stale: nodes: failing for 75 s');
  assert.match(lines[4] ?? '', /^edge\/marked +- +- +blocked /);
});

test('controller view: 60 columns → why stands below its row, broken at spaces', () => {
  const [first] = REPORT.rollouts;
  assert.ok(first !== undefined);
  const reason = '44 of 200: 61 pods/s come back, 0.50 s each (0.42 s when none waits)';
  const rollouts = [{ ...first, pace: { ...first.pace, reason } }];
  assert.deepEqual(controllerLines({ ...SEEN, report: { ...REPORT, rollouts } }, 0, 60).slice(1, 5), [
    'DAEMONSET   AT ONCE    REPLACED/S  PACE',
    'edge/agent  44 of 200  61.3        steady',
    '  44 of 200: 61 pods/s come back, 0.50 s each (0.42 s when',
    '  none waits)',
  ]);
});

test('controller view: 40 columns → what is told of the controller is broken at spaces too', () => {
  const lines = controllerLines({ ok: false, message: 'lease edge/updater: not allowed to get leases' }, 0, 40);
  assert.deepEqual(lines, ['controller not reached: lease', '  edge/updater: not allowed to get', '  leases']);
  const [first, second] = controllerLines({ ...SEEN, ageMs: 200_000, isOutdated: true }, 0, 40);
  assert.deepEqual([first, second], ['controller node-a_1, last heard of', '  3m20s ago: longer than its lease']);
});

test('controller view: no rollout → no empty table', () => {
  const lines = controllerLines({ ...SEEN, report: { ...REPORT, rollouts: [], rolloutsLeftOut: 0, lanes: [] } }, 0);
  assert.deepEqual(lines.slice(0, 3), ['controller node-a_1, leading, as of 2s ago', '', 'worker threads  2']);
  assert.equal(lines.at(-1), 'latest decisions');
});

test('controller view: standing by, too old, not reached → says so', () => {
  const [standby] = controllerLines({ ...SEEN, report: { ...REPORT, isLeading: false } }, 0);
  assert.equal(standby, 'controller node-a_1, standing by, as of 2s ago');
  const [old] = controllerLines({ ...SEEN, ageMs: 200_000, isOutdated: true }, 0);
  assert.equal(
    old,
    'controller node-a_1, last heard of 3m20s ago: longer than its lease lasts, so it is gone, or a clock is wrong',
  );
  assert.deepEqual(controllerLines({ ok: false, message: 'no lease' }, 0), ['controller not reached: no lease']);
});
