export interface ObservedRollout {
  readonly eligibleNodes: number;
  readonly updatedNodes: number;
  /** The most eligible, Ready nodes at one time that had no available pod. */
  readonly unavailablePeak: number;
  /**
   * The same right after a pod went down on a Ready node, without nodes that came within the last second (who took it down
   * could not know of them) and those that joined and have never had an available pod. No deletion leads beyond a budget that this is within, whatever comes and goes.
   */
  readonly takenDownPeak: number;
  /** How often a node became Ready without an available pod: it came, or came back. */
  readonly cameUnavailable: number;
  /** Eligible, Ready nodes without an available pod now. */
  readonly unavailableNow: number;
  /** The integral of that number over time. */
  readonly unavailablePodSeconds: number;
  /** Pods of this DaemonSet that were deleted, by whomever. */
  readonly deletedPods: number;
  /** Pods of the newest revision that were deleted. */
  readonly deletedCurrentPods: number;
  readonly isComplete: boolean;
  /** From `begin` to the first moment when every eligible, Ready node had an available pod of the newest revision. */
  readonly completedAfterMs: number | undefined;
}
