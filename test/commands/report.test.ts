import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingsOf } from '../../src/commands/simulation/findings.ts';
import {
  type Findings,
  problemsOf,
  type ReportContext,
  renderReport,
  reportOf,
} from '../../src/commands/view/report.ts';

const CONTEXT: ReportContext = { end: 'completed', isOta: false, daemonSetCount: 1 };

const FINDINGS: Findings = {
  seed: 7,
  nodes: 1000,
  eligible: 1000,
  updated: 970,
  skippedNotReady: 30,
  failed: 0,
  maxUnavailable: { allowed: 100, peak: 100 },
  unavailablePodSeconds: 1234.56,
  writes: { deletes: 970, patches: 0 },
  duplicateWrites: 0,
  orderViolations: 0,
  wallSeconds: 24.12345,
  lanes: [
    { lane: 0, tasks: 500 },
    { lane: 1, tasks: 470 },
  ],
};

test('trust 16: report: json → exactly the documented keys, in their order', () => {
  assert.equal(
    JSON.stringify(reportOf(FINDINGS, CONTEXT)),
    '{"apiVersion":"daemonpodupdater.io/v1alpha1","kind":"SimulationReport","seed":7,"nodes":1000,"eligible":1000,"updated":970,"skippedNotReady":30,"failed":0,"maxUnavailable":{"allowed":100,"peak":100},"unavailablePodSeconds":1234.6,"writes":{"deletes":970,"patches":0},"duplicateWrites":0,"orderViolations":0,"wallSeconds":24.123,"lanes":[{"lane":0,"tasks":500},{"lane":1,"tasks":470}],"ok":true,"end":"completed","reasons":[]}',
  );
});

const verdicts: readonly {
  name: string;
  findings?: Partial<Findings>;
  context?: Partial<ReportContext>;
  problems: readonly string[];
  codes?: readonly string[];
}[] = [
  { name: 'all well', problems: [] },
  { name: 'one node missing', findings: { updated: 969 }, problems: ['1 node is not updated'], codes: ['not-updated'] },
  {
    name: 'failed nodes',
    findings: { updated: 960, failed: 10 },
    context: { end: 'stalled' },
    problems: ['10 nodes are not updated: the new pod does not become available'],
    codes: ['failed-nodes'],
  },
  {
    name: 'failed nodes that use the budget up',
    findings: { updated: 500, failed: 100 },
    context: { end: 'stalled' },
    problems: [
      '470 nodes are not updated: the new pod does not become available on 100, and no more may be unavailable',
    ],
    codes: ['failed-nodes'],
  },
  {
    name: 'interrupted while pods start',
    findings: { updated: 500, failed: 100 },
    context: { end: 'interrupted' },
    problems: ['470 nodes are not updated: interrupted'],
    codes: ['interrupted'],
  },
  {
    name: 'not in time, several DaemonSets',
    findings: { updated: 500, failed: 100 },
    context: { end: 'timeout', daemonSetCount: 2 },
    problems: ['470 pods are not updated: the time of --timeout was up'],
    codes: ['timeout'],
  },
  {
    name: 'over the budget',
    findings: { maxUnavailable: { allowed: 100, peak: 101 } },
    problems: ['101 were unavailable at once, 100 were allowed'],
    codes: ['over-budget'],
  },
  {
    name: 'written twice',
    findings: { duplicateWrites: 2 },
    problems: ['2 writes were sent twice'],
    codes: ['duplicate-writes'],
  },
  {
    name: 'out of order',
    findings: { orderViolations: 3 },
    problems: ['3 writes came out of order'],
    codes: ['out-of-order-writes'],
  },
];
for (const { name, findings, context, problems, codes = [] } of verdicts) {
  test(`report: ${name} → ${problems.length === 0 ? 'ok' : 'not ok, and why'}`, () => {
    const around = { ...CONTEXT, ...context };
    const found = problemsOf({ ...FINDINGS, ...findings }, around);
    assert.deepEqual(
      found.map(({ message }) => message),
      problems,
    );
    assert.deepEqual(
      found.map(({ code }) => code),
      codes,
    );
    const report = reportOf({ ...FINDINGS, ...findings }, around);
    assert.deepEqual([report.ok, report.reasons], [problems.length === 0, found]);
  });
}

test('trust 16: report: only the observer saw something → not ok, and told as a reason, on the page too', () => {
  const report = reportOf(FINDINGS, CONTEXT, ['a pod was deleted without a precondition']);
  assert.deepEqual(
    [report.ok, report.reasons],
    [false, [{ code: 'violation', message: 'a pod was deleted without a precondition' }]],
  );
  const lines = renderReport(report, { ...CONTEXT, width: 80, isColor: false });
  assert.equal(lines.at(-1), 'PROBLEM: a pod was deleted without a precondition');
});

test('findings: interrupted before the new template is seen → nothing is updated, and the verdict is no OK', () => {
  const before = {
    ...{
      daemonSet: 'default/agent',
      eligible: 30,
      eligibleReady: 30,
      updated: 30,
      notReady: 0,
      isNewRevisionKnown: false,
    },
    ...{ pods: 30, marked: 30, updatedUnavailable: 0, unavailable: 0, allowed: 3, peak: 0, peakAtDeletion: 0 },
    ...{ peakOverall: 0, peakInFlight: 0, overBudgetDeletions: 0, unavailablePodSeconds: 0 },
    ...{ startedAtMs: undefined, completedAtMs: undefined },
  };
  for (const strategy of ['AdvancedRollingUpdate', 'OTA'] as const) {
    const report = { daemonSets: [before], deletes: 0, patches: 0, duplicateWrites: 0, orderViolations: 0 };
    const findings = findingsOf({ options: { strategy, nodes: 30 }, seed: 1, report, lanes: [], wallMs: 3 });
    assert.equal(findings.updated, 0);
    assert.equal(reportOf(findings, { ...CONTEXT, end: 'interrupted' }).ok, false);
  }
});

test('report: text → this page', () => {
  assert.deepEqual(renderReport(reportOf(FINDINGS, CONTEXT), { ...CONTEXT, width: 80, isColor: false }), [
    'updated      970 of 1,000 nodes that should run the pod',
    'skipped      30: NotReady until the end',
    'failed       none',
    'unavailable  100 at worst, 100 allowed',
    '             1,235 pod-seconds in all',
    'writes       970 deletions, 0 patches',
    '             0 sent twice, 0 out of order',
    'time         24.1 s, 40/s on average',
    'threads      0: 500 tasks, 1: 470 tasks',
    'seed         7',
    '',
    'OK: every node that could be updated was, within the budget',
  ]);
});

test('report: OTA of several DaemonSets → what is marked, and nothing about what is not taken down', () => {
  const context: ReportContext = { end: 'completed', isOta: true, daemonSetCount: 3 };
  const findings = { ...FINDINGS, updated: 90, eligible: 90, skippedNotReady: 0, writes: { deletes: 0, patches: 90 } };
  assert.deepEqual(renderReport(reportOf(findings, context), { ...context, width: 80, isColor: false }), [
    'marked       90 of 90 pods',
    'writes       0 deletions, 90 patches',
    '             0 sent twice, 0 out of order',
    'time         24.1 s, 3.7/s on average',
    'threads      0: 500 tasks, 1: 470 tasks',
    'seed         7',
    '',
    'OK: every pod that could be marked was',
  ]);
});

test('report: interrupted → pods that were starting have not failed', () => {
  const context: ReportContext = { ...CONTEXT, end: 'interrupted' };
  const report = reportOf({ ...FINDINGS, updated: 500, failed: 100 }, context);
  const lines = renderReport(report, { ...context, width: 80, isColor: false });
  assert.equal(lines[2], 'starting     100: the new pod was not available yet');
  assert.equal(lines.at(-1), 'PROBLEM: 470 nodes are not updated: interrupted');
});
