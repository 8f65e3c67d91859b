import { observePod } from '../../src/protocol/actions/observe-pod.ts';
import type { Task } from '../../src/protocol/task.ts';
import { finish, finishOf, finishUnsent } from './finish.ts';
import type { Effect, Machine, StepInput } from './step.ts';

const READ = observePod.name;

/** Reads the pod once. A dry run reads too. */
export const observePodMachine: Machine<'reading'> = {
  initial: 'reading',
  advance(state: 'reading', input: StepInput, task: Task): { state: 'reading'; effect: Effect } {
    return { state, effect: next(input, task) };
  },
};

function next(input: StepInput, task: Task): Effect {
  if (input.kind === 'start' || input.kind === 'waited') {
    return { kind: 'request', request: READ, isWrite: false };
  }
  if (input.kind === 'fenced' || input.kind === 'too-late') return finishUnsent(input) ?? finish('throttled');
  const end = finishOf(input);
  if (end.code !== 'done' || input.kind === 'failure') return end;
  if (input.pod === undefined) return finish('unknown', { ...end, message: 'the answer holds no pod' });
  if (input.pod.uid !== task.uid) return finish('gone', { httpStatus: input.status });
  return { ...end, isTerminating: input.pod.isTerminating };
}
