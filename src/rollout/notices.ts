import type { WriteName } from '../protocol/actions/registry.ts';
import type { SlotKey } from '../protocol/slot.ts';
import type { Failure } from './explain.ts';

/** What happened to a rollout, for events, logs, metrics and the pace. Each is told once. */
export type RolloutNotice =
  /** There is work for a target. `total`: nodes with old pods (OTA: nodes with pods to mark). `isResumed`: this target was
   * completed before; nodes that were away came back. */
  | {
      readonly type: 'started';
      readonly strategy: 'AdvancedRollingUpdate' | 'OTA';
      readonly hash: string;
      readonly total: number;
      readonly isResumed: boolean;
    }
  /** Every eligible Ready node is done and none counts as failed; `skippedNotReady` nodes follow when they are back. */
  | {
      readonly type: 'completed';
      readonly hash: string;
      readonly durationMs: number;
      readonly skippedNotReady: number;
      /** Their pods were not available long before, and are not now. */
      readonly brokenBefore: number;
      readonly isResumed: boolean;
    }
  /** The target changed before the rollout of the earlier one was done. */
  | { readonly type: 'superseded'; readonly fromHash: string; readonly toHash: string }
  /** A replacement became available, `replacementMs` after the deletion was observed. */
  | { readonly type: 'slot-available'; readonly slot: SlotKey; readonly node: string; readonly replacementMs: number }
  /** What was written without an answer is done, as the cluster shows; `hash`: the target that it was written for. */
  | {
      readonly type: 'write-shown';
      readonly slot: SlotKey;
      readonly node: string;
      readonly action: WriteName;
      readonly uid: string;
      readonly hash: string | undefined;
    }
  /** The node's pods were deleted `count` times for the target, or for two that take turns; it waits before the next time. */
  | {
      readonly type: 'slot-repeated';
      readonly slot: SlotKey;
      readonly node: string;
      readonly hash: string;
      readonly count: number;
      readonly waitMs: number;
    }
  /** `why` names the pod and the times. */
  | ({
      readonly type: 'node-failed';
      readonly slot: SlotKey;
      readonly node: string;
      readonly why: string;
    } & Failure)
  | { readonly type: 'node-recovered'; readonly slot: SlotKey; readonly node: string }
  /** A node that had failed is gone, should not run the pod any more, or is not blamed any more. */
  | { readonly type: 'failure-moot'; readonly slot: SlotKey; readonly node: string };
