import type { OutcomeCode } from '../../src/protocol/outcome.ts';
import type { Answer, Finish, StepInput } from './step.ts';

const NOTHING: Finish = {
  kind: 'finish',
  code: 'done',
  httpStatus: 0,
  message: '',
  retryAfterMs: 0,
  isTerminating: false,
};

export function finish(code: OutcomeCode, rest: Partial<Finish> = {}): Finish {
  return { ...NOTHING, ...rest, code };
}

/** How a request ended that no machine treats specially: the rules that all of them share. */
export function finishOf(answer: Answer): Finish {
  if (answer.kind === 'failure') {
    // What never left can be sent again without a second thought.
    return finish(answer.wasSent ? 'unknown' : 'throttled', { message: answer.message });
  }
  const { status, message, retryAfterMs } = answer;
  const rest = { httpStatus: status, message, retryAfterMs };
  if (status >= 200 && status < 300) return finish('done', { ...rest, message: '' });
  if (status === 404) return finish('gone', rest);
  if (status === 401 || status === 403) return finish('forbidden', rest);
  if (status === 409) return finish('conflict', rest);
  if (status === 429) return finish('throttled', rest);
  // A 503 that names a time is the server shedding load before it did anything; any other 5xx may come from a proxy
  // that gave up on a request that was applied.
  if (status === 503 && retryAfterMs > 0) return finish('throttled', rest);
  if (status >= 500) return finish('unknown', rest);
  return finish('rejected', rest);
}

/** How a run ends whose request did not leave; undefined for every other input. */
export function finishUnsent(input: StepInput): Finish | undefined {
  if (input.kind === 'fenced') return finish('fenced', { message: 'the lease may have run out' });
  if (input.kind === 'too-late') return finish('throttled', { message: 'the time for this task was over' });
  return undefined;
}
