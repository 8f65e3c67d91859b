import assert from 'node:assert/strict';
import { test } from 'node:test';
import { autoLaneCount, parseLaneSetting } from '../../src/dispatch/lane-count.ts';

const settings: [string | number, number | 'auto' | undefined][] = [
  ['auto', 'auto'],
  ['1', 1],
  ['64', 64],
  [8, 8],
  [' 3 ', 3],
  ['0', undefined],
  ['65', undefined],
  ['-1', undefined],
  ['2.5', undefined],
  [2.5, undefined],
  ['1e1', undefined],
  ['', undefined],
  ['two', undefined],
  ['AUTO', undefined],
  ['99999999999999999999', undefined],
  [Number.NaN, undefined],
];
for (const [value, expected] of settings) {
  test(`lane setting: ${JSON.stringify(value)} → ${expected ?? 'refused'}`, () => {
    const result = parseLaneSetting(value, '--workers');
    if (expected !== undefined) assert.deepEqual(result, { code: 'valid', lanes: expected });
    else {
      assert.equal(result.code, 'invalid');
      const message = result.code === 'invalid' ? result.message : '';
      assert.ok(message.startsWith('--workers: ') && message.includes('from 1 to 64'), message);
      assert.ok(message.includes(String(value).slice(0, 40)), message);
    }
  });
}

const auto = [
  { cpus: 1, nodeCount: 10, lanes: 2 },
  { cpus: 0.5, nodeCount: 50_000, lanes: 2 },
  { cpus: 2, nodeCount: 50_000, lanes: 2 },
  { cpus: 4, nodeCount: 1000, lanes: 2 },
  { cpus: 4, nodeCount: 5000, lanes: 3 },
  { cpus: 4, nodeCount: 20_000, lanes: 3 },
  { cpus: 16, nodeCount: 20_000, lanes: 6 },
  { cpus: 64, nodeCount: 100_000, lanes: 8 },
  { cpus: 64, nodeCount: 0, lanes: 2 },
];
for (const { cpus, nodeCount, lanes } of auto) {
  test(`auto lane count: ${cpus} CPUs and ${nodeCount} nodes → ${lanes}`, () => {
    assert.equal(autoLaneCount({ cpus, nodeCount }), lanes);
  });
}
