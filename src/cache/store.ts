import type { ObjectName } from '../client/pod-facts.ts';
import type { ObjectRecord } from '../kube/records.ts';
import type { Delta } from './delta.ts';
import { isSameExceptVersion } from './same-record.ts';

/** The records of one resource by namespace and name. Every change answers the deltas it makes. */
export class Store<T extends ObjectRecord> {
  readonly #records = new Map<string, T>();

  get size(): number {
    return this.#records.size;
  }

  get(namespace: string, name: string): T | undefined {
    return this.#records.get(keyOf(namespace, name));
  }

  values(): IterableIterator<T> {
    return this.#records.values();
  }

  keys(): IterableIterator<string> {
    return this.#records.keys();
  }

  /** An object as a list or an ADDED or MODIFIED event has it. */
  upsert(object: T): readonly Delta<T>[] {
    const key = keyOf(object.namespace, object.name);
    const previous = this.#records.get(key);
    if (previous === undefined) {
      this.#records.set(key, object);
      return [{ type: 'added', object }];
    }
    // One that could not be read until now has no UID yet, and is no other one for that.
    if (previous.uid !== object.uid && previous.uid !== '') {
      this.#records.set(key, object);
      return [
        { type: 'deleted', object: previous },
        { type: 'added', object },
      ];
    }
    if (previous.resourceVersion === object.resourceVersion) return [];
    if (previous.unreadable === undefined && isSameExceptVersion(previous, object)) {
      // Keeps the older record's parts: they have long been where the garbage collector does not look often.
      this.#records.set(key, { ...previous, resourceVersion: object.resourceVersion });
      return [];
    }
    this.#records.set(key, object);
    return [{ type: 'modified', object, previous }];
  }

  /** What is left of an object that cannot be read: a record that says so, or nothing. */
  keep({ namespace, name }: ObjectName, left: T | undefined): readonly Delta<T>[] {
    const key = keyOf(namespace, name);
    if (left === undefined) return this.removeKey(key);
    const previous = this.#records.get(key);
    if (previous?.unreadable !== undefined && previous.unreadable === left.unreadable) return [];
    this.#records.set(key, left);
    return [previous === undefined ? { type: 'added', object: left } : { type: 'modified', object: left, previous }];
  }

  /** An object as a DELETED event has it: its last state. */
  remove(object: T): readonly Delta<T>[] {
    const key = keyOf(object.namespace, object.name);
    const previous = this.#records.get(key);
    if (previous === undefined) return [];
    this.#records.delete(key);
    return [{ type: 'deleted', object: previous.uid === object.uid ? object : previous }];
  }

  /** An object that is no longer listed: its deletion was not seen. */
  removeKey(key: string): readonly Delta<T>[] {
    const previous = this.#records.get(key);
    if (previous === undefined) return [];
    this.#records.delete(key);
    return [{ type: 'deleted', object: previous }];
  }
}

export function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
