import type { WriteAction } from '../../src/protocol/actions/action.ts';
import { observePod } from '../../src/protocol/actions/observe-pod.ts';
import type { WriteName } from '../../src/protocol/actions/registry.ts';
import type { Task } from '../../src/protocol/task.ts';
import { finish, finishOf, finishUnsent } from './finish.ts';
import type { Answer, Effect, Finish, Machine, StepInput } from './step.ts';

/** Writes that a conflict may cost, the first one included. */
export const WRITES_MAX = 4;

/** Before write n + 1: 20, 40, 80 ms. A conflict means that somebody writes to this very pod right now. */
const CONFLICT_WAIT_MS = 20;

export type WriteState =
  | { readonly at: 'writing'; readonly writes: number }
  /** The write was refused; the pod is read to learn why. */
  | { readonly at: 'reading'; readonly writes: number; readonly refusal: Finish; readonly isFinal: boolean }
  | { readonly at: 'waiting'; readonly writes: number };

type Step = { readonly state: WriteState; readonly effect: Effect };

/**
 * A guarded write to one pod: the API server refuses it when the pod is another one than the task's. Where a refusal does not say
 * whether it is, the pod is read (`readAfter`).
 */
export function writeMachine({
  name,
  readAfter,
}: Pick<WriteAction, 'readAfter'> & { readonly name: WriteName }): Machine<WriteState> {
  const write: Effect = { kind: 'request', request: name, isWrite: true };

  function written(writes: number, answer: Answer): Step {
    const end = finishOf(answer);
    const state: WriteState = { at: 'writing', writes };
    const reading = answer.kind === 'answer' ? readAfter[answer.status] : undefined;
    if (reading === undefined) return { state, effect: end };
    return {
      state: { at: 'reading', writes, refusal: end, isFinal: reading === 'final' },
      effect: { kind: 'request', request: observePod.name, isWrite: false },
    };
  }

  return {
    initial: { at: 'writing', writes: 0 },
    advance(state: WriteState, input: StepInput, task: Task): Step {
      if (input.kind === 'start') {
        return { state: { at: 'writing', writes: 1 }, effect: input.isDryRun ? finish('dry-run') : write };
      }
      if (input.kind === 'waited') return { state: { at: 'writing', writes: state.writes + 1 }, effect: write };
      if (input.kind === 'fenced' || input.kind === 'too-late') {
        return { state, effect: finishUnsent(input) ?? finish('throttled') };
      }
      if (state.at === 'reading') return afterRead(state, input, task);
      return written(state.writes, input);
    },
  };
}

function afterRead(state: WriteState & { at: 'reading' }, answer: Answer, task: Task): Step {
  const { refusal, writes } = state;
  const read = finishOf(answer);
  if (read.code === 'gone') return { state, effect: read };
  // Nothing was written, and that much is known: a failed read must not make it `unknown`.
  if (read.code === 'throttled' || read.code === 'forbidden') return { state, effect: read };
  if (read.code !== 'done' || answer.kind === 'failure' || answer.pod === undefined) {
    return { state, effect: finish('conflict', { ...refusal, message: unread(refusal, read) }) };
  }
  if (answer.pod.uid !== task.uid) return { state, effect: finish('gone', { httpStatus: answer.status }) };
  if (state.isFinal || writes >= WRITES_MAX) return { state, effect: refusal };
  return {
    state: { at: 'waiting', writes },
    effect: { kind: 'wait', durationMs: CONFLICT_WAIT_MS * 2 ** (writes - 1) },
  };
}

function unread(refusal: Finish, read: Finish): string {
  return `${refusal.message}; reading the pod to learn more failed: ${read.message || `HTTP ${read.httpStatus}`}`;
}
