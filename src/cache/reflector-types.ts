import type { ObjectName, Unreadable } from '../client/pod-facts.ts';
import type { WatchEvent } from '../client/readers.ts';
import type { ObjectRecord } from '../kube/records.ts';
import type { Delta } from './delta.ts';
import type { ListWatchFailure } from './list-watch-failure.ts';

/** `request` is the number of the effect that this answers; an answer to an older effect is ignored. */
export type ReflectorInput<T extends ObjectRecord> =
  | { readonly type: 'start' }
  /** What is committed now is wanted, whatever was read before; answered by `fresh`. */
  | { readonly type: 'relist' }
  | {
      readonly type: 'page';
      readonly request: number;
      readonly items: readonly T[];
      /** Those that cannot be read. */
      readonly skipped?: readonly Unreadable[];
      readonly resourceVersion: string;
      /** '' on the last page. */
      readonly continueToken: string;
    }
  | { readonly type: 'list-failed'; readonly request: number; readonly failure: ListWatchFailure }
  | { readonly type: 'events'; readonly request: number; readonly events: readonly WatchEvent<T>[] }
  /** The server ended the watch in good order. */
  | { readonly type: 'watch-ended'; readonly request: number }
  | { readonly type: 'watch-failed'; readonly request: number; readonly failure: ListWatchFailure }
  | { readonly type: 'woke'; readonly request: number }
  | { readonly type: 'stop' };

/**
 * What is to be done, in this order. At most one of `list`, `watch` and `sleep` is open at a time: a new one ends the one
 * before it.
 */
export type ReflectorEffect<T extends ObjectRecord> =
  | {
      readonly type: 'list';
      readonly request: number;
      readonly resourceVersion: string;
      readonly limit: number;
      readonly continueToken: string;
    }
  | {
      readonly type: 'watch';
      readonly request: number;
      readonly resourceVersion: string;
      readonly timeoutSeconds: number;
    }
  /** `delayMs` 0: only let others run. */
  | { readonly type: 'sleep'; readonly request: number; readonly delayMs: number }
  | { readonly type: 'deltas'; readonly deltas: readonly Delta<T>[] }
  /** Once: every object of the first list has been handed out. */
  | { readonly type: 'synced' }
  /** What was committed when `relist` (or `start`) was last given has been handed out, or something later. */
  | { readonly type: 'fresh' }
  | { readonly type: 'problem'; readonly problem: ReflectorProblem };

export interface ReflectorProblem {
  /** `object`: one object is left out because it makes no sense; everything else goes on. */
  readonly phase: 'list' | 'watch' | 'object';
  readonly code: ListWatchFailure['code'];
  readonly message: string;
  /** When it is tried again; 0: at once, or nothing is tried. */
  readonly retryInMs: number;
}

/**
 * What is left of an object that cannot be read: a record that says why (`unreadable`), or undefined for nothing. `known` is
 * what it was before.
 */
export type WhatIsLeft<T extends ObjectRecord> = (
  name: ObjectName,
  message: string,
  known: T | undefined,
) => T | undefined;

export interface ReflectorMachineOptions<T extends ObjectRecord> {
  /** Nothing, unless said otherwise. */
  readonly whatIsLeft?: WhatIsLeft<T>;
  /** In [0, 1). */
  readonly random: () => number;
  readonly pageLimit?: number;
  /**
   * Where the very first list starts. '' (the default) reads what is committed; '0' takes whatever the API server has
   * cached, as client-go does. A cache that lags would show pods that a former leader has already deleted, and the
   * budget would be spent twice.
   */
  readonly initialResourceVersion?: '' | '0';
}

/** Where `ReflectorMachine` stands. */
export type ReflectorState<T> =
  | { readonly phase: 'idle' | 'stopped' }
  | {
      readonly phase: 'listing';
      readonly resourceVersion: string;
      /** How many times a fresh list had been asked for when it began. */
      readonly demand: number;
      readonly items: Map<string, T>;
      readonly unreadable: Map<string, Unreadable & { readonly object: ObjectName }>;
      isContinued: boolean;
      /** Pages in a row that brought nothing new. */
      barrenPages: number;
    }
  | {
      readonly phase: 'applying';
      readonly resourceVersion: string;
      /** Of the list, if it read what was committed. */
      readonly demand: number | undefined;
      readonly left: IterableIterator<T>;
    }
  | { readonly phase: 'watching'; readonly startedMs: number; readonly fromVersion: string }
  | { readonly phase: 'sleeping'; readonly next: 'list' | 'watch' };
