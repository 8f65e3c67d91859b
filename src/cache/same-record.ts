import type { ObjectRecord } from '../kube/records.ts';

/**
 * Whether two records of one decoder differ in nothing but their resourceVersion. Most changes of the API's objects (node
 * heartbeats, fields that are not read) leave the record as it was.
 */
export function isSameExceptVersion<T extends ObjectRecord>(a: T, b: T): boolean {
  for (const key in b) {
    if (key !== 'resourceVersion' && !isSameValue(a[key], b[key])) return false;
  }
  return true;
}

/** Records hold primitives, lists and plain objects only, and never themselves. */
function isSameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(b, key)) return false;
    if (!isSameValue(a[key as keyof typeof a], b[key as keyof typeof b])) return false;
  }
  return true;
}
