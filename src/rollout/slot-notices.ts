import { BIT } from './classify.ts';
import { classifyFailure, explainFailure } from './explain.ts';
import { repeatUntilMs, timesReplaced } from './holdback.ts';
import type { RolloutNotice } from './notices.ts';
import type { Observation } from './observe.ts';
import { NEVER, type Slot } from './slot-state.ts';

/** What happened to the slot that others have to hear: that its update failed, is to blame no more, or is done. */
export function tellStanding(slot: Slot, { facts, nowMs }: Observation, notices: RolloutNotice[]): void {
  const { key, nodeName: node, mask } = slot;
  const hash = facts.target?.hash;
  if ((mask & BIT.failed) !== 0 && slot.failureToldHash !== hash) {
    slot.failureToldHash = hash;
    const why = explainFailure(slot, facts, nowMs);
    notices.push({ type: 'node-failed', slot: key, node, ...classifyFailure(slot, facts.target), why });
  }
  const isBlamed = (mask & BIT.ready) !== 0 && (mask & BIT.brokenBefore) === 0;
  if (slot.failureToldHash !== undefined && (mask & BIT.failed) === 0 && !isBlamed) {
    slot.failureToldHash = undefined;
    notices.push({ type: 'failure-moot', slot: key, node });
  }
  if ((mask & BIT.settled) === 0) return;
  if (slot.isAwaitingReplacement && slot.replacingSinceMs !== NEVER) {
    const replacementMs = nowMs - slot.replacingSinceMs;
    notices.push({ type: 'slot-available', slot: key, node, replacementMs });
  }
  if (slot.failureToldHash !== undefined) {
    slot.failureToldHash = undefined;
    // Under OTA a settled pod is marked, and may be the one that failed.
    notices.push({ type: facts.strategy === 'OTA' ? 'failure-moot' : 'node-recovered', slot: key, node });
  }
}

/** Its pods were deleted for this target again and again. */
export function tellRepeated(slot: Slot, { facts, nowMs }: Observation, notices: RolloutNotice[]): void {
  const { key, nodeName: node } = slot;
  const hash = facts.target?.hash ?? '';
  const waitMs = repeatUntilMs(slot, hash) - nowMs;
  notices.push({ type: 'slot-repeated', slot: key, node, hash, count: timesReplaced(slot), waitMs });
}
