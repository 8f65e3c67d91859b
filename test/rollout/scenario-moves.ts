import assert from 'node:assert/strict';
import type { Rollout } from '../../src/rollout/rollout.ts';
import { outcome, pod, slot } from './records.ts';

export const ALL = { count: Number.POSITIVE_INFINITY, window: Number.POSITIVE_INFINITY };

/** Takes the slot's task and has a worker do it with success. */
export function carryOut(rollout: Rollout, nodeName: string, nowMs: number): void {
  const task = rollout.taskFor(slot(nodeName), nowMs);
  assert.ok(task, `no task for ${nodeName}`);
  rollout.onSent(task.slot, nowMs);
  assert.equal(rollout.onOutcome(outcome(task, 'done'), nowMs).then, 'watch');
}

/** What the cluster does after a deletion: the old pod goes, a new one comes and is Ready. */
export function replace(rollout: Rollout, nodeName: string, nowMs: number): void {
  rollout.removePod(pod(nodeName, 'old'), nowMs);
  rollout.upsertPod(pod(nodeName, 'new', { createdAtMs: nowMs, readyChangedAtMs: nowMs }), nowMs);
}

export const OTA = { 'apps.openyurt.io/update-strategy': 'ota' };
export const marked = (status: string, hash: string) => ({ status, message: `controllerrevision: ${hash}` });
