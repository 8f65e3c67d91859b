import type { RequestReport } from '../../client/api.ts';
import type { ReaderProblem } from './cluster-reader.ts';

/** What keeps the process from seeing the cluster right now, in words, for `/readyz`. */
export class ReaderProblems {
  readonly #latest = new Map<string, string>();
  /** Why the latest request got no answer; undefined when it got one. */
  #unreachable: string | undefined;

  note({ stream, problem }: ReaderProblem): void {
    if (problem.phase !== 'object') this.#latest.set(stream, problem.message);
  }

  /** Any answer, even a refusal, shows that the API server is there. */
  onRequest({ code, verb, resource }: RequestReport): void {
    const isAnswer = /^\d+$/.test(code);
    if (!isAnswer && code !== 'aborted') this.#unreachable = `${verb} ${resource}: ${code}`;
    else if (isAnswer) this.#unreachable = undefined;
  }

  get unreachable(): string | undefined {
    return this.#unreachable;
  }

  /** The latest problem of every stream that had one. */
  describe(): string {
    return [...this.#latest].map(([stream, message]) => `${stream}: ${message}`).join('; ');
  }

  clear(): void {
    this.#latest.clear();
  }
}
