import type { Unreadable } from './pod-facts.ts';
import type { ApiError } from './status-error.ts';

/**
 * One event of a watch. `skipped` is an object that is not usable (too many values, no name, a '/' in it); the stream itself is
 * fine. What was known of it holds no longer.
 */
export type WatchEvent<T> =
  | { readonly type: 'added' | 'modified' | 'deleted'; readonly object: T }
  | { readonly type: 'bookmark'; readonly resourceVersion: string }
  | { readonly type: 'error'; readonly error: ApiError }
  | ({ readonly type: 'skipped'; readonly isDeleted: boolean } & Unreadable);

export function skippedEvent({ message, object }: Unreadable, isDeleted: boolean): WatchEvent<never> {
  return object === undefined
    ? { type: 'skipped', message, isDeleted }
    : { type: 'skipped', message, isDeleted, object };
}

/** The bytes make no sense: the stream (or list) has to be started again. */
export interface Garbled {
  /** `too-large`: there is no more to it than that; fewer objects at once may be read. */
  readonly code: 'malformed' | 'too-large';
  readonly message: string;
}

export interface ListResult<T> {
  readonly items: readonly T[];
  /** Items that are left out. */
  readonly skipped: readonly Unreadable[];
  readonly resourceVersion: string;
  /** '' on the last page. */
  readonly continueToken: string;
}

/** Decodes the body of a list while it arrives. After a `Garbled` it must not be used again. */
export interface ListReader<T> {
  push(chunk: Uint8Array): Garbled | undefined;
  end(): { readonly ok: true; readonly list: ListResult<T> } | ({ readonly ok: false } & Garbled);
}

/** Decodes the body of a watch while it arrives. After a `Garbled` it must not be used again. */
export interface WatchReader<T> {
  /** The events that are complete, in order; those before a garbled one count. */
  push(chunk: Uint8Array): { readonly events: readonly WatchEvent<T>[]; readonly garbled: Garbled | undefined };
  /** How many bytes of an unfinished event are left: more than 0 at the end of the stream means that it was cut. */
  readonly pendingBytes: number;
}

/** No object of Kubernetes is larger: the API server takes no request of more than 3 MiB, etcd by default none of 1.5 MiB. */
export const OBJECT_BYTES_MAX = 4 * 1024 * 1024;
/** What calls itself larger is no object, and not worth to be waited for. */
export const DROPPED_BYTES_MAX = 64 * 1024 * 1024;
/** What this program can handle; a list with more is refused instead of filling the memory. */
export const LIST_ITEMS_MAX = 1_000_000;

export const EVENT_TYPES: ReadonlyMap<unknown, 'added' | 'modified' | 'deleted' | 'bookmark' | 'error'> = new Map([
  ['ADDED', 'added'],
  ['MODIFIED', 'modified'],
  ['DELETED', 'deleted'],
  ['BOOKMARK', 'bookmark'],
  ['ERROR', 'error'],
] as const);
