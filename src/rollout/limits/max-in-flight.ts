import { isDeletion } from './ledger.ts';
import type { Limiter } from './limiter.ts';

/** `--max-in-flight`, over all DaemonSets. */
export const maxInFlight = {
  reason: 'max-in-flight',
  meaning: 'as many replacements as --max-in-flight allows over all DaemonSets are in flight',
  words: 'as many replacements as --max-in-flight allows over all DaemonSets are in flight',
  nodeReason: 'waiting-max-in-flight',
  nodeMeaning: 'as many replacements as --max-in-flight allows over all DaemonSets are in flight',
  room: (kind, { overAll, inFlight }) => (isDeletion(kind) ? overAll - inFlight : Number.POSITIVE_INFINITY),
} as const satisfies Limiter;
