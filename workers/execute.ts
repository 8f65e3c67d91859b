import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs, wallMs } from '../src/clock.ts';
import type { Outcome } from '../src/protocol/outcome.ts';
import type { Task, TaskBatch } from '../src/protocol/task.ts';
import type { Http } from './http.ts';
import { departure, returned } from './steps/departure.ts';
import { finish } from './steps/finish.ts';
import type { StepRun } from './steps/run.ts';
import { stepRun } from './steps/run.ts';
import type { Effect, Finish, StepInput } from './steps/step.ts';
import { outcomeOf } from './steps/step.ts';

/** The rules of the batch that a task came in. */
export type TaskLimits = Omit<TaskBatch, 'tasks'>;

interface Run {
  readonly steps: StepRun;
  readonly http: Http;
  readonly limits: TaskLimits;
  readonly deadlineMs: number;
  /** The dispatcher has paid for one request a task. */
  isPaid: boolean;
}

/**
 * Runs a task's machine over the API client. Always an outcome, within `taskTimeoutMs`, and no write leaves after `writeUntilMs`:
 * the time-out of a write ends there too, so that one that waits for a socket does not leave late.
 */
export async function executeTask(task: Task, http: Http, limits: TaskLimits): Promise<Outcome> {
  const startedAtMs = monotonicMs();
  const run: Run = { steps: stepRun(task), http, limits, deadlineMs: startedAtMs + limits.taskTimeoutMs, isPaid: true };
  let hasWritten = false;
  let end: Finish;
  try {
    let effect: Effect = run.steps.next({ kind: 'start', isDryRun: limits.isDryRun });
    while (effect.kind !== 'finish') {
      if (effect.kind === 'request' && effect.isWrite) hasWritten = true;
      effect = run.steps.next(await perform(run, effect));
    }
    end = effect;
  } catch (error) {
    // A fault of this program; the write may have been applied all the same.
    end = finish(hasWritten ? 'unknown' : 'throttled', { message: `internal error: ${String(error)}` });
  }
  return outcomeOf(task, end, monotonicMs() - startedAtMs);
}

async function perform(run: Run, effect: Exclude<Effect, Finish>): Promise<StepInput> {
  if (effect.kind === 'wait') {
    await sleep(Math.min(effect.durationMs, Math.max(0, run.deadlineMs - monotonicMs())));
    return { kind: 'waited' };
  }
  const { isWrite, request } = effect;
  if (!run.isPaid) await run.http.turn?.(Math.max(0, run.deadlineMs - monotonicMs()));
  run.isPaid = false;
  const { writeUntilMs, writeUntilWallMs } = run.limits;
  const limits = { writeUntilMs, writeUntilWallMs, deadlineMs: run.deadlineMs };
  const leaving = departure(isWrite, limits, monotonicMs(), wallMs());
  if (leaving.kind !== 'leave') return leaving;
  const answer = await run.http.send({ request, task: run.steps.task, timeoutMs: leaving.timeoutMs });
  return returned(isWrite, answer, { ...limits, nowMs: monotonicMs(), wallMs: wallMs() });
}
