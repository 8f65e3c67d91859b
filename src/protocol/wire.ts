import type { Fields } from './actions/action.ts';
import { ACTIONS } from './actions/registry.ts';
import type { Outcome, OutcomeCode } from './outcome.ts';
import type { Task, TaskBatch } from './task.ts';

/**
 * Batches and outcomes as they cross the thread boundary: one text and one array of numbers each. Cloning 64 objects with
 * their property names takes five times as long, and what the sender knows already does not come back at all.
 */

export interface WireBatch extends Omit<TaskBatch, 'tasks'> {
  /** Comes back with outcomes that do not wait for the rest of their batch. */
  readonly id: number;
  /** The strings of all tasks, one after the other. Their lengths are in `numbers`, so they may hold anything. */
  readonly text: string;
  /** For each task its action, its flags as bits, and the length of each string. */
  readonly numbers: Uint32Array;
}

export interface WireOutcomes {
  readonly id: number;
  /** For each outcome the task's index in its batch, the code, the HTTP status, Retry-After, duration, and whether it is terminating. */
  readonly numbers: Float64Array;
  /** One for each outcome; undefined when all are empty. */
  readonly messages: readonly string[] | undefined;
}

/** How one task of a batch ended. */
export interface EndedTask {
  readonly index: number;
  readonly outcome: Outcome;
}

/** What is packed of each action's payload. */
const PACKED = ACTIONS.map(({ name, number, fields }) => ({
  name,
  number,
  flags: namesOf(fields, 'flag'),
  texts: namesOf(fields, 'text'),
}));
const PACKED_NAMED = new Map(PACKED.map((packed) => [packed.name, packed]));
const PACKED_NUMBERED = new Map<number, (typeof PACKED)[number]>(PACKED.map((packed) => [packed.number, packed]));

const CODE_NUMBERS = {
  done: 0,
  gone: 1,
  throttled: 2,
  conflict: 3,
  forbidden: 4,
  rejected: 5,
  fenced: 6,
  'dry-run': 7,
  unknown: 8,
} satisfies Record<OutcomeCode, number>;
const CODES = inOrder<OutcomeCode>(CODE_NUMBERS);

/** Action, flags, and the lengths of slot, namespace, pod and UID. */
const POD_NUMBERS = 6;
const TASK_NUMBERS = POD_NUMBERS + Math.max(...PACKED.map(({ texts }) => texts.length));
const OUTCOME_NUMBERS = 6;

export function packBatch(id: number, batch: TaskBatch): WireBatch {
  const { tasks, writeUntilMs, writeUntilWallMs, taskTimeoutMs, isDryRun } = batch;
  const numbers = new Uint32Array(tasks.length * TASK_NUMBERS);
  const texts: string[] = [];
  let at = 0;
  for (const task of tasks) {
    const { slot, namespace, pod, uid } = task;
    const packed = known(PACKED_NAMED.get(task.action));
    const payload = task as unknown as Readonly<Record<string, string | boolean>>;
    numbers[at] = packed.number;
    numbers[at + 1] = packed.flags.reduce((bits, flag, bit) => (payload[flag] === true ? bits | (1 << bit) : bits), 0);
    numbers[at + 2] = slot.length;
    numbers[at + 3] = namespace.length;
    numbers[at + 4] = pod.length;
    numbers[at + 5] = uid.length;
    texts.push(slot, namespace, pod, uid);
    for (const [index, name] of packed.texts.entries()) {
      const value = String(payload[name]);
      numbers[at + POD_NUMBERS + index] = value.length;
      texts.push(value);
    }
    at += TASK_NUMBERS;
  }
  return { id, text: texts.join(''), numbers, writeUntilMs, writeUntilWallMs, taskTimeoutMs, isDryRun };
}

export function unpackBatch(wire: WireBatch): TaskBatch {
  const { text, numbers, writeUntilMs, writeUntilWallMs, taskTimeoutMs, isDryRun } = wire;
  const tasks: Task[] = [];
  let from = 0;
  const next = (length: number | undefined): string => {
    const start = from;
    from += length ?? 0;
    return text.slice(start, from);
  };
  for (let at = 0; at < numbers.length; at += TASK_NUMBERS) {
    const slot = next(numbers[at + 2]) as Task['slot'];
    const base = { slot, namespace: next(numbers[at + 3]), pod: next(numbers[at + 4]), uid: next(numbers[at + 5]) };
    const { name, flags, texts } = known(PACKED_NUMBERED.get(numbers[at] ?? -1));
    const task: Record<string, string | boolean> = { ...base, action: name };
    for (const [bit, flag] of flags.entries()) task[flag] = ((numbers[at + 1] ?? 0) & (1 << bit)) !== 0;
    for (const [index, text] of texts.entries()) task[text] = next(numbers[at + POD_NUMBERS + index]);
    tasks.push(task as unknown as Task);
  }
  return { tasks, writeUntilMs, writeUntilWallMs, taskTimeoutMs, isDryRun };
}

export function packOutcomes(id: number, ended: readonly EndedTask[]): WireOutcomes {
  const numbers = new Float64Array(ended.length * OUTCOME_NUMBERS);
  let hasMessage = false;
  let at = 0;
  for (const { index, outcome } of ended) {
    numbers[at] = index;
    numbers[at + 1] = CODE_NUMBERS[outcome.code];
    numbers[at + 2] = outcome.httpStatus;
    numbers[at + 3] = outcome.retryAfterMs;
    numbers[at + 4] = outcome.durationMs;
    numbers[at + 5] = outcome.isTerminating ? 1 : 0;
    if (outcome.message !== '') hasMessage = true;
    at += OUTCOME_NUMBERS;
  }
  return { id, numbers, messages: hasMessage ? ended.map(({ outcome }) => outcome.message) : undefined };
}

/** The outcomes of some of the tasks of a batch. They hold the sender's own strings, whose hashes are known: look-ups by them are quick. */
export function unpackOutcomes(wire: WireOutcomes, tasks: readonly Task[]): Outcome[] {
  const { numbers, messages } = wire;
  const outcomes: Outcome[] = [];
  for (let at = 0; at < numbers.length; at += OUTCOME_NUMBERS) {
    const { slot, action, uid } = known(tasks[numbers[at] ?? -1]);
    outcomes.push({
      slot,
      action,
      uid,
      code: known(CODES[numbers[at + 1] ?? -1]),
      httpStatus: numbers[at + 2] ?? 0,
      message: messages?.[outcomes.length] ?? '',
      retryAfterMs: numbers[at + 3] ?? 0,
      durationMs: numbers[at + 4] ?? 0,
      isTerminating: numbers[at + 5] === 1,
    });
  }
  return outcomes;
}

function namesOf(fields: Fields, kind: Fields[string]): readonly string[] {
  return Object.keys(fields).filter((name) => fields[name] === kind);
}

function inOrder<Name extends string>(numbers: Readonly<Record<Name, number>>): readonly Name[] {
  const names = Object.keys(numbers) as Name[];
  return names.sort((a, b) => numbers[a] - numbers[b]);
}

/** Both ends are the same build, so what is not known here is a bug. */
function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a message between threads that does not fit its batch');
  return value;
}
