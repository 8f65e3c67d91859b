/** One lane as the dispatcher sees it. A lane that was taken away is listed until it is done. */
export interface LaneQueueStats {
  readonly lane: number;
  /** Slots that wait for this lane. */
  readonly queued: number;
  /** Slots that this lane works on. */
  readonly processing: number;
  /** Tasks handed to this lane so far. */
  readonly taken: number;
}

/** How many slots are in which state. */
export interface DispatchLoad {
  /** Slots that wait for a lane (`workqueue_depth`). */
  readonly depth: number;
  /** Slots that a lane works on. */
  readonly processing: number;
  /** Slots that wait for their time: a backoff or a Retry-After. */
  readonly delayed: number;
  /** Slots that failed and have not succeeded since. */
  readonly backingOff: number;
}

/** Some are client-go's workqueue metrics under their own names; durations of single runs come from `done`. */
export interface DispatchStats extends DispatchLoad {
  /** Requests that did not coalesce with a waiting one (`workqueue_adds_total`). */
  readonly adds: number;
  /** `workqueue_retries_total`. */
  readonly retries: number;
  /** Sum of the ages of all runs that are not done (`workqueue_unfinished_work_seconds`). */
  readonly unfinishedWorkMs: number;
  /** `workqueue_longest_running_processor_seconds`. */
  readonly longestRunningMs: number;
  /** Slots whose request was withdrawn by the time a lane had room for it. */
  readonly dropped: number;
  readonly oldestWaitMs: number;
  /** DaemonSets that have a slot waiting for a lane. */
  readonly daemonSetsWaiting: number;
  /** Times that work waited, with a lane free for it, because no token was there. */
  readonly rateLimited: number;
  readonly lanes: readonly LaneQueueStats[];
}

/** What `done` tells about one run; the observations of `workqueue_queue_duration_seconds` and `workqueue_work_duration_seconds`. */
export interface RunReport {
  readonly lane: number;
  readonly queueWaitMs: number;
  readonly workMs: number;
}
