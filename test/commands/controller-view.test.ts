import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ControllerReport, controllerLines } from '../../src/commands/controller-view.ts';

test('controller view: a rollout that adapts → window, rate, time each, phase and reason in one line; a line a lane', () => {
  const report: ControllerReport = {
    identity: 'node-a_1',
    isLeading: true,
    workers: { setting: 'auto', source: 'default', wanted: 2, actual: 2, reason: 'steady', cpus: 2, decisions: [] },
    lanes: [{ lane: 0, tasks: 12, inFlight: 1, utilization: 0.254, cpuMs: 3, heapBytes: 4, restarts: 0, queued: 7 }],
    rollouts: [
      {
        daemonSet: 'edge/agent',
        allowed: 200,
        pace: { phase: 'steady', window: 44, reason: 'more would only wait', ratePerSecond: 61.26, undisturbedMs: 420 },
      },
      {
        daemonSet: 'edge/other',
        allowed: 5,
        pace: { phase: 'idle', window: 5, reason: 'nothing to do', ratePerSecond: 0, undisturbedMs: undefined },
      },
    ],
  };
  const lines = controllerLines(report, 0);
  assert.equal(lines[0], 'controller node-a_1, leading');
  assert.equal(
    lines[1],
    '  edge/agent: 44 of 200 at once, 61.3 back a second, 0.4 s each (steady): more would only wait',
  );
  assert.equal(lines[2], '  edge/other: 5 of 5 at once, 0.0 back a second (idle): nothing to do');
  assert.equal(lines.at(-1), '  lane 0: 12 tasks, 7 queued, 25 % busy');
  assert.equal(controllerLines({ ...report, isLeading: false }, 0)[0], 'controller node-a_1, standing by');
});
