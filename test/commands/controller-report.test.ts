import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseControllerReport } from '../../src/status/controller-report.ts';

test('controller report: sentences longer than are shown → cut, with a sign; shorter ones as they are', () => {
  const long = 'x'.repeat(900);
  const refusal = { action: 'delete', code: 'rejected', count: 2, nodes: ['n1'] };
  const pace = { phase: 'steady', window: 4, reason: long, ratePerSecond: 1 };
  const refusals = [
    { ...refusal, message: long },
    { ...refusal, message: 'denied' },
  ];
  const workers = { setting: 2, source: 'flag', wanted: 2, actual: 2, reason: 'set', cpus: 2, decisions: [] };
  const rollouts = [{ daemonSet: 'edge/agent', allowed: 4, blocked: long, refused: 4, refusals, pace }];
  const parsed = parseControllerReport({ identity: 'node-a', isLeading: true, workers, lanes: [], rollouts });
  assert.ok(parsed.ok);
  const [told] = parsed.report.rollouts;
  const cut = `${'x'.repeat(300)}…`;
  assert.deepEqual([told?.pace.reason, told?.blocked], [cut, cut]);
  assert.deepEqual(
    told?.refusals?.map(({ message }) => message),
    [cut, 'denied'],
  );
});
