import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeNote, encodeNote, NOTE_BYTES_MAX, type NotedReport } from '../../src/status/leader-note.ts';
import { runs } from '../runs.ts';

type NotedRollout = NotedReport['rollouts'][number];

function rollout(daemonSet: string, changes: Partial<NotedRollout> = {}): NotedRollout {
  const pace = {
    phase: 'steady',
    window: 44,
    reason: '44 of 200: 61 pods/s come back, 0.50 s each (0.42 s when none waits)',
    ratePerSecond: 61.2345,
    undisturbedMs: 420.4,
  };
  return { daemonSet, strategy: 'AdvancedRollingUpdate', allowed: 200, inFlight: 1, waiting: 0, pace, ...changes };
}

const DECISION = { at: '2026-11-23T10:00:00.000Z', from: 2, to: 4, reason: 'lanes-busy' };
const REPORT: NotedReport = {
  identity: 'node-a_1',
  workers: {
    setting: 'auto',
    source: 'default',
    wanted: 4,
    actual: 4,
    reason: 'steady',
    cpus: 2.5,
    decisions: [DECISION],
  },
  lanes: [{ lane: 0, tasks: 12, queued: 7, utilization: 0.25432 }],
  rollouts: [rollout('edge/agent')],
};

test('note: written and read → threads, rates and reasons as they were, figures rounded', () => {
  const decoded = decodeNote(encodeNote(REPORT), 'node-a_1');
  const { inFlight: _, waiting: __, strategy: ___, ...kept } = rollout('edge/agent');
  assert.deepEqual(decoded, {
    ok: true,
    report: {
      ...REPORT,
      isLeading: true,
      lanes: [{ lane: 0, tasks: 12, queued: 7, utilization: 0.25 }],
      rollouts: [{ ...kept, pace: { ...kept.pace, ratePerSecond: 61.23, undisturbedMs: 420 } }],
      rolloutsLeftOut: 0,
    },
  });
});

test('note: nothing new is decided about a rollout → told with why, shortened, also under OTA', () => {
  const blocked = `stale: nodes: ${'x'.repeat(500)}`;
  const rollouts = [rollout('edge/agent'), rollout('edge/marked', { strategy: 'OTA', blocked })];
  const decoded = decodeNote(encodeNote({ ...REPORT, rollouts }), 'node-a_1');
  assert.ok(decoded.ok);
  const told = decoded.report.rollouts.map(({ daemonSet, blocked: why }) => [daemonSet, why]);
  assert.deepEqual(told, [
    ['edge/agent', undefined],
    ['edge/marked', `${blocked.slice(0, 200)}…`],
  ]);
});

test('note: failed, refused and repeated nodes → told with their numbers, refusals shortened; zeros cost nothing', () => {
  const refusal = { action: 'force-delete', code: 'rejected', count: 9, nodes: ['n1', 'n2', 'n3', 'n4', 'n5'] };
  const refusals = Array.from({ length: 5 }, () => ({ ...refusal, message: 'x'.repeat(400) }));
  const troubled = { refused: 2, repeated: 1, failures: { 'crash-loop': 3 }, refusals };
  const none = { refused: 0, repeated: 0, failures: {}, refusals: [] };
  const text = encodeNote({ ...REPORT, rollouts: [rollout('edge/agent', troubled), rollout('edge/fine', none)] });
  assert.doesNotMatch(text, /"(?:refused|repeated)":0|"failures":\{\}|"refusals":\[\]/);
  const decoded = decodeNote(text, 'node-a_1');
  assert.ok(decoded.ok);
  const [{ refused, repeated, failures, refusals: told } = {}] = decoded.report
    .rollouts as readonly Partial<NotedRollout>[];
  const short = { ...refusal, nodes: ['n1', 'n2', 'n3'], message: `${'x'.repeat(200)}…` };
  assert.deepEqual({ refused, repeated, failures, refusals: told }, { ...troubled, refusals: [short, short, short] });
});

test('note: the same is refused of all, more words than there is room for → all with their numbers, the first with words', () => {
  const refusals = [{ action: 'delete', code: 'forbidden', count: 9, nodes: ['n1'], message: 'x'.repeat(300) }];
  const names = Array.from({ length: 30 }, (_, index) => `edge/agent-${String(index).padStart(2, '0')}`);
  const text = encodeNote({ ...REPORT, rollouts: names.map((name) => rollout(name, { refused: 9, refusals })) });
  const decoded = decodeNote(text, 'node-a_1');
  assert.ok(decoded.ok);
  const { rollouts, rolloutsLeftOut } = decoded.report;
  assert.deepEqual([rollouts.length, rolloutsLeftOut], [30, 0]);
  assert.ok(rollouts.every(({ refused }) => refused === 9));
  const worded = rollouts.flatMap(({ refusals: told }, index) => (told === undefined ? [] : [index]));
  assert.deepEqual(
    worded,
    worded.map((_, index) => index),
  );
  assert.ok(worded.length >= 3, `${worded.length}`);
});

test('note: marks are refused → told, though there is no pace under OTA', () => {
  const rollouts = [rollout('edge/marked', { strategy: 'OTA', refused: 4 }), rollout('edge/fine', { strategy: 'OTA' })];
  const decoded = decodeNote(encodeNote({ ...REPORT, rollouts }), 'node-a_1');
  assert.ok(decoded.ok);
  const told = decoded.report.rollouts.map(({ daemonSet, strategy, refused }) => [daemonSet, strategy, refused]);
  assert.deepEqual(told, [['edge/marked', 'OTA', 4]]);
});

test('note: more rollouts than it may hold → those that go on or are blocked first, then by name, and a count of the rest; none under OTA', () => {
  const idle = { inFlight: 0, waiting: 0 };
  const rollouts = [
    ...Array.from({ length: 40 }, (_, index) => rollout(`edge/idle-${String(index).padStart(2, '0')}`, idle)),
    rollout('edge/marked', { strategy: 'OTA' }),
    rollout('edge/z-waiting', { inFlight: 0, waiting: 3 }),
    rollout('edge/y-in-flight', { inFlight: 3 }),
    rollout('edge/x-blocked', { ...idle, blocked: 'stale: nodes' }),
  ];
  const decoded = decodeNote(encodeNote({ ...REPORT, rollouts }), 'node-a_1');
  assert.ok(decoded.ok);
  const names = decoded.report.rollouts.map(({ daemonSet }) => daemonSet);
  assert.deepEqual(names.slice(0, 4), ['edge/x-blocked', 'edge/y-in-flight', 'edge/z-waiting', 'edge/idle-00']);
  assert.equal(names.length, 30);
  assert.equal(decoded.report.rolloutsLeftOut, 13);
});

test('note: the largest names, texts and numbers there can be → within the bound, and readable', () => {
  const size = fc.nat({ max: Number.MAX_SAFE_INTEGER });
  const anyRollout = fc.record({
    daemonSet: fc.string({ minLength: 200, maxLength: 317, unit: fc.constantFrom('a', '-', 'é') }),
    allowed: size,
    inFlight: size,
    waiting: size,
    refused: size,
    refusals: fc.array(
      fc.record({
        action: fc.constant('force-delete'),
        code: fc.constant('rejected'),
        count: size,
        nodes: fc.array(fc.string({ minLength: 200, maxLength: 253 }), { minLength: 5, maxLength: 5 }),
        message: fc.string({ minLength: 200, maxLength: 4000, size: 'max', unit: fc.constantFrom('a', 'é', '"') }),
      }),
      { maxLength: 6 },
    ),
    pace: fc.record({
      phase: fc.constant('steady'),
      window: size,
      reason: fc.string({ maxLength: 400 }),
      ratePerSecond: fc.double({ min: 0, max: 1e9, noNaN: true }),
      undisturbedMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
    }),
  });
  const anyLane = fc.record({
    lane: fc.nat(64),
    tasks: size,
    queued: size,
    utilization: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(
      fc.array(anyRollout, { maxLength: 60, size: 'max' }),
      fc.array(anyLane, { maxLength: 64, size: 'max' }),
      (rollouts, lanes) => {
        const workers = { ...REPORT.workers, decisions: Array.from({ length: 20 }, () => DECISION) };
        const text = encodeNote({ ...REPORT, workers, rollouts, lanes });
        assert.ok(Buffer.byteLength(text) <= NOTE_BYTES_MAX, `${Buffer.byteLength(text)} bytes`);
        const decoded = decodeNote(text, 'node-a_1');
        assert.ok(decoded.ok, JSON.stringify(decoded));
        assert.equal(decoded.report.rollouts.length + decoded.report.rolloutsLeftOut, rollouts.length);
        assert.equal(decoded.report.lanes.length, lanes.length);
      },
    ),
    { numRuns: runs(20), endOnFailure: true },
  );
});

const good = JSON.parse(encodeNote(REPORT));
const unusable: readonly { name: string; text: string | undefined; says: RegExp }[] = [
  { name: 'none', text: undefined, says: /says nothing about itself: it has just begun, / },
  { name: 'not JSON', text: '{"v":1', says: /is not JSON/ },
  { name: 'a number', text: '7', says: /is not JSON/ },
  { name: 'of a later version', text: JSON.stringify({ ...good, v: 2 }), says: /of another version/ },
  { name: 'without a version', text: '{}', says: /of another version/ },
  { name: 'without threads', text: JSON.stringify({ ...good, workers: undefined }), says: /cannot be read: workers: / },
  {
    name: 'with a negative number',
    text: JSON.stringify({ ...good, lanes: [{ ...good.lanes[0], queued: -1 }] }),
    says: /lanes\.0\.queued/,
  },
  {
    name: 'with a date that is none',
    text: JSON.stringify({ ...good, workers: { ...good.workers, decisions: [{ ...DECISION, at: 'now' }] } }),
    says: /decisions\.0\.at/,
  },
  {
    name: 'of an earlier leader',
    text: JSON.stringify({ ...good, identity: 'node-b_2' }),
    says: /said by an earlier leader/,
  },
  { name: 'endless', text: JSON.stringify({ ...good, more: 'x'.repeat(20_000) }), says: /is too long/ },
];
for (const { name, text, says } of unusable) {
  test(`note: ${name} → refused, and says why`, () => {
    const decoded = decodeNote(text, 'node-a_1');
    assert.ok(!decoded.ok);
    assert.match(decoded.message, says);
  });
}

test('note: fields that it does not know, and texts that drive a terminal → left out, and made harmless', () => {
  const pace = { ...good.rollouts[0].pace, reason: '\u001b[2Jall\nis\u202e well', phase: 'new-phase' };
  const refusal = {
    action: 'delete\u009b',
    code: '\u001b[7mrejected',
    count: 1,
    nodes: ['n\n1'],
    message: '\u001b]0;x\u0007no\u2028',
  };
  const told = { ...good.rollouts[0], pace, later: 1, refused: 1, refusals: [refusal] };
  const text = JSON.stringify({ ...good, later: 1, rollouts: [told] });
  const decoded = decodeNote(text, 'node-a_1');
  assert.ok(decoded.ok);
  assert.equal(decoded.report.rollouts[0]?.pace.reason, '[2Jall is well');
  assert.equal(decoded.report.rollouts[0]?.pace.phase, 'new-phase');
  assert.ok(!('later' in decoded.report));
  assert.deepEqual(decoded.report.rollouts[0]?.refusals, [
    { action: 'delete', code: '[7mrejected', count: 1, nodes: ['n 1'], message: ']0;x no' },
  ]);
});
