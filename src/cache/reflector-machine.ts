import type { ObjectName } from '../client/pod-facts.ts';
import { LIST_ITEMS_MAX, type WatchEvent } from '../client/readers.ts';
import type { ObjectRecord } from '../kube/records.ts';
import { Backoff } from './backoff.ts';
import type { Delta } from './delta.ts';
import { failureOfApiError, type ListWatchFailure, malformed, SHORT_WATCH } from './list-watch-failure.ts';
import { deltasEffect, objectProblem, problem } from './reflector-effects.ts';
import {
  APPLY_SLICE,
  BARREN_PAGES_MAX,
  GARBLED_IN_A_ROW_MAX,
  LIST_AGE_MS_MIN,
  LIST_SPREAD_MS,
  PAGE_LIMIT,
  PAGE_SHRINK,
  WATCH_MS_MIN,
  WATCH_TIMEOUT_SECONDS,
} from './reflector-limits.ts';
import type { ReflectorEffect, ReflectorInput, ReflectorMachineOptions, ReflectorState } from './reflector-types.ts';
import { keyOf, Store } from './store.ts';

export type { ReflectorEffect, ReflectorInput, ReflectorMachineOptions, ReflectorProblem } from './reflector-types.ts';

/**
 * The rules of client-go's reflector (tools/cache/reflector.go), as a state machine: list in pages, hand out the
 * difference to the store, watch from there with bookmarks, resume where the watch ended, and list again only when the
 * resourceVersion is too old. Unlike client-go it also resumes after failures other than 410 instead of listing again:
 * an API server that struggles is not helped by lists.
 */
export class ReflectorMachine<T extends ObjectRecord> {
  readonly store = new Store<T>();
  readonly #options: ReflectorMachineOptions<T>;
  readonly #backoff = new Backoff();
  #state: ReflectorState<T> = { phase: 'idle' };
  #request = 0;
  /** Up to where the store is complete; '' before the first list. */
  #version = '';
  /** The last list or watch from `#version` was refused as too old or too new. */
  #isVersionUnavailable = false;
  /** A continue token expired: the next list is not cut into pages. */
  #isListWhole = false;
  /** Objects in a page; fewer from when a list was too large to be read. */
  #pageLimit: number;
  #isListTooLarge = false;
  #garbledInARow = 0;
  #listedAtMs = Number.NEGATIVE_INFINITY;
  #isSynced = false;
  /** How many times a fresh list was asked for, and how many of these are answered. */
  #demand = 0;
  #answered = 0;

  constructor(options: ReflectorMachineOptions<T>) {
    this.#options = options;
    this.#pageLimit = options.pageLimit ?? PAGE_LIMIT;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  handle(input: ReflectorInput<T>, nowMs: number): readonly ReflectorEffect<T>[] {
    if ('request' in input && input.request !== this.#request) return [];
    switch (input.type) {
      case 'start':
        return this.#state.phase === 'idle' ? [this.#list()] : [];
      case 'relist':
        this.#demand += 1;
        // A list that is under way is followed by another one, and one that waits comes in its time.
        return this.#state.phase === 'watching' ? [this.#list()] : [];
      case 'page':
        return this.#onPage(input, nowMs);
      case 'list-failed':
        return this.#onListFailed(input.failure, nowMs);
      case 'events':
        return this.#onEvents(input.events, nowMs);
      case 'watch-ended':
        return this.#onWatchEnded(nowMs);
      case 'watch-failed':
        return this.#onWatchFailed(input.failure, nowMs);
      case 'woke':
        return this.#onWoke(nowMs);
      case 'stop':
        this.#state = { phase: 'stopped' };
        this.#request++;
        return [];
    }
  }

  #list(): ReflectorEffect<T> {
    const resourceVersion = this.#relistVersion();
    const [items, unreadable] = [new Map(), new Map()];
    const begun = { resourceVersion, demand: this.#demand, isContinued: false, barrenPages: 0 };
    this.#state = { phase: 'listing', ...begun, items, unreadable };
    // With a version and no limit the list comes from the API server's cache; with a limit it would come from etcd, at
    // exactly that version (client-go switches paging off for the same reason).
    const isPaged = !this.#isListWhole && (resourceVersion === '' || resourceVersion === '0');
    const limit = isPaged ? this.#pageLimit : 0;
    return { type: 'list', request: ++this.#request, resourceVersion, limit, continueToken: '' };
  }

  /** client-go: relistResourceVersion. Never older than what was seen, unless that version cannot be had. */
  #relistVersion(): string {
    if (this.#isVersionUnavailable || this.#isListTooLarge || this.#answered < this.#demand) return '';
    return this.#version === '' ? (this.#options.initialResourceVersion ?? '') : this.#version;
  }

  #watch(nowMs: number): ReflectorEffect<T> {
    this.#state = { phase: 'watching', startedMs: nowMs, fromVersion: this.#version };
    const timeoutSeconds = Math.floor(WATCH_TIMEOUT_SECONDS * (1 + this.#options.random()));
    return { type: 'watch', request: ++this.#request, resourceVersion: this.#version, timeoutSeconds };
  }

  #onPage(page: Extract<ReflectorInput<T>, { readonly type: 'page' }>, nowMs: number): readonly ReflectorEffect<T>[] {
    const state = this.#state;
    if (state.phase !== 'listing') return [];
    if (page.resourceVersion === '') return this.#onListFailed(malformed('the list has no resourceVersion'), nowMs);
    const sizeBefore = state.items.size + state.unreadable.size;
    for (const item of page.items) state.items.set(keyOf(item.namespace, item.name), item);
    for (const { message, object } of page.skipped ?? []) {
      if (object !== undefined) state.unreadable.set(keyOf(object.namespace, object.name), { message, object });
    }
    if (page.continueToken !== '') {
      const size = state.items.size + state.unreadable.size;
      state.barrenPages = size > sizeBefore ? 0 : state.barrenPages + 1;
      if (state.barrenPages > BARREN_PAGES_MAX || size > LIST_ITEMS_MAX) {
        const message = `the list does not end: ${size} objects so far, and there are always more`;
        return this.#onListFailed(malformed(message), nowMs);
      }
      state.isContinued = true;
      const { continueToken } = page;
      return [{ type: 'list', request: ++this.#request, resourceVersion: '', limit: this.#pageLimit, continueToken }];
    }
    this.#isVersionUnavailable = false;
    this.#isListWhole = false;
    const deltas: Delta<T>[] = [];
    for (const key of this.store.keys()) {
      if (!state.items.has(key) && !state.unreadable.has(key)) deltas.push(...this.store.removeKey(key));
    }
    for (const { message, object } of state.unreadable.values()) deltas.push(...this.#keep(object, message));
    const demand = state.resourceVersion === '' ? state.demand : undefined;
    this.#state = { phase: 'applying', resourceVersion: page.resourceVersion, demand, left: state.items.values() };
    return [...deltasEffect(deltas), ...this.#apply(nowMs)];
  }

  /** Compares the next slice of the list with the store. */
  #apply(nowMs: number): readonly ReflectorEffect<T>[] {
    const state = this.#state;
    if (state.phase !== 'applying') return [];
    const deltas: Delta<T>[] = [];
    for (let count = 0; count < APPLY_SLICE; count++) {
      const item = state.left.next();
      if (item.done) return this.#finishList(deltas, state, nowMs);
      deltas.push(...this.store.upsert(item.value));
    }
    return [...deltasEffect(deltas), { type: 'sleep', request: ++this.#request, delayMs: 0 }];
  }

  #finishList(
    deltas: readonly Delta<T>[],
    { resourceVersion, demand }: Extract<ReflectorState<T>, { readonly phase: 'applying' }>,
    nowMs: number,
  ): readonly ReflectorEffect<T>[] {
    const effects: ReflectorEffect<T>[] = [...deltasEffect(deltas)];
    this.#version = resourceVersion;
    this.#listedAtMs = nowMs;
    if (!this.#isSynced) effects.push({ type: 'synced' });
    this.#isSynced = true;
    if (demand === this.#demand) {
      this.#answered = demand;
      effects.push({ type: 'fresh' });
    }
    effects.push(this.#answered < this.#demand ? this.#list() : this.#watch(nowMs));
    return effects;
  }

  #onListFailed(failure: ListWatchFailure, nowMs: number): readonly ReflectorEffect<T>[] {
    const state = this.#state;
    if (state.phase !== 'listing') return [];
    if (failure.code === 'gone' || failure.isVersionTooLarge) {
      // Both at once, without a delay: this is how lists end on a busy cluster, not a sign that it is unwell.
      if (state.isContinued && !this.#isListWhole) {
        this.#isListWhole = true;
        return [problem('list', failure, 0), this.#list()];
      }
      if (state.resourceVersion !== '') {
        this.#isVersionUnavailable = true;
        return [problem('list', failure, 0), this.#list()];
      }
    }
    if (failure.code === 'too-large') this.#shrinkPages();
    return this.#retry('list', failure, nowMs);
  }

  /** From now on lists come in pages, and in smaller ones: a few large objects must not keep all others from being read. */
  #shrinkPages(): void {
    this.#isListTooLarge = true;
    this.#isListWhole = false;
    this.#pageLimit = Math.max(1, Math.floor(this.#pageLimit / PAGE_SHRINK));
  }

  #onEvents(events: readonly WatchEvent<T>[], nowMs: number): readonly ReflectorEffect<T>[] {
    const state = this.#state;
    if (state.phase !== 'watching') return [];
    const deltas: Delta<T>[] = [];
    const effects: ReflectorEffect<T>[] = [];
    for (const event of events) {
      switch (event.type) {
        case 'added':
        case 'modified':
        case 'deleted':
          deltas.push(
            ...(event.type === 'deleted' ? this.store.remove(event.object) : this.store.upsert(event.object)),
          );
          this.#progress(event.object.resourceVersion);
          break;
        case 'bookmark':
          this.#progress(event.resourceVersion);
          break;
        case 'skipped':
          deltas.push(...this.#skip(event));
          effects.push(objectProblem(event.message));
          break;
        case 'error':
          return [...deltasEffect(deltas), ...effects, ...this.#onWatchFailed(failureOfApiError(event.error), nowMs)];
      }
    }
    return [...deltasEffect(deltas), ...effects];
  }

  /** The event cannot be read, but says which object has changed. */
  #skip({ object, isDeleted, message }: Extract<WatchEvent<T>, { readonly type: 'skipped' }>): readonly Delta<T>[] {
    if (object === undefined) return [];
    return isDeleted ? this.store.removeKey(keyOf(object.namespace, object.name)) : this.#keep(object, message);
  }

  #keep(name: ObjectName, message: string): readonly Delta<T>[] {
    const known = this.store.get(name.namespace, name.name);
    return this.store.keep(name, this.#options.whatIsLeft?.(name, message, known));
  }

  #progress(resourceVersion: string): void {
    this.#version = resourceVersion;
    this.#garbledInARow = 0;
  }

  #onWatchEnded(nowMs: number): readonly ReflectorEffect<T>[] {
    if (this.#state.phase !== 'watching') return [];
    if (this.#wasUseful(nowMs)) return [this.#watch(nowMs)];
    return this.#retry('watch', SHORT_WATCH, nowMs);
  }

  /** It came further than the one before, or it lasted. */
  #wasUseful(nowMs: number): boolean {
    const state = this.#state;
    if (state.phase !== 'watching') return false;
    return this.#version !== state.fromVersion || nowMs - state.startedMs >= WATCH_MS_MIN;
  }

  #onWatchFailed(failure: ListWatchFailure, nowMs: number): readonly ReflectorEffect<T>[] {
    if (this.#state.phase !== 'watching') return [];
    if (failure.code === 'gone') {
      if (nowMs - this.#listedAtMs < LIST_AGE_MS_MIN) return this.#retry('list', failure, nowMs);
      return this.#sleepBefore('list', failure, LIST_SPREAD_MS * this.#options.random());
    }
    if (failure.isVersionTooLarge || failure.code === 'bad-request') {
      this.#isVersionUnavailable = true;
      return this.#retry('list', failure, nowMs);
    }
    if (failure.code === 'malformed' && ++this.#garbledInARow >= GARBLED_IN_A_ROW_MAX) {
      this.#garbledInARow = 0;
      return this.#retry('list', failure, nowMs);
    }
    // Quiet, or cut off without a word: asking again tells which.
    if (failure.code === 'silent') return [this.#watch(nowMs)];
    const isCut = failure.code === 'connection-lost' || failure.code === 'timeout';
    if (isCut && failure.httpStatus === 0 && this.#wasUseful(nowMs)) {
      return [problem('watch', failure, 0), this.#watch(nowMs)];
    }
    return this.#retry('watch', failure, nowMs);
  }

  #retry(next: 'list' | 'watch', failure: ListWatchFailure, nowMs: number): readonly ReflectorEffect<T>[] {
    return this.#sleepBefore(next, failure, this.#backoff.next(nowMs, this.#options.random()));
  }

  #sleepBefore(next: 'list' | 'watch', failure: ListWatchFailure, delayMsMin: number): readonly ReflectorEffect<T>[] {
    const phase = this.#state.phase === 'watching' ? 'watch' : 'list';
    const delayMs = Math.max(delayMsMin, failure.retryAfterMs);
    this.#state = { phase: 'sleeping', next };
    return [problem(phase, failure, delayMs), { type: 'sleep', request: ++this.#request, delayMs }];
  }

  #onWoke(nowMs: number): readonly ReflectorEffect<T>[] {
    if (this.#state.phase === 'applying') return this.#apply(nowMs);
    if (this.#state.phase !== 'sleeping') return [];
    return [this.#state.next === 'list' || this.#answered < this.#demand ? this.#list() : this.#watch(nowMs)];
  }
}
