import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseUpdatePolicy } from '../../src/kube/annotations.ts';

const STRATEGY = 'apps.openyurt.io/update-strategy';
const MAX = 'apps.openyurt.io/max-unavailable';

function parse(annotations: Record<string, string>, updateStrategyType = 'OnDelete') {
  return parseUpdatePolicy(Object.freeze({ annotations: Object.freeze(annotations), updateStrategyType }));
}

function policyOf(annotations: Record<string, string>) {
  const result = parse({ [STRATEGY]: 'AdvancedRollingUpdate', ...annotations });
  assert.ok(result.kind === 'policy');
  return result;
}

const STRATEGIES = [
  ['OTA', 'OTA'],
  ['ota', 'OTA'],
  ['AdvancedRollingUpdate', 'AdvancedRollingUpdate'],
  ['ADVANCEDROLLINGUPDATE', 'AdvancedRollingUpdate'],
  ['Auto', 'AdvancedRollingUpdate'],
  ['auto', 'AdvancedRollingUpdate'],
] as const;

for (const [value, strategy] of STRATEGIES) {
  test(`update policy: strategy ${value} → ${strategy}`, () => {
    const result = parse({ [STRATEGY]: value });
    assert.ok(result.kind === 'policy');
    assert.equal(result.policy.strategy, strategy);
    assert.deepEqual(result.problems, []);
  });
}

for (const value of ['', 'Rolling', 'OTA ', 'constructor', '__proto__']) {
  test(`update policy: strategy ${JSON.stringify(value)} → refused as unknown-strategy`, () => {
    const result = parse({ [STRATEGY]: value });
    assert.equal(result.kind === 'refused' && result.code, 'unknown-strategy');
  });
}

test('update policy: no annotation → not opted in, whatever the type', () => {
  assert.deepEqual(parse({ [MAX]: '3' }), { kind: 'not-opted-in' });
  assert.deepEqual(parse({}, 'RollingUpdate'), { kind: 'not-opted-in' });
});

test('update policy: opted in, but RollingUpdate → refused as not-on-delete', () => {
  const result = parse({ [STRATEGY]: 'OTA' }, 'RollingUpdate');
  assert.equal(result.kind === 'refused' && result.code, 'not-on-delete');
});

test('update policy: nothing else said → defaults', () => {
  assert.deepEqual(policyOf({}).policy, {
    strategy: 'AdvancedRollingUpdate',
    maxUnavailable: { unit: 'percent', value: 10 },
    pace: 'adaptive',
    progressDeadlineSeconds: 600,
    isForceDeleteStuck: false,
    isPaused: false,
    skipsCordoned: false,
  });
});

const TEN_PERCENT = { unit: 'percent', value: 10 } as const;
const MAX_ROWS = [
  { value: '3', expected: { unit: 'count', value: 3 }, code: undefined },
  { value: '25%', expected: { unit: 'percent', value: 25 }, code: undefined },
  { value: '0', expected: TEN_PERCENT, code: 'zero' },
  { value: '0%', expected: TEN_PERCENT, code: 'zero' },
  { value: '-00%', expected: TEN_PERCENT, code: 'zero' },
  { value: 'many', expected: TEN_PERCENT, code: 'malformed' },
  { value: '', expected: TEN_PERCENT, code: 'malformed' },
  { value: '-3', expected: TEN_PERCENT, code: 'negative' },
  { value: '150%', expected: TEN_PERCENT, code: 'over-100-percent' },
] as const;

for (const { value, expected, code } of MAX_ROWS) {
  test(`update policy: max-unavailable ${JSON.stringify(value)} → ${expected.value} ${expected.unit}, ${code}`, () => {
    const { policy, problems } = policyOf({ [MAX]: value });
    assert.deepEqual(policy.maxUnavailable, expected);
    assert.deepEqual(
      problems.map((problem) => [problem.code, problem.annotation]),
      code === undefined ? [] : [[code, MAX]],
    );
  });
}

test('trust 10: max-unavailable 0 → told that it holds nothing, what is used, and what does hold', () => {
  for (const value of ['0', '0%']) {
    const [problem] = policyOf({ [MAX]: value }).problems;
    assert.match(
      problem?.message ?? '',
      /^"0%?" does not hold the rollout, 10% is used; .*daemonpodupdater.io\/paused to "true"$/,
    );
  }
});

test('update policy: own annotations → read; malformed ones reported, defaults used', () => {
  const good = policyOf({
    'daemonpodupdater.io/pace': 'max',
    'daemonpodupdater.io/progress-deadline-seconds': '60',
    'daemonpodupdater.io/force-delete-stuck': 'true',
  });
  assert.equal(good.policy.pace, 'max');
  assert.equal(good.policy.progressDeadlineSeconds, 60);
  assert.equal(good.policy.isForceDeleteStuck, true);
  const bad = policyOf({
    'daemonpodupdater.io/pace': 'fast',
    'daemonpodupdater.io/progress-deadline-seconds': '0',
    'daemonpodupdater.io/force-delete-stuck': 'yes',
  });
  assert.deepEqual(bad.policy, policyOf({}).policy);
  assert.deepEqual(
    bad.problems.map(({ code }) => code),
    ['malformed', 'out-of-range', 'malformed'],
  );
  assert.equal(policyOf({ 'daemonpodupdater.io/progress-deadline-seconds': '1m' }).problems[0]?.code, 'malformed');
});

test('update policy: a value of 200 KiB → messages stay short', () => {
  const long = 'x'.repeat(200_000);
  const refused = parse({ [STRATEGY]: long });
  assert.ok(refused.kind === 'refused' && refused.message.length < 300);
  const [problem] = policyOf({ [MAX]: long }).problems;
  assert.ok(problem !== undefined && problem.message.length < 300 && problem.value.length < 300);
});

const PAUSED_ROWS = [
  { value: 'true', isPaused: true, code: undefined },
  { value: 'false', isPaused: false, code: undefined },
  { value: 'yes', isPaused: true, code: 'malformed' },
  { value: 'True', isPaused: true, code: 'malformed' },
  { value: 'no', isPaused: true, code: 'malformed' },
  { value: '', isPaused: true, code: 'malformed' },
] as const;

for (const { value, isPaused, code } of PAUSED_ROWS) {
  test(`trust 12: paused ${JSON.stringify(value)} → paused ${isPaused}, ${code}: what cannot be understood holds the rollout`, () => {
    const { policy, problems } = policyOf({ 'daemonpodupdater.io/paused': value });
    assert.equal(policy.isPaused, isPaused);
    assert.deepEqual(
      problems.map((problem) => [problem.code, problem.annotation]),
      code === undefined ? [] : [[code, 'daemonpodupdater.io/paused']],
    );
  });
}
