import { isWriteRefused, type Outcome, type OutcomeCode } from '../protocol/outcome.ts';
import { type DaemonSetKey, nodeOfSlot } from '../protocol/slot.ts';
import type { Followed } from './followed.ts';
import type { ControllerPorts, LogFields } from './ports.ts';
import { RepeatedProblem } from './repeated-problem.ts';
import { REASONS, type Statement } from './statements.ts';

type Say = (about: Followed, statement: Statement) => void;

/**
 * What is told of single writes. Refusals are events; what backs off or is settled by the watch is a line in the log, and
 * in an outage one for all nodes of a DaemonSet that have the same trouble.
 */
export class WriteNotices {
  readonly #log: ControllerPorts['log'];
  readonly #say: Say;
  readonly #unconfirmed = new Map<DaemonSetKey, Map<OutcomeCode, RepeatedProblem>>();

  constructor(log: ControllerPorts['log'], say: Say) {
    this.#log = log;
    this.#say = say;
  }

  outcome(followed: Followed, outcome: Outcome, nowMs: number): void {
    const { code, message, action } = outcome;
    if (code === 'dry-run') {
      this.#log('debug', 'pod would be written', { ...fieldsOf(outcome), daemonSet: followed.key, outcome: code });
    } else if (code === 'done' || code === 'gone') {
      if (action !== 'observe') this.#confirmed(followed.key, nowMs);
      if (action === 'force-delete' && code === 'done') this.#forced(followed, outcome);
      else this.#log('debug', 'pod written', { ...fieldsOf(outcome), daemonSet: followed.key, outcome: code });
    } else if (isWriteRefused(outcome)) {
      const reason = code === 'forbidden' ? REASONS.writeForbidden : REASONS.writeRejected;
      const fields = failureOf(outcome);
      this.#say(followed, { level: 'warn', reason, message: `cannot ${action} pods: ${message}`, fields });
    } else {
      this.#notConfirmed(followed.key, outcome, nowMs);
    }
  }

  forget(key: DaemonSetKey): void {
    this.#unconfirmed.delete(key);
  }

  #forced(followed: Followed, outcome: Outcome): void {
    const node = nodeOfSlot(outcome.slot);
    const message = `node ${node}: the pod was stuck in Terminating and was deleted by force, as the DaemonSet asks for`;
    this.#say(followed, { level: 'warn', reason: REASONS.stuckForced, message, fields: fieldsOf(outcome) });
  }

  #notConfirmed(daemonSet: DaemonSetKey, outcome: Outcome, nowMs: number): void {
    const problems = this.#unconfirmed.get(daemonSet) ?? new Map<OutcomeCode, RepeatedProblem>();
    this.#unconfirmed.set(daemonSet, problems);
    const problem = problems.get(outcome.code) ?? new RepeatedProblem();
    problems.set(outcome.code, problem);
    const count = problem.failed(nowMs);
    const fields = { ...failureOf(outcome), daemonSet };
    if (count === undefined) this.#log('debug', 'write not confirmed', fields);
    else this.#log('warn', 'write not confirmed', count === 1 ? fields : { ...fields, count });
  }

  #confirmed(daemonSet: DaemonSetKey, nowMs: number): void {
    for (const [outcome, problem] of this.#unconfirmed.get(daemonSet) ?? []) {
      const past = problem.succeeded(nowMs);
      if (past !== undefined) this.#log('info', 'writes confirmed again', { daemonSet, outcome, ...past });
    }
  }
}

function failureOf(outcome: Outcome): LogFields {
  const { code, httpStatus, message } = outcome;
  return { ...fieldsOf(outcome), httpStatus, outcome: code, detail: message };
}

function fieldsOf({ slot, uid, action, durationMs }: Outcome): LogFields {
  return { node: nodeOfSlot(slot), uid, action, durationMs: Math.round(durationMs) };
}
