import type { ObjectRecord } from '../kube/records.ts';
import type { Delta } from './delta.ts';
import type { ListWatchFailure } from './list-watch-failure.ts';
import type { ReflectorEffect } from './reflector-types.ts';

export function deltasEffect<T extends ObjectRecord>(deltas: readonly Delta<T>[]): readonly ReflectorEffect<T>[] {
  return deltas.length === 0 ? [] : [{ type: 'deltas', deltas }];
}

export function problem<T extends ObjectRecord>(
  phase: 'list' | 'watch',
  failure: ListWatchFailure,
  retryInMs: number,
): ReflectorEffect<T> {
  return { type: 'problem', problem: { phase, code: failure.code, message: failure.message, retryInMs } };
}

/** For a list's items that were left out. */
export function objectProblem<T extends ObjectRecord>(message: string): ReflectorEffect<T> {
  return { type: 'problem', problem: { phase: 'object', code: 'malformed', message, retryInMs: 0 } };
}
