import type { ViewOptions } from './snapshot.ts';
import { formatCount, formatRate, type Line, renderLine, span, wrapWords } from './text.ts';

/** The one object that `simulate --report json` prints. */
export interface SimulationReport {
  readonly seed: number;
  readonly nodes: number;
  readonly eligible: number;
  readonly updated: number;
  readonly skippedNotReady: number;
  readonly failed: number;
  readonly maxUnavailable: { readonly allowed: number; readonly peak: number };
  readonly unavailablePodSeconds: number;
  readonly writes: { readonly deletes: number; readonly patches: number };
  readonly duplicateWrites: number;
  readonly orderViolations: number;
  readonly wallSeconds: number;
  readonly lanes: readonly { readonly lane: number; readonly tasks: number }[];
  readonly ok: boolean;
}

export type Findings = Omit<SimulationReport, 'ok'>;

/** What went wrong, in words; empty when all eligible Ready nodes were updated and nothing was violated. */
export function problemsOf(findings: Findings): string[] {
  const { eligible, updated, skippedNotReady, failed, maxUnavailable, duplicateWrites, orderViolations } = findings;
  const problems: string[] = [];
  const missing = eligible - skippedNotReady - updated;
  if (missing > 0) {
    const because = failed > 0 ? `: on ${nodes(failed)} the new pod does not become available` : '';
    problems.push(`${nodes(missing)} ${missing === 1 ? 'is' : 'are'} not updated${because}`);
  }
  if (maxUnavailable.peak > maxUnavailable.allowed) {
    const { peak, allowed } = maxUnavailable;
    problems.push(`${formatCount(peak)} were unavailable at once, ${formatCount(allowed)} were allowed`);
  }
  if (duplicateWrites > 0) problems.push(`${formatCount(duplicateWrites)} writes were sent twice`);
  if (orderViolations > 0) problems.push(`${formatCount(orderViolations)} writes came out of order`);
  return problems;
}

/** Adds the verdict, for which `violations` of any other kind count too, and puts the keys into the order in which they are documented. */
export function reportOf(findings: Findings, violations: readonly string[] = []): SimulationReport {
  const { seed, nodes, eligible, updated, skippedNotReady, failed } = findings;
  return {
    ...{ seed, nodes, eligible, updated, skippedNotReady, failed },
    maxUnavailable: { allowed: findings.maxUnavailable.allowed, peak: findings.maxUnavailable.peak },
    unavailablePodSeconds: round(findings.unavailablePodSeconds, 1),
    writes: { deletes: findings.writes.deletes, patches: findings.writes.patches },
    duplicateWrites: findings.duplicateWrites,
    orderViolations: findings.orderViolations,
    wallSeconds: round(findings.wallSeconds, 3),
    lanes: findings.lanes.map(({ lane, tasks }) => ({ lane, tasks })),
    ok: problemsOf(findings).length === 0 && violations.length === 0,
  };
}

export function renderReport(report: SimulationReport, options: ViewOptions): string[] {
  const { eligible, updated, skippedNotReady, failed, maxUnavailable, writes, wallSeconds } = report;
  const rows: readonly (readonly [string, string])[] = [
    ['updated', `${formatCount(updated)} of ${nodes(eligible)} that should run the pod`],
    ['skipped', skippedNotReady === 0 ? 'none' : `${formatCount(skippedNotReady)}: NotReady until the end`],
    ['failed', failed === 0 ? 'none' : `${formatCount(failed)}: the new pod does not become available`],
    ['unavailable', `${formatCount(maxUnavailable.peak)} at worst, ${formatCount(maxUnavailable.allowed)} allowed`],
    ['', `${formatCount(report.unavailablePodSeconds)} pod-seconds in all`],
    ['writes', `${formatCount(writes.deletes)} deletions, ${formatCount(writes.patches)} patches`],
    ['', `${formatCount(report.duplicateWrites)} sent twice, ${formatCount(report.orderViolations)} out of order`],
    ['time', `${wallSeconds.toFixed(1)} s, ${formatRate(wallSeconds > 0 ? updated / wallSeconds : 0)} on average`],
    ['lanes', report.lanes.map(({ lane, tasks }) => `${lane}: ${formatCount(tasks)} tasks`).join(', ')],
    ['seed', String(report.seed)],
  ];
  const problems = problemsOf(report);
  const verdict: Line[] = report.ok
    ? [[span('OK: ', 'green'), span('every node that could be updated was, within the budget')]]
    : problems.flatMap((problem) =>
        wrapWords(problem, options.width - PROBLEM.length).map(
          (text, index): Line => [span(index === 0 ? PROBLEM : ' '.repeat(PROBLEM.length), 'red'), span(text)],
        ),
      );
  const lines: Line[] = [
    ...rows.map(([name, text]): Line => [span(name.padEnd(13), 'dim'), span(text)]),
    [],
    ...verdict,
  ];
  return lines.map((line) => renderLine(line, options));
}

const PROBLEM = 'PROBLEM: ';

function nodes(count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'node' : 'nodes'}`;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
