import type { Outcome } from '../src/protocol/outcome.ts';
import type { Task, TaskBatch } from '../src/protocol/task.ts';
import type { TaskLimits } from './execute.ts';

/** Runs one task; never rejects. An outcome that is there at once is returned as it is, which saves a turn of the event loop. */
export type Execute<Ended = Outcome> = (task: Task, limits: TaskLimits, index: number) => Ended | Promise<Ended>;

/**
 * How long an outcome may wait for the rest of its batch. One slow task must not keep the outcomes of the 63 others; and
 * one message for each of them would cost more than the tasks.
 */
const LINGER_MS = 10;

/**
 * Runs a batch, all tasks at once. Every outcome is reported once: through `onEarly` while others of the batch still run, or
 * in the result.
 */
export function runBatch<Ended>(
  batch: TaskBatch,
  execute: Execute<Ended>,
  onEarly: (ended: Ended[]) => void,
): Ended[] | Promise<Ended[]> {
  let unreported: Ended[] = [];
  let timer: NodeJS.Timeout | undefined;
  const reportEarly = (): void => {
    timer = undefined;
    const ended = unreported;
    unreported = [];
    onEarly(ended);
  };
  const reportSoon = (): void => {
    timer ??= setTimeout(reportEarly, LINGER_MS);
  };
  const pending: Promise<void>[] = [];
  for (const [index, task] of batch.tasks.entries()) {
    const outcome = execute(task, batch, index);
    if (outcome instanceof Promise) {
      const late = outcome.then((ended) => {
        unreported.push(ended);
        reportSoon();
      });
      pending.push(late);
    } else {
      unreported.push(outcome);
    }
  }
  if (pending.length === 0) return unreported;
  if (unreported.length > 0) reportSoon();
  return Promise.all(pending).then(() => {
    clearTimeout(timer);
    return unreported;
  });
}
