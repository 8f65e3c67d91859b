import type { SimObject } from './objects.ts';
import type { Resource } from './resources.ts';
import type { Commit } from './store.ts';

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: SimObject;
}

export interface WatchSink {
  event(event: WatchEvent): void;
  /** The server ended the watch. */
  end(): void;
}

export interface WatchOptions {
  readonly resource: string;
  /** '' for all namespaces. */
  readonly namespace: string;
  readonly matches: (object: SimObject) => boolean;
  /** Shows an object as the client wants to see it. */
  readonly project: (object: SimObject) => SimObject;
  /** The resource to send bookmarks of; undefined when the client did not ask for bookmarks. */
  readonly bookmarkOf: Resource | undefined;
}

/**
 * One watch of one client. Events that come before a sink is attached wait for it; a stopped watch sends nothing more.
 */
export class Watch {
  readonly options: WatchOptions;
  #waiting: WatchEvent[] = [];
  #sink: WatchSink | undefined;
  #isEnded = false;
  readonly #onEnded: (() => void)[] = [];

  constructor(options: WatchOptions) {
    this.options = options;
  }

  /** Calls back once, when either side ends the watch (at once when it has ended already). */
  onEnded(callback: () => void): void {
    if (this.#isEnded) callback();
    else this.#onEnded.push(callback);
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  start(sink: WatchSink): void {
    this.#sink = sink;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const event of waiting) sink.event(event);
    if (this.#isEnded) sink.end();
  }

  send(event: WatchEvent): void {
    if (this.#isEnded) return;
    const isObject = event.type !== 'ERROR' && event.type !== 'BOOKMARK';
    const object = isObject ? this.options.project(event.object) : event.object;
    const shown = object === event.object ? event : { type: event.type, object };
    if (this.#sink === undefined) this.#waiting.push(shown);
    else this.#sink.event(shown);
  }

  /** Tells of a commit what this watch may see of it: an object that leaves the selection is deleted for this watch. */
  commit(commit: Commit): void {
    const { namespace, matches } = this.options;
    const { object, previous } = commit;
    if (namespace !== '' && object.metadata.namespace !== namespace) return;
    const isIn = commit.type !== 'DELETED' && matches(object);
    const wasIn = previous !== undefined && matches(previous);
    if (isIn) {
      this.send(eventOf(wasIn ? 'MODIFIED' : 'ADDED', object));
    } else if (wasIn) {
      this.send(eventOf('DELETED', commit.type === 'DELETED' ? object : lastSeen(previous, object)));
    }
  }

  /** The server ends the watch. */
  end(): void {
    if (this.#isEnded) return;
    this.stop();
    this.#sink?.end();
  }

  /** The client ends the watch. */
  stop(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const callback of this.#onEnded) callback();
  }
}

/** Most watches are told the same of a commit. */
let last: WatchEvent | undefined;

function eventOf(type: WatchEvent['type'], object: SimObject): WatchEvent {
  if (last?.object !== object || last.type !== type) last = { type, object };
  return last;
}

/** Several watches ask for the same departed object; one copy of it means one encoding of it. */
const departed = new WeakMap<SimObject, SimObject>();

function lastSeen(previous: SimObject, next: SimObject): SimObject {
  let object = departed.get(next);
  if (object === undefined) {
    const { resourceVersion } = next.metadata;
    object = { ...previous, metadata: { ...previous.metadata, resourceVersion } };
    departed.set(next, object);
  }
  return object;
}

/** All open watches by resource. */
export class WatchHub {
  readonly #watches = new Map<string, Set<Watch>>();

  get count(): number {
    let count = 0;
    for (const watches of this.#watches.values()) count += watches.size;
    return count;
  }

  open(options: WatchOptions): Watch {
    const watch = new Watch(options);
    const watches = this.#watches.get(options.resource) ?? new Set();
    watches.add(watch);
    watch.onEnded(() => watches.delete(watch));
    this.#watches.set(options.resource, watches);
    return watch;
  }

  commit(commit: Commit): void {
    const watches = this.#watches.get(commit.resource);
    if (watches === undefined) return;
    for (const watch of watches) watch.commit(commit);
  }

  *all(): Iterable<Watch> {
    for (const watches of this.#watches.values()) yield* watches;
  }

  endAll(): void {
    for (const watch of [...this.all()]) watch.end();
  }
}
