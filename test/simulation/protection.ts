import type { SimRequest } from '../../src/simulator/api-types.ts';
import { failure, type StatusBody } from '../../src/simulator/status.ts';

const PROTECTED = failure({
  code: 422,
  reason: 'Invalid',
  message: 'admission webhook "guard.example.com" denied the request: this pod stays as it is',
});

/** The webhook itself has too much to do, and names no time: nobody adds a Retry-After to what it says. */
const BUSY = failure({
  code: 429,
  reason: 'TooManyRequests',
  message: 'admission webhook "guard.example.com" denied the request: too many of them',
});
/** Of so many pods one meets it busy, whenever it is asked about. */
const BUSY_SHARE = 10;

/** One that guards so large a share of the pods lets none be marked: what may be patched does not depend on the pod. */
const ALL_MARKS_SHARE = 0.4;

/** The answer of an admission webhook that lets nobody delete or mark that share of the pods; which ones is in their names. */
export function protectionOf({ method, url }: SimRequest, share: number): StatusBody | undefined {
  if (share === 0 || method === 'GET' || !url.includes('/pods/')) return undefined;
  let hash = 0;
  for (const letter of url) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0;
  if (method === 'PATCH' && share >= ALL_MARKS_SHARE) return (hash >>> 8) % BUSY_SHARE === 0 ? BUSY : PROTECTED;
  return (hash >>> 8) % 1000 < 1000 * share ? PROTECTED : undefined;
}
