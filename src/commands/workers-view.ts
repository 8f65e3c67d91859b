import type { SettingSource } from '../manager/settings/worker-settings.ts';
import type { LaneReason } from '../server/metric-names.ts';
import type { ControllerReport } from '../status/controller-report.ts';
import { formatAge, wordsOf } from '../status/words.ts';

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

const SOURCE_WORDS: Readonly<Record<SettingSource, string>> = {
  flag: 'set by --daemonpodupdater-workers',
  'config-file': 'set in the config file',
  environment: 'set by DAEMONPODUPDATER_WORKERS',
  default: 'the default',
  admin: 'set while running',
};

/** What `workers` prints, and `status` of the controller. */
export function workersLines(report: ControllerReport['workers'], nowMs: number): readonly string[] {
  const { setting, source, wanted, actual, reason, cpus, decisions } = report;
  const lines = [
    `worker threads  ${actual}${wanted === actual ? '' : `, soon ${wanted}`}`,
    `setting         ${setting} (${wordsOf(SOURCE_WORDS, source)})`,
    `why             ${wordsOf(REASON_WORDS, reason)} (${reason})`,
    `CPUs            ${Number(cpus.toFixed(2))}`,
    'latest decisions',
  ];
  for (const { at, from, to, reason: why } of decisions.toReversed()) {
    const change = from === to ? `${to}` : `${from} → ${to}`;
    lines.push(
      `${`${formatAge(nowMs - Date.parse(at))} ago`.padStart(10)}  ${change.padEnd(8)}${wordsOf(REASON_WORDS, why)}`,
    );
  }
  return lines;
}
