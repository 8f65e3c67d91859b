import type { Outcome } from '../protocol/outcome.ts';
import type { LoadSample } from './autoscaler.ts';
import type { DispatchStats, RunReport } from './dispatch-stats.ts';

/** What the tasks that ended since the last sample tell of the load. Pure. */
export class LoadWindow {
  #sinceMs: number;
  #tasks = 0;
  #queueWaitMs = 0;
  #throttled = 0;
  /** A counter of the dispatcher's, as of the last sample. */
  #rateLimited = 0;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  taskDone(outcome: Outcome, run: RunReport | undefined): void {
    this.#tasks += 1;
    this.#queueWaitMs += run?.queueWaitMs ?? 0;
    if (outcome.code === 'throttled') this.#throttled += 1;
  }

  /** Ends the window and begins the next; `utilizations` has one a lane. */
  sample(utilizations: readonly number[], dispatch: DispatchStats, nowMs: number): LoadSample {
    const tasks = this.#tasks;
    const busy = utilizations.reduce((sum, utilization) => sum + utilization, 0);
    const sample: LoadSample = {
      utilization: utilizations.length === 0 ? 0 : busy / utilizations.length,
      queueWaitMs: Math.max(tasks === 0 ? 0 : this.#queueWaitMs / tasks, dispatch.oldestWaitMs),
      tasksPerSecond: (tasks * 1000) / Math.max(1, nowMs - this.#sinceMs),
      throttledShare: tasks === 0 ? 0 : this.#throttled / tasks,
      isRateLimited: dispatch.rateLimited > this.#rateLimited,
    };
    this.#sinceMs = nowMs;
    this.#tasks = 0;
    this.#queueWaitMs = 0;
    this.#throttled = 0;
    this.#rateLimited = dispatch.rateLimited;
    return sample;
  }
}
