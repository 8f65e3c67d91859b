import type { ObjectRecord } from '../kube/records.ts';

/**
 * A change of the cache. An object that was deleted and created again under the same name is two deltas: `deleted` with
 * the old UID, then `added` with the new one, even if neither was seen happening.
 */
export type Delta<T extends ObjectRecord> =
  | { readonly type: 'added'; readonly object: T }
  | { readonly type: 'modified'; readonly object: T; readonly previous: T }
  | { readonly type: 'deleted'; readonly object: T };
