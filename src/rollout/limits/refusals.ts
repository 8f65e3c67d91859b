import { type WriteName, writeNamed } from '../../protocol/actions/registry.ts';
import { actionOf } from './ledger.ts';
import type { Limiter } from './limiter.ts';

/** Writes that the API server refuses, one kind apart from another (../refusals.ts). */
export const refusals = {
  reason: 'refusals',
  meaning: 'the API server refuses all writes of this kind, and one is tried a second',
  words: refusedWords('delete'),
  nodeReason: 'backoff',
  nodeMeaning: 'a write was refused or failed, and is tried again later',
  room: (kind, { tries }) => tries[actionOf(kind)],
} as const satisfies Limiter;

/** For people. */
export function refusedWords(action: WriteName): string {
  return `the API server refuses ${writeNamed(action).words.many}; one is tried a second`;
}
