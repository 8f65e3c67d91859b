/** How a simulated run ended; `stalled`: nothing moved any more. */
export type RunEnd = 'completed' | 'stalled' | 'timeout' | 'interrupted';

/**
 * What the views of `simulate` show. One snapshot is one moment; views are pure functions of it. Numbers are sums over
 * all DaemonSets, and a node counts once for each of them.
 */
export interface ViewSnapshot {
  readonly strategy: 'AdvancedRollingUpdate' | 'OTA';
  /** As a user would call it: `v2`. */
  readonly version: string;
  /** `namespace/name`; at least one. */
  readonly daemonSets: readonly string[];
  readonly nodeCount: number;
  readonly phase: 'rolling' | RunEnd;
  /** From the change of the template. */
  readonly elapsedMs: number;
  /** Since anything moved. */
  readonly stillMs: number;
  /** Nodes that should run the pod. */
  readonly eligible: number;
  /** Available in the new version; under OTA, marked. */
  readonly updated: number;
  /** Deleted, and the new pod is not available yet; under OTA, a write is under way. */
  readonly inFlight: number;
  /** Old, and may be updated as soon as there is room. */
  readonly waiting: number;
  /** The new pod does not become available. */
  readonly failed: number;
  /** Left alone for now, with the reason in a word: `NotReady`. */
  readonly skipped: readonly { readonly reason: string; readonly count: number }[];
  /** Nodes updated a second: over the last few seconds, and since the start. */
  readonly rate: { readonly now: number; readonly average: number };
  /** Undefined under OTA, which takes nothing down. */
  readonly budget: BudgetView | undefined;
  readonly lanes: readonly LaneView[];
}

/** Unavailable nodes, as the observer counts them and not the planner. */
export interface BudgetView {
  readonly used: number;
  readonly allowed: number;
  readonly peak: number;
  /** Beyond those: no deletion took them down, they came back so. */
  readonly others: number;
}

export interface LaneView {
  readonly lane: number;
  /** Ended so far. */
  readonly tasks: number;
  readonly queued: number;
  /** Share of the last interval in which its event loop was busy, 0 to 1. */
  readonly busyRatio: number;
}

export interface ViewOptions {
  /** Columns; no line is wider. At least 60 is assumed. */
  readonly width: number;
  readonly isColor: boolean;
}
