import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiRequest, ApiResponse } from '../../client/api.ts';
import { monotonicMs } from '../../clock.ts';
import type { LogFields, LogLevel } from '../../controller/ports.ts';
import { logRepeated, RepeatedProblem } from '../../controller/repeated-problem.ts';
import { DEPLOYED_NAMESPACE, type RunOptions } from '../options.ts';
import { type OtherLeaders, otherLeaders } from './other-leaders.ts';

export interface LeadershipGuardOptions {
  readonly request: (request: ApiRequest) => Promise<ApiResponse>;
  readonly options: Pick<RunOptions, 'leaderElect' | 'namespaces' | 'isDryRun'>;
  /** Of the lease, unless the options name another. */
  readonly namespace: string;
  readonly isInCluster: boolean;
  readonly log: (level: LogLevel, message: string, fields: LogFields) => void;
}

/**
 * Keeps a second controller from leading by accident: one that runs on somebody's machine has its lease in the namespace of its
 * context, where the one in the cluster does not look.
 */
export class LeadershipGuard {
  readonly #options: LeadershipGuardOptions;
  readonly #closing = new AbortController();

  constructor(options: LeadershipGuardOptions) {
    this.#options = options;
  }

  /** False when another one leads, which is then logged. Asks until it is answered, or closed. */
  async mayStart(): Promise<boolean> {
    const { leaderElect, isDryRun } = this.#options.options;
    // Who names the namespace has chosen an election.
    const isChosen = leaderElect.resourceNamespace !== undefined || leaderElect.shouldIgnoreOthers;
    if (isDryRun || !leaderElect.isEnabled || isChosen) return true;
    const problem = new RepeatedProblem();
    while (!this.#closing.signal.aborted) {
      const found = await this.#look();
      if (found.code !== 'no-answer') return this.#judge(found);
      if (this.#closing.signal.aborted) return true;
      const fields = { detail: found.message };
      const count = problem.failed(monotonicMs());
      logRepeated(this.#options.log, { message: 'other controllers not looked for', fields, count });
      await this.#pause(leaderElect.timings.retryPeriodMs);
    }
    return true;
  }

  close(): void {
    this.#closing.abort();
  }

  #look(): Promise<OtherLeaders> {
    const { request, options, namespace } = this.#options;
    const { signal } = this.#closing;
    return otherLeaders({
      request: (asked) => request({ ...asked, signal }),
      name: options.leaderElect.resourceName,
      namespace,
      likelyNamespaces: [DEPLOYED_NAMESPACE, ...options.namespaces],
      now: Date.now,
      pause: (durationMs) => this.#pause(durationMs),
    });
  }

  #judge(found: Exclude<OtherLeaders, { readonly code: 'no-answer' }>): boolean {
    const { log, isInCluster, options, namespace } = this.#options;
    const { resourceName } = options.leaderElect;
    if (found.code === 'held') {
      log('error', 'another controller leads', {
        lease: `${found.namespace}/${resourceName}`,
        holder: found.holder,
        until: new Date(found.untilMs).toISOString(),
        detail:
          `${found.holder} leads by the lease ${resourceName} in namespace ${found.namespace}, and this one would have its own in ` +
          `${namespace}: both would replace pods, neither knowing of the other. Stop that one; or stand by for it with ` +
          `--leader-elect-resource-namespace=${found.namespace}; or, if both are meant, start this one with ` +
          '--leader-elect-ignore-other-namespaces',
      });
      return false;
    }
    if (found.code === 'forbidden') {
      const looked = found.looked.length === 0 ? 'nowhere' : `only in ${found.looked.join(', ')}`;
      // deploy/ does not grant it, and nothing is wrong with that.
      log(isInCluster ? 'debug' : 'warn', 'other controllers not looked for', {
        detail:
          `a controller that leads in another namespace would not be noticed (looked ${looked}): ${found.message}; ` +
          'name the namespace of the lease with --leader-elect-resource-namespace, or get the right to list leases',
      });
    }
    return true;
  }

  async #pause(durationMs: number): Promise<void> {
    await sleep(durationMs, undefined, { signal: this.#closing.signal }).catch(() => {});
  }
}
