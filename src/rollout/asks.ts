import { isWriteRefused, type Outcome } from '../protocol/outcome.ts';
import type { Task } from '../protocol/task.ts';
import type { Answers } from './answers.ts';
import type { Facts } from './facts.ts';
import { noteRefusal } from './holdback.ts';
import { isMarked, pendingMark } from './marks.ts';
import type { Answer, Ask, Choice, Slot } from './slot-state.ts';
import { noteForced } from './stuck.ts';

/**
 * What the dispatcher does after an outcome. `watch`: nothing, the slot stays in flight until the watch (or a read after
 * a deadline) tells; `retry`: ask for the slot's task again, with backoff, not before `afterMs`; `drop`: nothing, the slot
 * is free and will be selected again.
 */
export interface AfterOutcome {
  readonly then: 'watch' | 'retry' | 'drop';
  readonly afterMs: number;
  /** The cluster has shown already what became of it, whatever the outcome says. */
  readonly isShown?: true;
}

/** How long the watch may take to show a write before the pod is read; doubles with each read that tells nothing. */
const OBSERVE_AFTER_MS = 30_000;
/**
 * The same when it is not even known whether the deletion was applied, or the read told nothing (a dead lane, a lost
 * connection): a read is cheap, and until it is made the slot keeps a place of the budget.
 */
export const OBSERVE_UNKNOWN_AFTER_MS = 5_000;
const OBSERVE_DOUBLINGS_MAX = 4;

const WATCH = after('watch', 0);
export const SHOWN: AfterOutcome = { ...WATCH, isShown: true };
const DROP = after('drop', 0);

export function newAsk(action: Ask['action'], uid: string, choice: Choice): Ask {
  return {
    action,
    uid,
    choice,
    phase: 'asked',
    dueMs: Number.POSITIVE_INFINITY,
    hash: undefined,
    observeCount: 0,
    mark: undefined,
    setback: undefined,
    isFateUnknown: false,
  };
}

/** A write as it left: what it is for, and why it was made. */
export interface Write {
  /** Of the pod. */
  readonly fromHash: string | undefined;
  /** The target. */
  readonly toHash: string | undefined;
  readonly choice: Choice;
}

/** Undefined: it is a read. */
export function onSent({ pods }: Slot, ask: Ask, facts: Facts): Write | undefined {
  if (ask.phase === 'observe-asked') ask.phase = 'observe-sent';
  if (ask.phase !== 'asked') return undefined;
  ask.phase = 'sent';
  ask.hash = facts.target?.hash;
  const pod = pods.find(({ record }) => record.uid === ask.uid)?.record;
  return { fromHash: pod?.revisionHash, toHash: ask.hash, choice: ask.choice };
}

/** Whether the cluster shows what was asked for: a pod on its way out, or the condition that was written. */
export function isAskSettled(slot: Slot, ask: Ask, facts: Facts): boolean {
  const pod = slot.pods.find(({ record }) => record.uid === ask.uid)?.record;
  if (pod === undefined) return true;
  if (ask.action === 'force-delete') return !pod.isTerminating;
  if (pod.isTerminating) return true;
  if (ask.action === 'delete') return false;
  return ask.mark === undefined ? pendingMark(slot, facts) === undefined : isMarked(pod, ask.mark);
}

interface OutcomeContext {
  readonly facts: Facts;
  readonly answers: Answers;
  readonly nowMs: number;
}

/** Takes an answer that belongs to what was asked; others (late, of an earlier pod) change nothing. */
export function takeOutcome(slot: Slot, outcome: Outcome, at: OutcomeContext): AfterOutcome {
  const { ask } = slot;
  if (ask === undefined || ask.uid !== outcome.uid) return SHOWN;
  if (outcome.action === 'observe') {
    return ask.phase === 'observe-sent' ? takeObservation(slot, outcome, { ...at, ask }) : WATCH;
  }
  if (ask.phase !== 'sent' || ask.action !== outcome.action) return WATCH;
  switch (outcome.code) {
    case 'done':
    case 'gone':
    case 'unknown':
      if (ask.action === 'force-delete') noteForced(slot, ask.uid, at.nowMs);
      ask.isFateUnknown = outcome.code === 'unknown';
      if (outcome.code !== 'unknown' && slot.refusal?.action === ask.action) slot.refusal = undefined;
      // A mark is not read but written again, so it gets the time that a slow watch may need.
      return outcome.code === 'unknown' && ask.action !== 'mark' ? readSoon(ask, at.nowMs) : watch(ask, at.nowMs);
    case 'throttled':
    case 'conflict':
      return retry(ask, at.answers.of(slot, outcome), outcome.retryAfterMs);
    case 'forbidden':
    case 'rejected':
      if (!isWriteRefused(outcome)) return retry(ask, at.answers.of(slot, outcome), outcome.retryAfterMs);
      // The pod is as it was: it keeps nobody waiting, and asks for a place again.
      noteRefusal(slot, ask.action, { outcome, answer: at.answers.of(slot, outcome), nowMs: at.nowMs });
      slot.ask = undefined;
      return DROP;
    case 'fenced':
    // A dry run sends nothing, so nobody hears this.
    case 'dry-run':
      slot.ask = undefined;
      return DROP;
  }
}

function takeObservation(slot: Slot, outcome: Outcome, at: OutcomeContext & { readonly ask: Ask }): AfterOutcome {
  const { ask, nowMs } = at;
  ask.observeCount += 1;
  switch (outcome.code) {
    case 'unknown':
      // The read told nothing, whatever made it fail is likely to be over soon, and the slot keeps its place until then.
      return readSoon(ask, nowMs);
    case 'gone':
    case 'dry-run':
    case 'fenced':
      return watch(ask, nowMs);
    case 'done':
      if (outcome.isTerminating) return watch(ask, nowMs);
      // The deletion was not applied. It stays asked rather than being dropped: should it still arrive after all, nobody
      // else has taken its place in the budget.
      slot.ask = newAsk('delete', ask.uid, ask.choice);
      return after('retry', 0);
    case 'throttled':
    case 'conflict':
    case 'forbidden':
    case 'rejected':
      return retry(ask, at.answers.of(slot, outcome), outcome.retryAfterMs);
  }
}

/** A plain record; nobody awaits it. */
function after(then: AfterOutcome['then'], afterMs: number): AfterOutcome {
  return { then, afterMs };
}

function watch(ask: Ask, nowMs: number): AfterOutcome {
  ask.phase = 'watching';
  ask.setback = undefined;
  ask.dueMs = nowMs + OBSERVE_AFTER_MS * 2 ** Math.min(ask.observeCount, OBSERVE_DOUBLINGS_MAX);
  return WATCH;
}

function readSoon(ask: Ask, nowMs: number): AfterOutcome {
  watch(ask, nowMs);
  ask.dueMs = nowMs + OBSERVE_UNKNOWN_AFTER_MS;
  return WATCH;
}

/** Asks for the same once more. */
function retry(ask: Ask, setback: Answer, afterMs: number): AfterOutcome {
  ask.phase = ask.phase === 'observe-sent' ? 'observe-asked' : 'asked';
  ask.setback = setback;
  return after('retry', afterMs);
}

/** The deadline of a watched write has passed: a deletion is looked at, what can be repeated is let go. */
export function onDeadline(slot: Slot, ask: Ask): void {
  if (ask.action !== 'delete') slot.ask = undefined;
  else ask.phase = 'observe-due';
}

/** What is to be written is known from now on. */
export function noteTask(ask: Ask, task: Task): void {
  if (task.action !== 'mark') return;
  ask.uid = task.uid;
  ask.mark = { needsUpgrade: task.needsUpgrade, hash: task.hash };
}

/** Forgets what has not left; what may have been applied stays. */
export function releaseAsk(slot: Slot, ask: Ask, nowMs: number): void {
  if (ask.phase === 'asked') slot.ask = undefined;
  else if (ask.phase === 'observe-asked') watch(ask, nowMs);
}
