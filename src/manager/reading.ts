import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { ApiClient, type ApiRequest, type ApiResponse } from '../client/api.ts';
import type { ConnectionSource } from '../client/connection-source.ts';
import { loadConnection } from '../client/credentials.ts';
import { monotonicMs } from '../clock.ts';
import type { ReaderProblem } from './cluster-reader.ts';
import { ControllerHost } from './controller-host.ts';
import type { ClusterOptions } from './options.ts';

const SYNC_TIMEOUT_MS = 60_000;
const POLL_MS = 20;
/** The rollout shows as blocked after that. */
const CHECK_TIMEOUT_MS = 3000;
const CONNECTIONS_MAX = 4;

/** Where warnings go. */
interface Warnings {
  write(text: string): unknown;
}

/** The controller as a spectator: it reads the cluster and says what it would do, and never leads. */
export class Reading {
  readonly host: ControllerHost;
  readonly source: ConnectionSource;
  readonly #client: ApiClient;
  readonly #stderr: Warnings;
  /** Why a list cannot be read. */
  #problem = '';
  /** The first object that cannot be used. */
  #leftOut = '';

  /** Rejects with `CredentialError` when there is no way to the cluster. */
  static async open(
    options: ClusterOptions,
    namespaces: (source: ConnectionSource) => readonly string[],
    stderr: Warnings,
  ) {
    const { kubeconfig, context, shouldSkipTlsVerify } = options;
    const source = await loadConnection({ kubeconfig, context, shouldSkipTlsVerify });
    for (const warning of source.warnings) stderr.write(`warning: ${warning}\n`);
    return new Reading(source, namespaces(source), stderr);
  }

  private constructor(source: ConnectionSource, namespaces: readonly string[], stderr: Warnings) {
    this.source = source;
    this.#stderr = stderr;
    this.#client = new ApiClient({ connection: source.current(), connectionsMax: CONNECTIONS_MAX });
    source.onChange((connection) => this.#client.setConnection(connection));
    this.host = new ControllerHost({
      client: this.#client,
      namespaces,
      controller: {
        lanes: 1,
        batchMax: 1,
        laneInFlightMax: 1,
        qps: 0,
        burst: 1,
        maxInFlight: Number.POSITIVE_INFINITY,
        maxInFlightPerDaemonSet: Number.POSITIVE_INFINITY,
        taskTimeoutMs: 0,
        isDryRun: true,
        random: Math.random,
      },
      send: () => {},
      recordEvent: () => {},
      log: () => {},
      taskDone: () => {},
      onProblem: (problem) => this.#note(problem),
    });
  }

  /** Anybody may have made an object that makes no sense; a list that begins again at once, or a watch, is not what is waited for. */
  #note({ stream, problem }: ReaderProblem): void {
    const told = `${stream}: ${problem.message}`;
    if (problem.phase === 'object') this.#leftOut ||= told;
    else if (problem.phase === 'list' && problem.retryInMs > 0) this.#problem = told;
  }

  /** Rejects when the cluster cannot be read completely in time, with the reason. */
  async sync(): Promise<void> {
    this.host.start();
    const { host } = new URL(this.source.current().serverUrl);
    const failed = `cannot read the cluster at ${host} (context ${this.source.contextName})`;
    const deadlineMs = monotonicMs() + SYNC_TIMEOUT_MS;
    while (!this.host.controller.hasSynced) {
      if (this.#problem !== '') throw new Error(`${failed}: ${this.#problem}`);
      if (monotonicMs() > deadlineMs) throw new Error(`${failed}: it did not answer in time`);
      await sleep(POLL_MS);
    }
    if (this.#leftOut !== '') this.#stderr.write(`warning: objects are left out, the first of ${this.#leftOut}\n`);
    // The rollouts learn here that everything has been read; the host would tell them a little later.
    const checkUntilMs = monotonicMs() + CHECK_TIMEOUT_MS;
    do {
      this.host.controller.pump(monotonicMs());
      await nextTurn();
    } while (this.host.controller.isUnfinished);
    while (this.#isCheckingRevisions && monotonicMs() < checkUntilMs) await sleep(POLL_MS);
  }

  /** A DaemonSet that changed while it was read for the first time has its revisions read once more. */
  get #isCheckingRevisions(): boolean {
    for (const { rollout } of this.host.controller.followed()) {
      if (rollout.blocked()?.code === 'revisions-behind') return true;
    }
    return false;
  }

  request(request: ApiRequest): Promise<ApiResponse> {
    return this.#client.request(request);
  }

  async close(): Promise<void> {
    await this.host.stop();
    this.source.close();
    await this.#client.close();
  }
}
