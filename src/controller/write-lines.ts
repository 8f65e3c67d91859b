import { writeNamed } from '../protocol/actions/registry.ts';
import type { Outcome } from '../protocol/outcome.ts';
import { daemonSetOfSlot, nodeOfSlot } from '../protocol/slot.ts';
import type { Task } from '../protocol/task.ts';
import type { Write } from '../rollout/asks.ts';
import { whyChosen } from '../rollout/choice.ts';
import type { LogFields } from './ports.ts';

/** What is with a lane. `write` is undefined for a read. */
export interface Sent {
  readonly task: Task;
  readonly write: Write | undefined;
}

/** What became of a write, as far as it is known; of any other end nothing was written. */
type Fate = 'done' | 'gone' | 'unknown';

export interface WriteLine {
  readonly message: string;
  readonly fields: LogFields;
  readonly fate: Fate;
}

/**
 * The line about a write, once its fate is known, or known not to be known: what was only sent may have been refused.
 * Undefined: nothing was written.
 */
export function writeLine({ task, write }: Sent, outcome: Outcome, isShown: boolean): WriteLine | undefined {
  const { action } = task;
  if (action === 'observe' || write === undefined) return undefined;
  const fate = fateOf(outcome.code, isShown);
  if (fate === undefined) return undefined;
  const fields = {
    daemonSet: daemonSetOfSlot(task.slot),
    node: nodeOfSlot(task.slot),
    pod: task.pod,
    uid: task.uid,
    action,
    fromHash: write.fromHash ?? '',
    toHash: write.toHash ?? '',
    reason: whyChosen(write.choice, task),
    durationMs: Math.round(outcome.durationMs),
  };
  const message = writeNamed(action).words[fate];
  return { message, fate, fields: fate === 'unknown' ? { ...fields, detail: outcome.message } : fields };
}

function fateOf(code: Outcome['code'], isShown: boolean): Fate | undefined {
  if (code === 'unknown') return isShown ? 'done' : 'unknown';
  return code === 'done' || code === 'gone' ? code : undefined;
}
