import { lossOf } from '../cache/contact.ts';
import type { RequestReport } from '../client/api.ts';
import type { ControllerPorts } from '../controller/ports.ts';
import { logRepeated, RepeatedProblem } from '../controller/repeated-problem.ts';
import type { Metrics } from '../server/metrics.ts';
import type { ReaderProblem, StreamContact } from './cluster-reader.ts';

/** A hundred DaemonSets' pods fail for one reason; nobody reads it a hundred times. */
const STREAMS_SHOWN_MAX = 5;

/** Whether the API server answers at all, for `/readyz`. */
export class Reachability {
  /** Why the latest request got no answer; undefined when it got one. */
  #problem: string | undefined;

  /** Any answer, even a refusal, shows that the API server is there. */
  onRequest({ code, verb, resource }: RequestReport): void {
    const isAnswer = /^\d+$/.test(code);
    if (!isAnswer && code !== 'aborted') this.#problem = `${verb} ${resource}: ${code}`;
    else if (isAnswer) this.#problem = undefined;
  }

  get problem(): string | undefined {
    return this.#problem;
  }
}

/**
 * Counts what readers could not use, and says it: a watch fails at every attempt while the API server is away, and an object
 * that is left out comes again with each of its changes.
 */
export class ReaderProblems {
  readonly #metrics: Pick<Metrics, 'watchRestarted' | 'objectLeftOut'>;
  readonly #log: ControllerPorts['log'];
  /** By stream. */
  readonly #interrupted = new Map<string, RepeatedProblem>();
  /** By resource. */
  readonly #leftOut = new Map<string, RepeatedProblem>();

  constructor(metrics: Pick<Metrics, 'watchRestarted' | 'objectLeftOut'>, log: ControllerPorts['log']) {
    this.#metrics = metrics;
    this.#log = log;
  }

  note({ stream, problem }: ReaderProblem, nowMs: number): void {
    const [resource = ''] = stream.split(' ');
    const fields = { stream, detail: problem.message };
    if (problem.phase !== 'object') {
      this.#metrics.watchRestarted(resource);
      logRepeated(this.#log, {
        message: 'watch interrupted',
        fields,
        count: countOf(this.#interrupted, stream, nowMs),
      });
    } else {
      this.#metrics.objectLeftOut(resource);
      logRepeated(this.#log, { message: 'object left out', fields, count: countOf(this.#leftOut, resource, nowMs) });
    }
  }

  /** To be called about once a second: says which interruptions are over, and forgets those of streams that nobody reads any more. */
  look(contacts: readonly StreamContact[], nowMs: number): void {
    if (this.#interrupted.size === 0) return;
    const reasons = new Map(contacts.map(({ stream, reason }) => [stream, reason]));
    for (const [stream, interruption] of this.#interrupted) {
      const reason = reasons.get(stream);
      if (reason === undefined) this.#interrupted.delete(stream);
      const past = reason === '' ? interruption.succeeded(nowMs) : undefined;
      if (past !== undefined) this.#log('info', 'watch works again', { stream, ...past });
    }
  }
}

function countOf(problems: Map<string, RepeatedProblem>, key: string, nowMs: number): number | undefined {
  const known = problems.get(key) ?? new RepeatedProblem();
  problems.set(key, known);
  return known.failed(nowMs);
}

/** Why the first lists are not read; '' when nothing is wrong with those under way. */
export function describeFailures(contacts: readonly StreamContact[]): string {
  return firstOf(contacts.flatMap(({ stream, reason }) => (reason === '' ? [] : [`${stream}: ${reason}`])));
}

/** What of the cluster is not followed any more, and why; '' when all of it is. */
export function describeLosses(contacts: readonly StreamContact[]): string {
  return firstOf(
    contacts.flatMap(({ stream, ...contact }) => {
      const loss = lossOf(contact);
      return loss === undefined ? [] : [`${stream}: ${loss}`];
    }),
  );
}

function firstOf(lines: readonly string[]): string {
  const more = lines.length - STREAMS_SHOWN_MAX;
  return lines.slice(0, STREAMS_SHOWN_MAX).join('; ') + (more > 0 ? `; and ${more} more` : '');
}
