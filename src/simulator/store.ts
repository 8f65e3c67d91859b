import assert from 'node:assert/strict';
import { isEqualJson } from './fields.ts';
import { keyOf, type SimObject } from './objects.ts';

/** Who wrote: `client:<user agent>` for what came in as a request, else the part of the cluster (`kubelet`, `user` …). */
export type Origin = string;

/** One change of one object; revisions are unique and rising over all resources, as etcd's are. */
export interface Commit {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly revision: number;
  readonly resource: string;
  /** The object after the change; for `DELETED` its last state with the revision of the deletion. */
  readonly object: SimObject;
  readonly previous: SimObject | undefined;
  readonly origin: Origin;
}

interface Table {
  readonly objects: Map<string, SimObject>;
  /** Changes in order of revision, all those after `compactedRevision`. */
  history: Commit[];
  compactedRevision: number;
  /** Keys in order; undefined after a key came or went. */
  sortedKeys: readonly string[] | undefined;
}

export interface Snapshot {
  readonly revision: number;
  /** In order of namespace and name. */
  readonly objects: readonly SimObject[];
}

const SNAPSHOTS_MAX = 8;

/**
 * The simulated etcd: objects by resource and key, one revision counter, a history that watches and snapshots are
 * served from, and compaction.
 *
 * Invariant: the listeners are told of every commit in order of revision; a listener must not write.
 */
export class Store {
  #revision: number;
  readonly #historyEventsMax: number;
  readonly #tables = new Map<string, Table>();
  readonly #listeners: ((commit: Commit) => void)[] = [];
  readonly #snapshots = new Map<string, Snapshot>();
  #isNotifying = false;

  constructor(historyEventsMax = 50_000, firstRevision = 1) {
    this.#historyEventsMax = historyEventsMax;
    this.#revision = firstRevision;
  }

  get revision(): number {
    return this.#revision;
  }

  onCommit(listener: (commit: Commit) => void): void {
    this.#listeners.push(listener);
  }

  get(resource: string, key: string): SimObject | undefined {
    return this.#table(resource).objects.get(key);
  }

  /** In no particular order. */
  all(resource: string): Iterable<SimObject> {
    return this.#table(resource).objects.values();
  }

  count(resource: string): number {
    return this.#table(resource).objects.size;
  }

  create(resource: string, object: SimObject, origin: Origin): SimObject {
    const table = this.#table(resource);
    const key = keyOf(object);
    assert(!table.objects.has(key), `${resource} ${key} exists already`);
    const created = this.#stamped(object);
    table.objects.set(key, created);
    table.sortedKeys = undefined;
    this.#commit(table, {
      type: 'ADDED',
      revision: this.#revision,
      resource,
      object: created,
      previous: undefined,
      origin,
    });
    return created;
  }

  /** Replaces an object; one that is equal in everything is left alone, as the API server does it. */
  update(resource: string, object: SimObject, origin: Origin): SimObject {
    const table = this.#table(resource);
    const key = keyOf(object);
    const previous = table.objects.get(key);
    assert(previous !== undefined, `${resource} ${key} does not exist`);
    if (isSameButVersion(previous, object)) return previous;
    const updated = this.#stamped(object);
    table.objects.set(key, updated);
    this.#commit(table, { type: 'MODIFIED', revision: this.#revision, resource, object: updated, previous, origin });
    return updated;
  }

  /** Takes an object away; `last` is its state to show, when that differs from the stored one. */
  remove(resource: string, key: string, origin: Origin, last?: SimObject): SimObject {
    const table = this.#table(resource);
    const previous = table.objects.get(key);
    assert(previous !== undefined, `${resource} ${key} does not exist`);
    const deleted = this.#stamped(last ?? previous);
    table.objects.delete(key);
    table.sortedKeys = undefined;
    this.#commit(table, { type: 'DELETED', revision: this.#revision, resource, object: deleted, previous, origin });
    return deleted;
  }

  /** Whether everything after `revision` is still known. */
  isRevisionKept(resource: string, revision: number): boolean {
    return revision >= this.#table(resource).compactedRevision;
  }

  oldestRevision(resource: string): number {
    return this.#table(resource).compactedRevision;
  }

  /** The commits of a resource after `revision`, which must be kept. */
  commitsAfter(resource: string, revision: number): readonly Commit[] {
    assert(this.isRevisionKept(resource, revision), `revision ${revision} was compacted`);
    const { history } = this.#table(resource);
    let low = 0;
    let high = history.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((history[middle] as Commit).revision > revision) high = middle;
      else low = middle + 1;
    }
    return history.slice(low);
  }

  /** All objects of a resource as they were at `revision`, which must be kept. */
  snapshot(resource: string, revision = this.#revision): Snapshot {
    const cacheKey = `${resource}@${revision}`;
    const cached = this.#snapshots.get(cacheKey);
    if (cached !== undefined) return cached;
    const snapshot: Snapshot = { revision, objects: this.#objectsAt(resource, revision) };
    this.#snapshots.set(cacheKey, snapshot);
    const oldest = this.#snapshots.keys().next().value;
    if (this.#snapshots.size > SNAPSHOTS_MAX && oldest !== undefined) this.#snapshots.delete(oldest);
    return snapshot;
  }

  /** Forgets the history up to and including `revision`: older watches and pages get 410 from now on. */
  compact(revision: number): void {
    this.#snapshots.clear();
    for (const table of this.#tables.values()) {
      if (revision <= table.compactedRevision) continue;
      table.history = table.history.filter((commit) => commit.revision > revision);
      table.compactedRevision = Math.min(revision, this.#revision);
    }
  }

  #objectsAt(resource: string, revision: number): readonly SimObject[] {
    const table = this.#table(resource);
    if (revision >= this.#revision) return this.#sortedObjects(table);
    const objects = new Map(table.objects);
    for (const commit of this.commitsAfter(resource, revision).toReversed()) {
      if (commit.previous === undefined) objects.delete(keyOf(commit.object));
      else objects.set(keyOf(commit.previous), commit.previous);
    }
    return [...objects.entries()].sort(byKey).map(([, object]) => object);
  }

  #sortedObjects(table: Table): readonly SimObject[] {
    table.sortedKeys ??= [...table.objects.keys()].sort();
    return table.sortedKeys.map((key) => table.objects.get(key) as SimObject);
  }

  #table(resource: string): Table {
    let table = this.#tables.get(resource);
    if (table === undefined) {
      table = { objects: new Map(), history: [], compactedRevision: this.#revision, sortedKeys: undefined };
      this.#tables.set(resource, table);
    }
    return table;
  }

  #stamped(object: SimObject): SimObject {
    assert(!this.#isNotifying, 'a listener of the store must not write');
    this.#revision += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } };
  }

  #commit(table: Table, commit: Commit): void {
    table.history.push(commit);
    if (table.history.length >= this.#historyEventsMax * 2) {
      table.history = table.history.slice(-this.#historyEventsMax);
      table.compactedRevision = (table.history[0] as Commit).revision - 1;
    }
    this.#isNotifying = true;
    for (const listener of this.#listeners) listener(commit);
    this.#isNotifying = false;
  }
}

/** Whether an update would change nothing. */
function isSameButVersion(previous: SimObject, next: SimObject): boolean {
  if (previous === next) return true;
  // Most writes are of the status.
  if (previous.status !== next.status && !isEqualJson(previous.status, next.status)) return false;
  for (const name in previous) {
    if (name !== 'metadata' && previous[name] !== next[name] && !isEqualJson(previous[name], next[name])) return false;
  }
  for (const name in next) if (next[name] !== undefined && previous[name] === undefined) return false;
  const { resourceVersion } = previous.metadata;
  const { metadata } = next;
  if (metadata === previous.metadata) return true;
  return isEqualJson(
    previous.metadata,
    metadata.resourceVersion === resourceVersion ? metadata : { ...metadata, resourceVersion },
  );
}

function byKey(left: readonly [string, SimObject], right: readonly [string, SimObject]): number {
  return left[0] < right[0] ? -1 : 1;
}
