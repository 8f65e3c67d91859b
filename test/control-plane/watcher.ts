import { setTimeout as delay } from 'node:timers/promises';
import { type ApiClient, ApiError, type KubeObject, type WatchEvent } from './api-client.ts';
import { waitFor } from './processes.ts';

export interface Change<T> {
  readonly object: T;
  readonly isDeleted: boolean;
  /** When it arrived here, on `performance.now()`. */
  readonly atMs: number;
  /** As of which resourceVersion it is so: the object's own, or that of the list that said it. */
  readonly version: number;
  /** What a list says is so at one time: more of the same list follows. */
  readonly isPartial: boolean;
}

export interface WatcherOptions<T extends KubeObject> {
  readonly api: ApiClient;
  /** Of the collection, without a query. */
  readonly path: string;
  readonly onChange: (change: Change<T>) => void;
}

const RETRY_MS = 200;

/** Lists and watches one collection until stopped, through restarts of the API server. */
export class Watcher<T extends KubeObject> {
  readonly #options: WatcherOptions<T>;
  readonly #abort = new AbortController();
  readonly #known = new Map<string, T>();
  /** Everything up to it has been handed over. */
  #version = 0;
  #done: Promise<void> = Promise.resolve();

  constructor(options: WatcherOptions<T>) {
    this.#options = options;
  }

  /** Resolves when the first list has been handed over. */
  async start(): Promise<void> {
    const resourceVersion = await this.#list();
    this.#done = this.#follow(resourceVersion);
  }

  /** Resolves when everything has been handed over that a list says is so now. */
  async catchUp(timeoutMs: number): Promise<void> {
    const { api, path } = this.#options;
    const { metadata, items } = await api.list<T>(path);
    // Of what did not change since, the watch says nothing: then what is known is what is listed.
    const hasCaughtUp = () =>
      this.#version >= Number(metadata.resourceVersion) ||
      (items.length === this.#known.size &&
        items.every(
          (item) => this.#known.get(keyOf(item))?.metadata.resourceVersion === item.metadata.resourceVersion,
        ));
    await waitFor(hasCaughtUp, { timeoutMs, pollMs: 5, what: `the watch of ${path} to tell what a list says` });
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async #list(): Promise<string> {
    const { metadata, items } = await this.#options.api.list<T>(this.#options.path);
    const present = new Set(items.map(keyOf));
    const gone = [...this.#known.values()].filter((object) => !present.has(keyOf(object)));
    const changes = [
      ...gone.map((object) => ({ object, isDeleted: true })),
      ...items.map((object) => ({ object, isDeleted: false })),
    ];
    const [atMs, version] = [performance.now(), Number(metadata.resourceVersion)];
    for (const [index, change] of changes.entries()) {
      this.#hand({ ...change, atMs, version, isPartial: index < changes.length - 1 });
    }
    this.#version = version;
    return metadata.resourceVersion;
  }

  #hand(change: Change<T>): void {
    const { object, isDeleted } = change;
    if (isDeleted) this.#known.delete(keyOf(object));
    else this.#known.set(keyOf(object), object);
    this.#options.onChange(change);
  }

  async #follow(from: string): Promise<void> {
    const { api, path } = this.#options;
    let resourceVersion: string | undefined = from;
    while (!this.#abort.signal.aborted) {
      try {
        resourceVersion ??= await this.#list();
        const query: string = `watch=true&allowWatchBookmarks=true&resourceVersion=${resourceVersion}`;
        const events: AsyncIterable<WatchEvent<T>> = api.watch<T>(`${path}?${query}`, this.#abort.signal);
        for await (const { type, object } of events) {
          if (type === 'ERROR') throw new ApiError(410, `watch ${path} ended with an error`);
          resourceVersion = object.metadata.resourceVersion ?? resourceVersion;
          const version = Number(object.metadata.resourceVersion);
          if (type !== 'BOOKMARK')
            this.#hand({ object, isDeleted: type === 'DELETED', atMs: performance.now(), version, isPartial: false });
          this.#version = version;
        }
      } catch (error) {
        // Whatever broke it: a list that works again says what is so now. Only 410 needs one; a cut connection resumes.
        if (error instanceof ApiError) resourceVersion = undefined;
        await delay(RETRY_MS);
      }
    }
  }
}

function keyOf(object: KubeObject): string {
  return object.metadata.uid ?? `${object.metadata.namespace}/${object.metadata.name}`;
}
