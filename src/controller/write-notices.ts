import { isWriteRefused, type Outcome, type OutcomeCode } from '../protocol/outcome.ts';
import { type DaemonSetKey, nodeOfSlot } from '../protocol/slot.ts';
import type { Followed } from './followed.ts';
import type { ControllerPorts, LogFields } from './ports.ts';
import { logRepeated, RepeatedProblem } from './repeated-problem.ts';
import { REASONS, type Statement } from './statements.ts';

type Tell = (about: Followed, statement: Statement) => void;

interface WriteNoticesPorts {
  readonly log: ControllerPorts['log'];
  /** An event. */
  readonly record: Tell;
}

interface Problems {
  readonly unconfirmed: Map<OutcomeCode, RepeatedProblem>;
  readonly refused: Map<string, RefusedWrites>;
}

interface RefusedWrites {
  readonly action: Outcome['action'];
  readonly outcome: OutcomeCode;
  readonly problem: RepeatedProblem;
  /** One that had been refused was accepted since the last refusal. */
  isAccepted: boolean;
}

/**
 * What is told of single writes that were not accepted. What backs off or is settled by the watch is a line in the log, one
 * for all nodes of a DaemonSet that have the same trouble; so is what is refused, which is an event too. Each refusal is
 * recorded, because the recorder makes one Event of them, whose count it writes once a minute.
 */
export class WriteNotices {
  readonly #ports: WriteNoticesPorts;
  readonly #problems = new Map<DaemonSetKey, Problems>();

  constructor(ports: WriteNoticesPorts) {
    this.#ports = ports;
  }

  outcome(followed: Followed, outcome: Outcome, nowMs: number): void {
    const { code, action } = outcome;
    if (code === 'done' || code === 'gone') {
      if (action !== 'observe') this.#confirmed(followed.key, nowMs);
      if (code === 'done' && followed.rollout.wasRefused(outcome)) this.#accepted(followed.key, action);
      if (action === 'observe') {
        this.#ports.log('debug', 'pod read', { ...fieldsOf(outcome), daemonSet: followed.key, outcome: code });
      }
    } else if (isWriteRefused(outcome)) {
      this.#refused(followed, outcome, nowMs);
    } else {
      this.#notConfirmed(followed.key, outcome, nowMs);
    }
  }

  /** Says what is over: nobody waits for a refused write now, and one was accepted, or none is left that may have to be done. */
  post({ key, rollout }: Followed, nowMs: number): void {
    const refused = this.#problems.get(key)?.refused;
    if (refused === undefined || refused.size === 0 || rollout.counts().refused > 0) return;
    for (const each of refused.values()) if (each.isAccepted || !rollout.hasRefusedBefore) this.#over(key, each, nowMs);
  }

  /** Nothing more is written. */
  forget(key: DaemonSetKey, nowMs: number): void {
    for (const each of this.#problems.get(key)?.refused.values() ?? []) this.#over(key, each, nowMs);
    this.#problems.delete(key);
  }

  #over(daemonSet: DaemonSetKey, { action, outcome, problem }: RefusedWrites, nowMs: number): void {
    const past = problem.succeeded(nowMs);
    if (past === undefined) return;
    this.#ports.log('info', 'writes are not refused any more', { daemonSet, action, outcome, ...past });
  }

  #refused(followed: Followed, outcome: Outcome, nowMs: number): void {
    const { action, code, message } = outcome;
    const reason = code === 'forbidden' ? REASONS.writeForbidden : REASONS.writeRejected;
    const detail = `cannot ${action} pods: ${message}`;
    this.#ports.record(followed, { level: 'warn', reason, message: detail });
    const { refused } = this.#problemsOf(followed.key);
    const known = refused.get(`${action} ${code}`) ?? newRefused(action, code);
    known.isAccepted = false;
    refused.set(`${action} ${code}`, known);
    const fields = { ...failureOf(outcome), detail, daemonSet: followed.key };
    logRepeated(this.#ports.log, { message: reason, fields, count: known.problem.failed(nowMs) });
  }

  #accepted(key: DaemonSetKey, action: Outcome['action']): void {
    for (const each of this.#problems.get(key)?.refused.values() ?? [])
      if (each.action === action) each.isAccepted = true;
  }

  #notConfirmed(daemonSet: DaemonSetKey, outcome: Outcome, nowMs: number): void {
    const { unconfirmed } = this.#problemsOf(daemonSet);
    const problem = unconfirmed.get(outcome.code) ?? new RepeatedProblem();
    unconfirmed.set(outcome.code, problem);
    const fields = { ...failureOf(outcome), daemonSet };
    logRepeated(this.#ports.log, { message: 'write not confirmed', fields, count: problem.failed(nowMs) });
  }

  #problemsOf(key: DaemonSetKey): Problems {
    const problems = this.#problems.get(key) ?? { unconfirmed: new Map(), refused: new Map() };
    this.#problems.set(key, problems);
    return problems;
  }

  #confirmed(daemonSet: DaemonSetKey, nowMs: number): void {
    for (const [outcome, problem] of this.#problems.get(daemonSet)?.unconfirmed ?? []) {
      const past = problem.succeeded(nowMs);
      if (past !== undefined) this.#ports.log('info', 'writes confirmed again', { daemonSet, outcome, ...past });
    }
  }
}

function newRefused(action: Outcome['action'], outcome: OutcomeCode): RefusedWrites {
  return { action, outcome, problem: new RepeatedProblem(), isAccepted: false };
}

function failureOf(outcome: Outcome): LogFields {
  const { code, httpStatus, message } = outcome;
  return { ...fieldsOf(outcome), httpStatus, outcome: code, detail: message };
}

function fieldsOf({ slot, uid, action, durationMs }: Outcome): LogFields {
  return { node: nodeOfSlot(slot), uid, action, durationMs: Math.round(durationMs) };
}
