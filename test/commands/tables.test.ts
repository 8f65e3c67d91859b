import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  fitTable,
  formatTable,
  type PlanRow,
  planTable,
  type StatusRow,
  statusTable,
} from '../../src/commands/tables.ts';
import { formatAge } from '../../src/status/words.ts';

function planRow(node: string, state: string, reason: string): PlanRow {
  return { node, pod: `agent-${node}`, revision: '5f887fbb94', state, reason };
}

test('plan table: several states → counts first, then rows grouped, the smallest group first', () => {
  const rows = [
    planRow('n1', 'next', 'within the budget'),
    planRow('n2', 'waiting', 'the budget is full'),
    planRow('n3', 'waiting', 'the budget is full'),
    { ...planRow('n4', 'skipped', 'node is NotReady'), pod: '', revision: '' },
  ];
  assert.deepEqual(planTable(rows), [
    'NODES  STATE    REASON',
    '    1  next     within the budget',
    '    1  skipped  node is NotReady',
    '    2  waiting  the budget is full',
    '',
    'NODE  POD       REVISION    STATE    REASON',
    'n1    agent-n1  5f887fbb94  next     within the budget',
    'n4    -         -           skipped  node is NotReady',
    'n2    agent-n2  5f887fbb94  waiting  the budget is full',
    'n3    agent-n3  5f887fbb94  waiting  the budget is full',
  ]);
});

test('trust 14: kubelets refuse pods, each in its own words → one group, each row with the words of its own', () => {
  const row = (node: string, used: number) =>
    planRow(node, 'failed', `the pod is Failed: OutOfcpu, as the kubelet says: "used: ${used}"; it is replaced`);
  const [, summary, , , first, second] = planTable([row('n1', 700), row('n2', 800)]);
  assert.match(summary ?? '', /^ +2 {2}failed {2}the pod is Failed: OutOfcpu; it is replaced$/);
  assert.match(first ?? '', /used: 700/);
  assert.match(second ?? '', /used: 800/);
});

test('plan table: the same reason for different times → one group, each row with its own time', () => {
  const row = (node: string, seconds: number) =>
    planRow(
      node,
      'failed',
      `the pod is leaving (${seconds} s, progress deadline 600 s); denied (${seconds % 60} s, then once more)`,
    );
  const [, summary, , , first, second] = planTable([row('n1', 700), row('n2', 800)]);
  assert.equal(summary, '    2  failed  the pod is leaving; denied');
  assert.match(first ?? '', /^n1 .*\(700 s, /);
  assert.match(second ?? '', /^n2 .*\(800 s, /);
});

test('plan table: a long group → cut, and says how to see all', () => {
  const rows = Array.from({ length: 1432 }, (_, index) => planRow(`n${index}`, 'waiting', 'the budget is full'));
  const lines = planTable([...rows, planRow('x', 'next', 'now')]);
  assert.equal(lines.at(-1), '… and 1,412 more, --output json shows all');
  assert.equal(lines.length, 3 + 1 + 1 + 1 + 20 + 1);
});

test('plan table: nothing → says so', () => {
  assert.deepEqual(planTable([]), ['No node should run this DaemonSet.']);
});

const STATUS: StatusRow = {
  namespace: 'edge',
  name: 'agent',
  strategy: 'OTA',
  revision: '5f887fbb94',
  eligible: 1000,
  updated: 512,
  available: 987,
  unavailable: 10,
  allowed: 100,
  notReady: 3,
  failed: 0,
  state: '3m20s so far',
};

test('status table: two rollouts → aligned, numbers to the right; OTA has no bound', () => {
  assert.deepEqual(
    statusTable([STATUS, { ...STATUS, name: 'a-longer-name', updated: 5, allowed: undefined, state: 'done' }]),
    [
      'NAMESPACE  NAME           STRATEGY  REVISION    NODES  UPDATED  AVAILABLE  UNAVAILABLE    NOTREADY  FAILED  STATE',
      'edge       agent          OTA       5f887fbb94   1000      512        987  10 of max 100         3       0  3m20s so far',
      'edge       a-longer-name  OTA       5f887fbb94   1000        5        987  10                    3       0  done',
    ],
  );
});

const WIDE: readonly StatusRow[] = [
  { ...STATUS, strategy: 'AdvancedRollingUpdate', state: '3m20s so far, about 12m left' },
  { ...STATUS, name: 'a-longer-name', allowed: undefined, state: 'done' },
];

test('status table: 100 columns → without the strategy and what can be worked out', () => {
  assert.deepEqual(statusTable(WIDE, 100), [
    'NAMESPACE  NAME           NODES  UPDATED  UNAVAILABLE    FAILED  STATE',
    'edge       agent           1000      512  10 of max 100       0  3m20s so far, about 12m left',
    'edge       a-longer-name   1000      512  10                  0  done',
  ]);
});

test('status table: 80 columns → all columns that fit, and the state below them', () => {
  assert.deepEqual(statusTable(WIDE, 80), [
    'NAMESPACE  NAME           NODES  UPDATED  UNAVAILABLE    NOTREADY  FAILED',
    'edge       agent           1000      512  10 of max 100         3       0',
    '  3m20s so far, about 12m left',
    'edge       a-longer-name   1000      512  10                    3       0',
    '  done',
  ]);
});

test('table: any width → no line is longer than what can be made, and nothing is lost that is not spare', () => {
  const cell = fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom('a', 'b', 'ö', '点') });
  const words = fc.array(cell, { minLength: 1, maxLength: 12 }).map((all) => all.join(' '));
  const rows = fc.array(fc.tuple(cell, cell, cell, words), { maxLength: 5 });
  fc.assert(
    fc.property(rows, fc.integer({ min: 40, max: 120 }), (given, widthMax) => {
      const lines = fitTable({ header: ['A', 'B', 'C', 'WHY'], rows: given, spare: ['B', 'C'] }, widthMax);
      assert.ok(lines.every((line) => line.length + line.split('点').length - 1 <= widthMax));
      const told = lines.join(' ').split(/ +/);
      for (const [first, , , why] of given)
        for (const word of [first, ...why.split(' ')]) assert.ok(told.includes(word));
    }),
  );
});

test('table: cells with characters of two columns and of none → the next column begins where it should', () => {
  assert.deepEqual(
    formatTable(
      ['NODE', 'STATE'],
      [
        ['节点', 'a'],
        ['e\u0301e\u0301', 'b'],
        ['👩‍🚀', 'c'],
      ],
    ),
    ['NODE  STATE', '节点  a', 'e\u0301e\u0301    b', '👩‍🚀    c'],
  );
});

test('status table: very many → cut, and says so', () => {
  const lines = statusTable(Array.from({ length: 612 }, () => STATUS));
  assert.equal(lines.at(-1), '… and 412 more, --output json shows all');
});

test('table: characters beyond ASCII → a column each', () => {
  assert.deepEqual(formatTable(['A', 'B'], [['ä…', 1]]), ['A   B', 'ä…  1']);
});

test('age: → as kubectl shows it', () => {
  const ages = [-5, 0, 119_000, 120_000, 200_000, 660_000, 10_740_000, 10_800_000, 172_800_000];
  assert.deepEqual(ages.map(formatAge), ['0s', '0s', '119s', '2m', '3m20s', '11m', '179m', '3h', '2d']);
});
