import { API_VERSION, type SimulationDocument } from '../../status/documents.ts';
import type { RunEnd, ViewOptions } from './snapshot.ts';
import { formatCount, formatRate, type Line, renderLine, span, wrapWords } from './text.ts';
import { END_WORDS } from './words.ts';

/** The one object that `simulate --report json` prints. */
export type SimulationReport = SimulationDocument;
type Reason = SimulationReport['reasons'][number];

/** What was seen; the rest is concluded from it. */
export type Findings = Omit<SimulationReport, 'apiVersion' | 'kind' | 'end' | 'ok' | 'reasons'>;

/** What the text report says besides the findings. */
export interface ReportContext {
  readonly end: RunEnd;
  readonly isOta: boolean;
  /** A node has a pod of each. */
  readonly daemonSetCount: number;
}

/** What went wrong; empty when all eligible Ready nodes were updated and nothing was violated. */
export function problemsOf(findings: Findings, context: ReportContext): Reason[] {
  const { maxUnavailable, duplicateWrites, orderViolations } = findings;
  const problems = missingOf(findings, context);
  if (maxUnavailable.peak > maxUnavailable.allowed) {
    const { peak, allowed } = maxUnavailable;
    const message = `${formatCount(peak)} were unavailable at once, ${formatCount(allowed)} were allowed`;
    problems.push({ code: 'over-budget', message, count: peak });
  }
  if (duplicateWrites > 0) {
    const message = `${formatCount(duplicateWrites)} writes were sent twice`;
    problems.push({ code: 'duplicate-writes', message, count: duplicateWrites });
  }
  if (orderViolations > 0) {
    const message = `${formatCount(orderViolations)} writes came out of order`;
    problems.push({ code: 'out-of-order-writes', message, count: orderViolations });
  }
  return problems;
}

function missingOf(findings: Findings, context: ReportContext): Reason[] {
  const { eligible, updated, skippedNotReady, failed, maxUnavailable } = findings;
  const { end, isOta, daemonSetCount } = context;
  const count = eligible - skippedNotReady - updated;
  if (count <= 0) return [];
  const what = `${counted(count, context)} ${count === 1 ? 'is' : 'are'} not ${isOta ? 'marked' : 'updated'}`;
  if (end === 'interrupted' || end === 'timeout') return [{ code: end, message: `${what}: ${END_WORDS[end]}`, count }];
  if (failed === 0) return [{ code: 'not-updated', message: what, count }];
  const isBudgetSpent = failed >= maxUnavailable.allowed * daemonSetCount;
  const others = isBudgetSpent ? ', and no more may be unavailable' : '';
  const where = failed === count ? '' : ` on ${formatCount(failed)}`;
  const message = `${what}: the new pod does not become available${where}${others}`;
  return [{ code: 'failed-nodes', message, count: failed }];
}

/** Adds the verdict, for which `violations` of any other kind count too, and puts the keys into the order in which they are documented. */
export function reportOf(
  findings: Findings,
  context: ReportContext,
  violations: readonly string[] = [],
): SimulationReport {
  const { seed, nodes, eligible, updated, skippedNotReady, failed } = findings;
  const violated = violations.map((message): Reason => ({ code: 'violation', message }));
  const reasons = [...problemsOf(findings, context), ...violated];
  return {
    ...{ apiVersion: API_VERSION, kind: 'SimulationReport' },
    ...{ seed, nodes, eligible, updated, skippedNotReady, failed },
    maxUnavailable: { allowed: findings.maxUnavailable.allowed, peak: findings.maxUnavailable.peak },
    unavailablePodSeconds: round(findings.unavailablePodSeconds, 1),
    writes: { deletes: findings.writes.deletes, patches: findings.writes.patches },
    duplicateWrites: findings.duplicateWrites,
    orderViolations: findings.orderViolations,
    wallSeconds: round(findings.wallSeconds, 3),
    lanes: findings.lanes.map(({ lane, tasks }) => ({ lane, tasks })),
    ok: reasons.length === 0,
    end: context.end,
    reasons,
  };
}

export function renderReport(report: SimulationReport, options: ViewOptions & ReportContext): string[] {
  const unit = options.daemonSetCount > 1 ? 'pod' : 'node';
  const done = options.isOta ? 'marked was' : 'updated was, within the budget';
  const verdict: Line[] = report.ok
    ? [[span('OK: ', 'green'), span(`every ${unit} that could be ${done}`)]]
    : report.reasons.flatMap(({ message }) =>
        wrapWords(message, options.width - PROBLEM.length).map(
          (text, index): Line => [span(index === 0 ? PROBLEM : ' '.repeat(PROBLEM.length), 'red'), span(text)],
        ),
      );
  const lines: Line[] = [
    ...rowsOf(report, options).map(([name, text]): Line => [span(name.padEnd(13), 'dim'), span(text)]),
    [],
    ...verdict,
  ];
  return lines.map((line) => renderLine(line, options));
}

type Row = readonly [name: string, text: string];

function rowsOf(report: SimulationReport, context: ReportContext): readonly Row[] {
  const { eligible, updated, writes, wallSeconds, lanes } = report;
  const rate = formatRate(wallSeconds > 0 ? updated / wallSeconds : 0);
  const where = context.daemonSetCount > 1 ? '' : ' that should run the pod';
  return [
    [context.isOta ? 'marked' : 'updated', `${formatCount(updated)} of ${counted(eligible, context)}${where}`],
    ...(context.isOta ? [] : replacementRows(report, context)),
    ['writes', `${formatCount(writes.deletes)} deletions, ${formatCount(writes.patches)} patches`],
    ['', `${formatCount(report.duplicateWrites)} sent twice, ${formatCount(report.orderViolations)} out of order`],
    ['time', `${wallSeconds.toFixed(1)} s, ${rate} on average`],
    ['threads', lanes.map(({ lane, tasks }) => `${lane}: ${formatCount(tasks)} tasks`).join(', ')],
    ['seed', String(report.seed)],
  ];
}

/** What is so only when pods are replaced. */
function replacementRows(report: SimulationReport, { end, daemonSetCount }: ReportContext): readonly Row[] {
  const { skippedNotReady, failed, maxUnavailable, unavailablePodSeconds } = report;
  const isOver = end === 'completed' || end === 'stalled';
  const nearest = daemonSetCount > 1 ? ' in one DaemonSet' : '';
  return [
    ['skipped', skippedNotReady === 0 ? 'none' : `${formatCount(skippedNotReady)}: NotReady until the end`],
    isOver
      ? ['failed', failed === 0 ? 'none' : `${formatCount(failed)}: the new pod does not become available`]
      : ['starting', failed === 0 ? 'none' : `${formatCount(failed)}: the new pod was not available yet`],
    [
      'unavailable',
      `${formatCount(maxUnavailable.peak)} at worst, ${formatCount(maxUnavailable.allowed)} allowed${nearest}`,
    ],
    ['', `${formatCount(unavailablePodSeconds)} pod-seconds in all`],
  ];
}

const PROBLEM = 'PROBLEM: ';

function counted(count: number, { daemonSetCount }: ReportContext): string {
  return `${formatCount(count)} ${daemonSetCount > 1 ? 'pod' : 'node'}${count === 1 ? '' : 's'}`;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
