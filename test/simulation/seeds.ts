import { Piscina } from 'piscina';
import { firstDifference } from './determinism.ts';
import { runSeed, type SeedReport } from './run.ts';
import type { Overrides } from './spec.ts';

/** One seed to run. A plain record: it may go to another thread. */
export interface SeedTask {
  readonly seed: number;
  readonly overrides: Overrides;
  readonly isRecording: boolean;
  /** It is run again, and both runs are compared. */
  readonly isTwice: boolean;
}

export interface SeedResult {
  readonly report: SeedReport;
  /** Where two runs differ first; '' when they do not, or when it was run once. */
  readonly difference: string;
}

/** What waits for a thread, for each of them: seeds take from one millisecond to a second. */
const AHEAD = 8;

export function runTask({ seed, overrides, isRecording, isTwice }: SeedTask): SeedResult {
  const report = runSeed(seed, overrides, isRecording);
  return { report, difference: isTwice ? firstDifference(seed, overrides) : '' };
}

/** Runs seeds, on threads of their own when there are several jobs, and tells of them in their order. */
export async function* runTasks(tasks: Iterable<SeedTask>, jobs: number): AsyncGenerator<SeedResult> {
  if (jobs === 1) {
    for (const task of tasks) yield runTask(task);
    return;
  }
  const threads = { minThreads: jobs, maxThreads: jobs };
  const pool = new Piscina<SeedTask, SeedResult>({ filename: import.meta.url, name: runTask.name, ...threads });
  const running: Promise<SeedResult>[] = [];
  try {
    for (const task of tasks) {
      running.push(pool.run(task));
      const first = running.length < jobs * AHEAD ? undefined : running.shift();
      if (first !== undefined) yield await first;
    }
    for (const result of running) yield await result;
  } finally {
    await pool.destroy();
  }
}
