import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiRequest, ApiResponse } from '../client/api.ts';
import { monotonicMs } from '../clock.ts';
import type { LogFields, LogLevel } from '../controller/ports.ts';
import { logRepeated, RepeatedProblem } from '../controller/repeated-problem.ts';
import { DEPLOYED_NAMESPACE, type RunOptions } from './options.ts';
import { type OtherLeaders, otherLeaders } from './other-leaders.ts';

export interface LeadershipGuardOptions {
  readonly request: (request: ApiRequest) => Promise<ApiResponse>;
  readonly options: Pick<RunOptions, 'leaderElect' | 'namespaces' | 'isDryRun'>;
  /** Of the lease, unless the options name another. */
  readonly namespace: string;
  readonly isInCluster: boolean;
  readonly log: (level: LogLevel, message: string, fields: LogFields) => void;
  /** Another one leads, and this process has to end. */
  readonly onRefused: () => void;
  readonly lookIntervalMs?: number;
}

const LOOK_INTERVAL_MS = 60_000;

/**
 * Keeps a second controller from leading by accident: one that runs on somebody's machine has its lease in the namespace of its
 * context, where the one in the cluster does not look.
 */
export class LeadershipGuard {
  readonly #options: LeadershipGuardOptions;
  readonly #closing = new AbortController();
  #isWatching = false;

  constructor(options: LeadershipGuardOptions) {
    this.#options = options;
  }

  /** False when another one leads, which is then logged. Asks until it is answered, or closed. */
  async mayStart(): Promise<boolean> {
    if (!this.#isMeant) return true;
    const { leaderElect } = this.#options.options;
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

  /**
   * Looks again, now and then, once this process leads: two may have started at the same time, and whoever started later may have had
   * no right to look. The one whose lease is older stays.
   */
  async watch(): Promise<void> {
    if (!this.#isMeant || this.#isWatching) return;
    this.#isWatching = true;
    while (!this.#closing.signal.aborted) {
      const found = await this.#look();
      if (this.#closing.signal.aborted || found.code === 'forbidden') return;
      if (found.code === 'held' && found.isEarlier) {
        this.#judge(found);
        return;
      }
      if (found.code === 'held') this.#say('warn', 'another controller leads too', found);
      await this.#pause(this.#options.lookIntervalMs ?? LOOK_INTERVAL_MS);
    }
  }

  /** Who names the namespace has chosen an election. */
  get #isMeant(): boolean {
    const { leaderElect, isDryRun } = this.#options.options;
    const isChosen = leaderElect.resourceNamespace !== undefined || leaderElect.shouldIgnoreOthers;
    return leaderElect.isEnabled && !isDryRun && !isChosen;
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
    const { log, isInCluster, onRefused } = this.#options;
    if (found.code === 'held') {
      this.#say('error', 'another controller leads', found);
      onRefused();
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

  #say(level: LogLevel, message: string, found: Extract<OtherLeaders, { readonly code: 'held' }>): void {
    const { log, options, namespace } = this.#options;
    const { resourceName } = options.leaderElect;
    log(level, message, {
      lease: `${found.namespace}/${resourceName}`,
      holder: found.holder,
      until: new Date(found.untilMs).toISOString(),
      detail:
        `${found.holder} leads by the lease ${resourceName} in namespace ${found.namespace}, and this one has its own in ` +
        `${namespace}: both replace pods, neither knowing of the other. Stop one of them; or let this one stand by for it with ` +
        `--leader-elect-resource-namespace=${found.namespace}; or, if both are meant, start this one with ` +
        '--leader-elect-ignore-other-namespaces',
    });
  }

  async #pause(durationMs: number): Promise<void> {
    await sleep(durationMs, undefined, { signal: this.#closing.signal }).catch(() => {});
  }
}
