import type { Task } from '../../src/protocol/task.ts';
import { deletePodMachine, forceDeletePodMachine } from './delete-pod.ts';
import { markPodMachine } from './mark-pod.ts';
import { observePodMachine } from './observe-pod.ts';
import type { Effect, Machine, StepInput } from './step.ts';

/** One task on its way through its machine. Pure, like the machines: whoever runs it brings the requests and the time. */
export interface StepRun {
  readonly task: Task;
  /** The first input is `start`. After `finish` there is none. */
  next(input: StepInput): Effect;
}

export function stepRun(task: Task): StepRun {
  switch (task.action) {
    case 'delete':
      return runOf(deletePodMachine, task);
    case 'force-delete':
      return runOf(forceDeletePodMachine, task);
    case 'mark':
      return runOf(markPodMachine, task);
    case 'observe':
      return runOf(observePodMachine, task);
  }
}

function runOf<State>(machine: Machine<State>, task: Task): StepRun {
  let state = machine.initial;
  return {
    task,
    next(input: StepInput): Effect {
      const step = machine.advance(state, input, task);
      state = step.state;
      return step.effect;
    },
  };
}
