import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workersLines } from '../../src/commands/workers-view.ts';

const NOW_MS = Date.parse('2026-11-23T10:00:00.000Z');

test('workers: a report → setting, numbers, the reason in words, and decisions, latest first', () => {
  const lines = workersLines(
    {
      setting: 'auto',
      source: 'config-file',
      wanted: 4,
      actual: 3,
      reason: 'api-server',
      cpus: 2.5,
      decisions: [
        { at: '2026-11-23T07:00:00.000Z', from: 2, to: 2, reason: 'cluster' },
        { at: '2026-11-23T09:55:00.000Z', from: 2, to: 4, reason: 'lanes-busy' },
        { at: '2026-11-23T09:59:58.000Z', from: 4, to: 4, reason: 'api-server' },
      ],
    },
    NOW_MS,
  );
  assert.deepEqual(lines, [
    'setting  auto (config-file)',
    'wanted   4',
    'actual   3',
    'reason   api-server: work waits for the API server, not for threads',
    'CPUs     2.5',
    'decisions, latest first',
    '    2s ago  4        api-server',
    '    5m ago  2 → 4    lanes-busy',
    '    3h ago  2        cluster',
  ]);
});
