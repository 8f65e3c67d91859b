import { isDeletion } from './ledger.ts';
import type { Limiter } from './limiter.ts';

/** `--max-in-flight-per-daemonset`. */
export const maxInFlightPerDaemonSet = {
  reason: 'max-in-flight-per-daemonset',
  meaning: 'as many replacements of this DaemonSet as allowed are in flight',
  words: 'as many replacements as --max-in-flight-per-daemonset allows are in flight',
  nodeReason: 'waiting-max-in-flight-per-daemonset',
  nodeMeaning: 'as many replacements of this DaemonSet as allowed are in flight',
  room: (kind, { perDaemonSet, inFlight }) => (isDeletion(kind) ? perDaemonSet - inFlight : Number.POSITIVE_INFINITY),
} as const satisfies Limiter;
