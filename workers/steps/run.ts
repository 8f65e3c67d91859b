import { actionNamed, forEachWrite, writeNamed } from '../../src/protocol/actions/registry.ts';
import type { Task } from '../../src/protocol/task.ts';
import { observePodMachine } from './observe-pod.ts';
import type { Effect, Machine, StepInput } from './step.ts';
import { writeMachine } from './write-pod.ts';

/** One task on its way through its machine. Pure, like the machines: whoever runs it brings the requests and the time. */
export interface StepRun {
  readonly task: Task;
  /** The first input is `start`. After `finish` there is none. */
  next(input: StepInput): Effect;
}

/** They have no state of their own, so one serves all tasks. */
const WRITE_MACHINES = forEachWrite((name) => writeMachine(writeNamed(name)));

export function stepRun(task: Task): StepRun {
  const action = actionNamed(task.action);
  return action.kind === 'read' ? runOf(observePodMachine, task) : runOf(WRITE_MACHINES[action.name], task);
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
