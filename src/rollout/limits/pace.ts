import { isDeletion } from './ledger.ts';
import type { Limiter } from './limiter.ts';

/** The window that the pace chose (../pace.ts). */
export const pace = {
  reason: 'pace',
  meaning: 'more at once would not come back sooner',
  words: 'the pace holds it back',
  nodeReason: 'waiting-window',
  nodeMeaning: 'the pace holds it back',
  room: (kind, { pace, inFlight }) => (isDeletion(kind) ? pace - inFlight : Number.POSITIVE_INFINITY),
} as const satisfies Limiter;
