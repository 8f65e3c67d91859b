import type { ApiClient, KubeObject } from './api-client.ts';
import type { PodObject } from './cluster.ts';
import type { Source } from './observation.ts';
import type { ObservedRollout } from './observed-rollout.ts';
import { essentialsOf } from './pod-facts.ts';
import { waitFor } from './processes.ts';
import { Timeline, type VersionedChange } from './timeline.ts';
import { Watcher } from './watcher.ts';

/**
 * How long an event waits for those of the other watches. The API server sends nodes and pods over separate streams; in
 * the order of their resourceVersions they tell what was true at one time.
 */
const REORDER_MS = 250;
const TICK_MS = 25;
const SETTLE_TIMEOUT_MS = 60_000;

/** Watches one DaemonSet's rollout on a real API server, over connections of its own. */
export class Observer {
  readonly #timeline: Timeline;
  readonly #watchers: readonly (Watcher<KubeObject> | Watcher<PodObject>)[];
  readonly #timer: NodeJS.Timeout;
  #queue: VersionedChange[] = [];

  constructor(api: ApiClient, { name, namespace = 'default' }: { name: string; namespace?: string }) {
    this.#timeline = new Timeline(name);
    const watcher = (source: Source, path: string) =>
      new Watcher<KubeObject>({ api, path, onChange: (change) => this.#queue.push({ ...change, source }) });
    const pods = new Watcher<PodObject>({
      api,
      path: `/api/v1/namespaces/${namespace}/pods`,
      onChange: (change) => this.#queue.push({ ...change, object: essentialsOf(change.object), source: 'pod' }),
    });
    this.#watchers = [
      watcher('node', '/api/v1/nodes'),
      watcher('daemonSet', `/apis/apps/v1/namespaces/${namespace}/daemonsets`),
      watcher('revision', `/apis/apps/v1/namespaces/${namespace}/controllerrevisions`),
      pods,
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
    this.#timeline.begin(performance.now());
  }

  /** What is known by now: a watch may be late. After `settle` and `complete` it leaves nothing out that had happened. */
  get report(): ObservedRollout {
    return this.#timeline.observation.report;
  }

  /** Waits until every watch has told all that had happened when this was called. */
  async settle(timeoutMs = SETTLE_TIMEOUT_MS): Promise<void> {
    await Promise.all(this.#watchers.map(async (watcher) => await watcher.catchUp(timeoutMs)));
    this.#flush(performance.now());
  }

  /** Waits until the template of that generation, or a newer one, runs on every eligible, Ready node. */
  async complete(generation: number, timeoutMs: number): Promise<ObservedRollout> {
    const isComplete = () => this.#timeline.observation.observedGeneration >= generation && this.report.isComplete;
    const deadlineMs = performance.now() + timeoutMs;
    do {
      const leftMs = Math.max(0, deadlineMs - performance.now());
      await waitFor(isComplete, { timeoutMs: leftMs, what: 'the rollout to be complete' }).catch((cause: unknown) => {
        throw new Error(`not rolled out within ${timeoutMs} ms: ${JSON.stringify(this.report)}`, { cause });
      });
      // With a late watch of revisions, the old one may have been taken for the newest.
      await this.settle();
    } while (!isComplete());
    return this.report;
  }

  #flush(untilMs: number): void {
    const due = this.#queue.filter(({ atMs }) => atMs <= untilMs);
    this.#queue = this.#queue.filter(({ atMs }) => atMs > untilMs);
    this.#timeline.add(due, untilMs);
  }
}
