import type { ObjectName } from '../../src/client/pod-facts.ts';
import { keyOf, type SimObject, withMetadata } from '../../src/simulator/objects.ts';
import type { Store } from '../../src/simulator/store.ts';

const NOTE = 'example.com/note';

/**
 * Objects that no reader can make sense of for a while. What is spoiled is a version, so everybody who is shown it finds the
 * same, early or late, in a list or by a watch.
 */
export class Spoilage {
  readonly #store: Store;
  /** UIDs of the objects whose next versions are spoiled, and where they are. */
  readonly #objects = new Map<string, { readonly resource: string; readonly key: string }>();
  readonly #versions = new Set<string>();

  constructor(store: Store) {
    this.#store = store;
    store.onCommit(({ object: { metadata } }) => {
      if (this.#objects.has(metadata.uid)) this.#versions.add(metadata.resourceVersion);
    });
  }

  /** Why the object cannot be read; undefined: it can. */
  problemOf({ metadata }: SimObject): string | undefined {
    return this.#versions.has(metadata.resourceVersion) ? `${metadata.name} makes no sense` : undefined;
  }

  /** Somebody writes something into the object that makes no sense. */
  begin(resource: string, object: SimObject): void {
    const { uid } = object.metadata;
    if (this.#objects.has(uid)) return;
    this.#objects.set(uid, { resource, key: keyOf(object) });
    this.#write(resource, object, 'spoiled');
  }

  /** And takes it out again. */
  end(uid: string): void {
    const place = this.#objects.get(uid);
    if (place === undefined) return;
    this.#objects.delete(uid);
    const object = this.#store.get(place.resource, place.key);
    if (object?.metadata.uid === uid) this.#write(place.resource, object, 'well');
  }

  endAll(): void {
    for (const uid of [...this.#objects.keys()]) this.end(uid);
  }

  #write(resource: string, object: SimObject, note: string): void {
    const annotations = { ...object.metadata.annotations, [NOTE]: note };
    this.#store.update(resource, withMetadata(object, { annotations }), 'user');
  }
}

export function nameOf({ metadata }: SimObject): ObjectName {
  return { namespace: metadata.namespace ?? '', name: metadata.name };
}
