import { isEqualJson } from './fields.ts';
import type { DaemonSetObject, NodeObject } from './objects.ts';

const STRATEGY = 'apps.openyurt.io/update-strategy';
const MAX_UNAVAILABLE = 'apps.openyurt.io/max-unavailable';
const FORCE = 'daemonpodupdater.io/force-delete-stuck';
const EXCLUDE = 'daemonpodupdater.io/exclude';
const CORDONED = 'daemonpodupdater.io/cordoned';
const PROGRESS_DEADLINE = 'daemonpodupdater.io/progress-deadline-seconds';
const PROGRESS_DEADLINE_SECONDS = 600;
const DEFAULT_PERCENT = 10;

export type OptedStrategy = 'ota' | 'advancedrollingupdate';

/** The strategy that a DaemonSet opted in to; undefined when nobody may touch it. */
export function optedStrategy(daemonSet: DaemonSetObject): OptedStrategy | undefined {
  if (daemonSet.spec.updateStrategy?.type !== 'OnDelete') return undefined;
  const value = daemonSet.metadata.annotations?.[STRATEGY]?.toLowerCase();
  if (value === 'ota') return 'ota';
  return value === 'advancedrollingupdate' || value === 'auto' ? 'advancedrollingupdate' : undefined;
}

/** Whether its pods that are stuck in Terminating may be deleted without their kubelet. */
export function wantsForce(daemonSet: DaemonSetObject): boolean {
  return daemonSet.metadata.annotations?.[FORCE] === 'true';
}

/** Whether a user takes the node out of all rollouts, whatever the template says. */
export function isExcluded(node: NodeObject): boolean {
  const exclude = node.metadata.labels?.[EXCLUDE];
  return exclude !== undefined && exclude !== 'false';
}

/** Whether the node is cordoned, and the DaemonSet leaves such nodes alone: as if a taint kept its pods away. */
export function isCordonedOff(daemonSet: DaemonSetObject, node: NodeObject): boolean {
  return node.spec.unschedulable === true && daemonSet.metadata.annotations?.[CORDONED] === 'skip';
}

export function progressDeadlineMs(daemonSet: DaemonSetObject): number {
  return 1000 * Number(daemonSet.metadata.annotations?.[PROGRESS_DEADLINE] ?? PROGRESS_DEADLINE_SECONDS);
}

/**
 * How many nodes may be without an available pod, of a base of so many: written here anew, so that it checks the planner's. A
 * percentage rounds up and is at least one.
 */
export function allowedUnavailable(daemonSet: DaemonSetObject, base: number): number {
  const rolling = daemonSet.spec.updateStrategy?.rollingUpdate?.maxUnavailable;
  const text = String(daemonSet.metadata.annotations?.[MAX_UNAVAILABLE] ?? rolling ?? '').trim();
  const parsed = /^(\d+)(%?)$/.exec(text);
  if (parsed === null || Number(parsed[1]) === 0) return share(base, DEFAULT_PERCENT);
  return parsed[2] === '%' ? share(base, Number(parsed[1])) : Number(parsed[1]);
}

function share(base: number, percent: number): number {
  return Math.max(1, Math.ceil((base * percent) / 100));
}

export function isSameTemplate(left: DaemonSetObject, right: DaemonSetObject): boolean {
  return isEqualJson(left.spec.template, right.spec.template);
}
