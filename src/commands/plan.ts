import { monotonicMs } from '../clock.ts';
import type { Followed } from '../controller/followed.ts';
import { UPDATE_STRATEGY_ANNOTATION } from '../kube/annotations.ts';
import { leaderOf } from '../manager/leader-reader.ts';
import { Reading } from '../manager/reading.ts';
import { daemonSetKey } from '../protocol/slot.ts';
import { planDocument } from '../status/plan-document.ts';
import { type ToldLimits, toldLimits } from '../status/plan-limits.ts';
import { ledOf } from '../status/rollout-state.ts';
import type { PlanOptions } from './options.ts';
import { EXIT_FAILED, EXIT_OK } from './program.ts';
import { type PlanRow, planTable } from './tables.ts';
import { columnsOf, type Streams } from './view/terminal.ts';
import { wrapHanging } from './view/text.ts';

const NOT_OPTED_IN = `it does not exist there, or has no annotation ${UPDATE_STRATEGY_ANNOTATION}`;

/** What would happen to a DaemonSet's pods now, and why; reads the cluster once and writes nothing. */
export async function plan(options: PlanOptions, { stdout, stderr }: Streams = process): Promise<number> {
  const reading = await Reading.open(options, (source) => [options.namespace ?? source.namespace], stderr);
  try {
    await reading.sync();
    const namespace = options.namespace ?? reading.source.namespace;
    const key = daemonSetKey(namespace, options.daemonSet);
    const followed = reading.host.controller.find(key);
    if (followed === undefined) {
      const why = reading.host.controller.complaints().get(key)?.join('; ') ?? NOT_OPTED_IN;
      stderr.write(`error: nothing is planned for DaemonSet ${namespace}/${options.daemonSet}: ${why}\n`);
      return EXIT_FAILED;
    }
    const leader = await leaderOf(reading, options);
    const told = toldLimits(leader, key);
    // Under OTA there is no pace, so only what stops it matters.
    const isOta = followed.rollout.counts().strategy === 'OTA';
    const limits = isOta && told.blocked === undefined ? { ...told, why: undefined } : told;
    const text =
      options.output === 'json'
        ? `${JSON.stringify(planDocument(followed, limits, ledOf(leader, key), monotonicMs()), null, 2)}\n`
        : planText(followed, limits, columnsOf(stdout));
    stdout.write(text);
    return EXIT_OK;
  } finally {
    await reading.close();
  }
}

function planText({ key, rollout }: Followed, limits: ToldLimits, widthMax: number): string {
  const { allowed, unavailable, targetHash, strategy } = rollout.counts();
  const bound =
    strategy === 'OTA'
      ? 'pods are marked, nothing is deleted'
      : `${unavailable} nodes without an available pod, ${allowed} allowed`;
  const head = `${key}: ${strategy ?? 'no strategy'} to revision ${targetHash ?? 'unknown'}; ${bound}`;
  const rows = rowsOf(rollout.plan(monotonicMs(), limits));
  const notes = [head, ...(limits.why === undefined ? [] : [limits.why]), ...limits.seen];
  const wrapped = notes.flatMap((note) => wrapHanging(note, widthMax));
  return `${[...wrapped, '', ...planTable(rows)].join('\n')}\n`;
}

function rowsOf(nodes: ReturnType<Followed['rollout']['plan']>): PlanRow[] {
  return nodes.map(({ node, pod, revision, reason, message }) => {
    const why = pod === undefined ? message : message.replace(`pod ${pod} `, 'the pod ');
    return { node, pod: pod ?? '', revision: revision ?? '', state: reason, reason: why };
  });
}
