import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Summary } from './summary.ts';

test('summary: two scenarios → a table, then what each adds', () => {
  const summary = new Summary();
  const row = { tookMs: 12_345, deletedPods: 500, duplicates: 0, otherAnswers: '-', peak: 9, allowed: 10 };
  const recoveries = [3_000, 1_000, 2_000].map((recoveryMs) => ({ what: 'SIGKILL', recoveryMs }));
  summary.add({ ...row, scenario: 'controller killed', faults: '3 × SIGKILL', recoveries, notes: ['at random'] });
  summary.add({ ...row, scenario: 'quiet', faults: 'none', recoveries: [], notes: [] });
  assert.equal(
    summary.format(),
    [
      'scenario           faults       rollout took  pods deleted  twice  not accepted  unavailable  longest recovery',
      'controller killed  3 × SIGKILL  12.3 s        500           0      -             9 of 10      3.00 s',
      'quiet              none         12.3 s        500           0      -             9 of 10      -',
      '',
      'controller killed:',
      '  SIGKILL: recovered 3 times, after 1.00 s to 3.00 s, half of them within 2.00 s',
      '  at random',
      'quiet:',
    ].join('\n'),
  );
});
