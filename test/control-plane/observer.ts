import type { ApiClient, KubeObject } from './api-client.ts';
import { Observation, type ObservedChange, type Source } from './observation.ts';
import type { ObservedRollout } from './observed-rollout.ts';
import { waitFor } from './processes.ts';
import { Watcher } from './watcher.ts';

/**
 * How long an event waits for those of the other watches. The API server sends nodes and pods over separate streams; in
 * the order of their resourceVersions they tell what was true at one time.
 */
const REORDER_MS = 250;
const TICK_MS = 25;

/** Watches one DaemonSet's rollout on a real API server, over connections of its own. */
export class Observer {
  readonly #observation: Observation;
  readonly #watchers: readonly Watcher<KubeObject>[];
  readonly #timer: NodeJS.Timeout;
  #queue: (ObservedChange & { readonly version: number })[] = [];

  constructor(api: ApiClient, { name, namespace = 'default' }: { name: string; namespace?: string }) {
    this.#observation = new Observation(name);
    const watcher = (source: Source, path: string) =>
      new Watcher<KubeObject>({ api, path, onChange: (change) => this.#queue.push({ ...change, source }) });
    this.#watchers = [
      watcher('node', '/api/v1/nodes'),
      watcher('daemonSet', `/apis/apps/v1/namespaces/${namespace}/daemonsets`),
      watcher('revision', `/apis/apps/v1/namespaces/${namespace}/controllerrevisions`),
      watcher('pod', `/api/v1/namespaces/${namespace}/pods`),
    ];
    this.#timer = setInterval(() => this.#flush(performance.now() - REORDER_MS), TICK_MS);
  }

  async start(): Promise<void> {
    await Promise.all(this.#watchers.map(async (watcher) => await watcher.start()));
    this.begin();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#watchers.map(async (watcher) => await watcher.stop()));
    this.#flush(performance.now());
  }

  /** From now on counts; call it right before the template changes. */
  begin(): void {
    this.#flush(performance.now());
    this.#observation.begin(performance.now());
  }

  get report(): ObservedRollout {
    return this.#observation.report;
  }

  /** Waits until the template of that generation, or a newer one, runs on every eligible, Ready node. */
  async complete(generation: number, timeoutMs: number): Promise<ObservedRollout> {
    const isComplete = () => this.#observation.observedGeneration >= generation && this.report.isComplete;
    await waitFor(isComplete, { timeoutMs, what: 'the rollout to be complete' }).catch((cause: unknown) => {
      throw new Error(`not rolled out: ${JSON.stringify(this.report)}`, { cause });
    });
    return this.report;
  }

  #flush(untilMs: number): void {
    const due = this.#queue.filter(({ atMs }) => atMs <= untilMs);
    this.#queue = this.#queue.filter(({ atMs }) => atMs > untilMs);
    due.sort((a, b) => a.version - b.version);
    this.#observation.observe(due, untilMs);
  }
}
