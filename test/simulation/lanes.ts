import { podRequest } from '../../src/client/requests.ts';
import type { Outcome } from '../../src/protocol/outcome.ts';
import type { Task, TaskBatch } from '../../src/protocol/task.ts';
import { formatTime } from '../../src/simulator/time.ts';
import { type DepartureLimits, departure, returned } from '../../workers/steps/departure.ts';
import { type StepRun, stepRun } from '../../workers/steps/run.ts';
import { type Answer, type Effect, outcomeOf, type StepInput } from '../../workers/steps/step.ts';
import type { Checker } from './checker.ts';
import type { Conduct } from './conduct.ts';
import type { Network, SimAnswer } from './network.ts';
import type { SimProcess } from './process.ts';
import { errorOf } from './records.ts';

export interface LanesOptions {
  readonly process: SimProcess;
  readonly network: Network;
  readonly checker: Checker;
  readonly conduct: Conduct;
  readonly random: () => number;
  readonly onOutcomes: (outcomes: readonly Outcome[]) => void;
}

interface Running {
  readonly lane: number;
  readonly steps: StepRun;
  limits: DepartureLimits;
  startedAtMs: number;
  isAlive: boolean;
}

/** From one thread to another. */
const MESSAGE_MS = 2;
/** Outcomes wait a little for the rest of their batch. */
const LINGER_MS = 10;

/** The worker threads in virtual time: the real step machines, and the rules by which their requests may leave. */
export class SimLanes {
  readonly #options: LanesOptions;
  readonly #running = new Set<Running>();

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  send(lane: number, batch: TaskBatch): void {
    const { process, random } = this.#options;
    const runs = batch.tasks.map((task) => this.#admit(lane, task, batch));
    process.after(MESSAGE_MS * random(), () => {
      for (const run of runs) this.#start(run, batch);
    });
  }

  /** The thread dies: what it has sent goes its way, and nobody hears of it. */
  kill(lane: number): void {
    for (const run of this.#running) {
      if (run.lane !== lane) continue;
      run.isAlive = false;
      this.#running.delete(run);
    }
  }

  #admit(lane: number, task: Task, batch: TaskBatch): Running {
    const { writeUntilMs, writeUntilWallMs } = batch;
    const limits = { writeUntilMs, writeUntilWallMs, deadlineMs: Number.POSITIVE_INFINITY };
    const run = { lane, steps: stepRun(task), limits, startedAtMs: 0, isAlive: true };
    this.#running.add(run);
    return run;
  }

  #start(run: Running, batch: TaskBatch): void {
    run.startedAtMs = this.#options.process.nowMs;
    run.limits = { ...run.limits, deadlineMs: run.startedAtMs + batch.taskTimeoutMs };
    this.#next(run, { kind: 'start', isDryRun: batch.isDryRun });
  }

  #next(run: Running, input: StepInput): void {
    if (!run.isAlive) return;
    const effect = run.steps.next(input);
    if (effect.kind === 'finish') this.#finish(run, effect);
    else this.#perform(run, effect);
  }

  #perform(run: Running, effect: Extract<Effect, { readonly kind: 'wait' | 'request' }>): void {
    const { process } = this.#options;
    const { nowMs } = process;
    if (effect.kind === 'wait') {
      const waitMs = Math.min(effect.durationMs, Math.max(0, run.limits.deadlineMs - nowMs));
      process.after(waitMs, () => this.#next(run, { kind: 'waited' }));
      return;
    }
    const leaving = departure(effect.isWrite, run.limits, nowMs, process.wallMs);
    if (leaving.kind === 'leave') this.#send(run, effect, leaving.timeoutMs);
    else this.#next(run, leaving);
  }

  #send(run: Running, effect: Extract<Effect, { readonly kind: 'request' }>, timeoutMs: number): void {
    const { process, network, checker, conduct } = this.#options;
    const { task } = run.steps;
    const request = podRequest(effect.request, task, { timeoutMs, wallTime: formatTime(process.nowMs) });
    if (effect.isWrite) checker.onDeparture(conduct, task, request);
    network.send(request, {
      from: process.id,
      timeoutMs: process.clock.span(timeoutMs),
      ...(effect.isWrite ? { onHandled: (response) => checker.onHandled(conduct, task, response) } : {}),
      onAnswer: (answer) =>
        process.run(() => {
          const at = { ...run.limits, nowMs: process.nowMs, wallMs: process.wallMs };
          this.#next(run, returned(effect.isWrite, answerOf(answer), at));
        }),
    });
  }

  #finish(run: Running, effect: Extract<Effect, { readonly kind: 'finish' }>): void {
    const { process, random, onOutcomes } = this.#options;
    const outcome = outcomeOf(run.steps.task, effect, process.nowMs - run.startedAtMs);
    process.after(MESSAGE_MS * random() + (random() < 0.3 ? LINGER_MS : 0), () => {
      if (!run.isAlive) return;
      this.#running.delete(run);
      onOutcomes([outcome]);
    });
  }
}

function answerOf(answer: SimAnswer): Answer {
  if (answer.kind === 'failure') return { kind: 'failure', wasSent: answer.wasSent, message: answer.message };
  const { response } = answer;
  if (response.kind === 'status' && response.status >= 300) {
    const { retryAfterMs, message } = errorOf(response.body);
    return { kind: 'answer', status: response.status, retryAfterMs, message, pod: undefined };
  }
  const metadata = response.kind === 'object' ? response.object.metadata : undefined;
  const pod =
    metadata === undefined ? undefined : { uid: metadata.uid, isTerminating: metadata.deletionTimestamp !== undefined };
  return { kind: 'answer', status: response.status, retryAfterMs: 0, message: '', pod };
}
