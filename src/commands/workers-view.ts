import type { WorkersReport } from '../server/admin-routes.ts';
import type { LaneReason } from '../server/metric-names.ts';

const REASON_WORDS: Readonly<Record<LaneReason, string>> = {
  set: 'this number was asked for',
  cluster: 'for a cluster and a machine of this size',
  'lanes-busy': 'threads were busy and work waited for them',
  'no-gain': 'more threads did not get more done',
  'lanes-idle': 'threads had little to do',
  'api-server': 'work waits for the API server, not for threads',
  'rate-limit': 'work waits for --kube-api-qps, not for threads',
  'at-max': 'threads are busy, and there are as many as auto may have',
  steady: 'threads keep up',
};

/** What `workers` prints. */
export function workersLines(report: WorkersReport, nowMs: number): readonly string[] {
  const { setting, source, wanted, actual, reason, cpus, decisions } = report;
  const lines = [
    `setting  ${setting} (${source})`,
    `wanted   ${wanted}`,
    `actual   ${actual}`,
    `reason   ${reason}: ${REASON_WORDS[reason]}`,
    `CPUs     ${cpus}`,
    'decisions, latest first',
  ];
  for (const { at, from, to, reason: why } of decisions.toReversed()) {
    const change = from === to ? `${to}` : `${from} → ${to}`;
    lines.push(`  ${ageOf(nowMs - Date.parse(at)).padStart(8)}  ${change.padEnd(8)} ${why}`);
  }
  return lines;
}

/** `42s ago`, `3m ago`, `2h ago`. */
function ageOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds}s ago`;
  return seconds < 7200 ? `${Math.round(seconds / 60)}m ago` : `${Math.round(seconds / 3600)}h ago`;
}
