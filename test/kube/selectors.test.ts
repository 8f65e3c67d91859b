import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LabelSelector, SelectorRequirement } from '../../src/kube/records.ts';
import { labelSelectorQuery, matchesLabelSelector, matchesNodeRequirement } from '../../src/kube/selectors.ts';

function requirement(key: string, operator: string, ...values: string[]): SelectorRequirement {
  return Object.freeze({ key, operator, values });
}

function selector(matchLabels: Record<string, string>, ...matchExpressions: SelectorRequirement[]): LabelSelector {
  return Object.freeze({ matchLabels, matchExpressions });
}

const MATCHES = [
  { name: 'empty', by: selector({}), expected: true },
  { name: 'label equal', by: selector({ app: 'a' }), expected: true },
  { name: 'label differs', by: selector({ app: 'b' }), expected: false },
  { name: 'label absent', by: selector({ none: '' }), expected: false },
  { name: 'name of a method of objects', by: selector({}, requirement('constructor', 'Exists')), expected: false },
  { name: 'In', by: selector({}, requirement('app', 'In', 'x', 'a')), expected: true },
  { name: 'In, absent', by: selector({}, requirement('none', 'In', 'a')), expected: false },
  { name: 'NotIn', by: selector({}, requirement('app', 'NotIn', 'a')), expected: false },
  { name: 'NotIn, absent', by: selector({}, requirement('none', 'NotIn', 'a')), expected: true },
  { name: 'Exists', by: selector({}, requirement('app', 'Exists')), expected: true },
  { name: 'DoesNotExist', by: selector({}, requirement('app', 'DoesNotExist')), expected: false },
  { name: 'unknown operator', by: selector({}, requirement('app', 'Like', 'a')), expected: false },
  { name: 'one of two fails', by: selector({ app: 'a' }, requirement('tier', 'Exists')), expected: false },
] as const;

for (const { name, by, expected } of MATCHES) {
  test(`label selector: ${name} → ${expected}`, () => {
    assert.equal(matchesLabelSelector(by, Object.freeze({ app: 'a' })), expected);
  });
}

test('label selector query: requirements in any order → one sorted text', () => {
  const one = selector({ b: '2', a: '1' }, requirement('z', 'NotIn', 'q', 'p'), requirement('c', 'In', 'y', 'x', 'y'));
  const two = selector({ a: '1', b: '2' }, requirement('c', 'In', 'x', 'y'), requirement('z', 'NotIn', 'p', 'q'));
  assert.equal(labelSelectorQuery(one), 'a=1,b=2,c in (x,y),z notin (p,q)');
  assert.equal(labelSelectorQuery(two), labelSelectorQuery(one));
  const others = selector({}, requirement('k', 'Exists'), requirement('l', 'DoesNotExist'));
  assert.equal(labelSelectorQuery(others), '!l,k');
  assert.equal(labelSelectorQuery(selector({})), '');
});

test('label selector query: a requirement that is not valid → undefined', () => {
  assert.equal(labelSelectorQuery(selector({}, requirement('k', 'Gt', '1'))), undefined);
  assert.equal(labelSelectorQuery(selector({}, requirement('k', 'In'))), undefined);
});

const NODE_REQUIREMENTS = [
  { by: requirement('cpu', 'Gt', '7'), expected: true },
  { by: requirement('cpu', 'Gt', '8'), expected: false },
  { by: requirement('cpu', 'Lt', '9'), expected: true },
  { by: requirement('cpu', 'Lt', '8'), expected: false },
  { by: requirement('cpu', 'Gt', '+7'), expected: true },
  { by: requirement('cpu', 'Gt', '-9223372036854775808'), expected: true },
  { by: requirement('cpu', 'Gt', '-9223372036854775809'), expected: false },
  { by: requirement('cpu', 'Gt', '7.5'), expected: false },
  { by: requirement('cpu', 'Lt', ''), expected: false },
  { by: requirement('cpu', 'Gt', '1', '2'), expected: false },
  { by: requirement('cpu', 'Gt'), expected: false },
  { by: requirement('arch', 'Gt', '1'), expected: false },
  { by: requirement('none', 'Lt', '1'), expected: false },
  { by: requirement('arch', 'In', 'arm64'), expected: true },
] as const;

for (const { by, expected } of NODE_REQUIREMENTS) {
  test(`node requirement: ${by.key} ${by.operator} [${by.values}] on cpu=8, arch=arm64 → ${expected}`, () => {
    assert.equal(matchesNodeRequirement(by, Object.freeze({ cpu: '8', arch: 'arm64' })), expected);
  });
}
