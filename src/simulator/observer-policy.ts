import { isEqualJson } from './fields.ts';
import type { DaemonSetObject } from './objects.ts';

const STRATEGY = 'apps.openyurt.io/update-strategy';
const MAX_UNAVAILABLE = 'apps.openyurt.io/max-unavailable';
const FORCE = 'daemonpodupdater.io/force-delete-stuck';
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

/** How many of `eligible` nodes may be without an available pod: written here anew, so that it checks the planner's. */
export function allowedUnavailable(daemonSet: DaemonSetObject, eligible: number): number {
  const byDefault = Math.ceil((eligible * DEFAULT_PERCENT) / 100);
  const rolling = daemonSet.spec.updateStrategy?.rollingUpdate?.maxUnavailable;
  const text = String(daemonSet.metadata.annotations?.[MAX_UNAVAILABLE] ?? rolling ?? '').trim();
  const parsed = /^(\d+)(%?)$/.exec(text);
  if (parsed === null || Number(parsed[1]) === 0) return byDefault;
  return parsed[2] === '%' ? Math.ceil((eligible * Number(parsed[1])) / 100) : Number(parsed[1]);
}

export function isSameTemplate(left: DaemonSetObject, right: DaemonSetObject): boolean {
  return isEqualJson(left.spec.template, right.spec.template);
}
