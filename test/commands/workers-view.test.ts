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
    'worker threads  3, soon 4',
    'setting         auto (set in the config file)',
    'why             work waits for the API server, not for threads (api-server)',
    'CPUs            2.5',
    'latest decisions',
    '    2s ago  4       work waits for the API server, not for threads',
    '    5m ago  2 → 4   threads were busy and work waited for them',
    '    3h ago  2       for a cluster and a machine of this size',
  ]);
});

test('workers: a reason and a source of a newer version → shown as they are', () => {
  const workers = {
    setting: 3,
    source: 'toString',
    wanted: 3,
    actual: 3,
    reason: 'full-moon',
    cpus: 1 / 3,
    decisions: [],
  };
  assert.deepEqual(workersLines(workers, NOW_MS).slice(0, 4), [
    'worker threads  3',
    'setting         3 (toString)',
    'why             full-moon (full-moon)',
    'CPUs            0.33',
  ]);
});
