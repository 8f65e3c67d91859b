import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIntOrPercent, parseIntOrPercent, scaleIntOrPercent } from '../../src/kube/int-or-percent.ts';

const GOOD = [
  { input: '10%', unit: 'percent', value: 10 },
  { input: '0%', unit: 'percent', value: 0 },
  { input: '100%', unit: 'percent', value: 100 },
  { input: '5', unit: 'count', value: 5 },
  { input: 5, unit: 'count', value: 5 },
  { input: '+7', unit: 'count', value: 7 },
  { input: '-0', unit: 'count', value: 0 },
  { input: '007', unit: 'count', value: 7 },
  { input: '2147483647', unit: 'count', value: 2147483647 },
] as const;

for (const { input, unit, value } of GOOD) {
  test(`int or percent: ${JSON.stringify(input)} → ${value} ${unit}`, () => {
    assert.deepEqual(parseIntOrPercent(input), { ok: true, value: { unit, value } });
  });
}

const BAD = [
  { input: '', code: 'malformed' },
  { input: 'ten', code: 'malformed' },
  { input: '10 %', code: 'malformed' },
  { input: ' 10%', code: 'malformed' },
  { input: '10%%', code: 'malformed' },
  { input: '%', code: 'malformed' },
  { input: '1.5', code: 'malformed' },
  { input: '1e3', code: 'malformed' },
  { input: '10\n', code: 'malformed' },
  { input: 1.5, code: 'malformed' },
  { input: Number.NaN, code: 'malformed' },
  { input: '2147483648', code: 'malformed' },
  { input: '-1', code: 'negative' },
  { input: '-10%', code: 'negative' },
  { input: '101%', code: 'over-100-percent' },
  { input: '99999999999999999999%', code: 'over-100-percent' },
] as const;

for (const { input, code } of BAD) {
  test(`int or percent: ${JSON.stringify(input)} → ${code}`, () => {
    const result = parseIntOrPercent(input);
    assert.equal(result.ok, false);
    assert.equal(result.ok ? '' : result.code, code);
  });
}

test('int or percent: a percentage of a total → rounds up, exactly', () => {
  const rows = [
    ['10%', 10, 1],
    ['10%', 11, 2],
    ['10%', 1, 1],
    ['10%', 0, 0],
    ['7%', 100, 7],
    ['29%', 100, 29],
    ['100%', 3, 3],
    ['5', 3, 5],
  ] as const;
  for (const [text, total, expected] of rows) {
    const result = parseIntOrPercent(text);
    assert.ok(result.ok);
    assert.equal(scaleIntOrPercent(result.value, total), expected, `${text} of ${total}`);
  }
});

test('int or percent: any text → a value that prints to itself, or an error with a short message', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[+-]?\d{0,12}%?$/)), (text) => {
      const result = parseIntOrPercent(text);
      if (result.ok) assert.deepEqual(parseIntOrPercent(formatIntOrPercent(result.value)), result);
      else assert.ok(result.message.length < 120);
    }),
  );
});
