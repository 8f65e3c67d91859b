import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient, ApiRequest, StreamAnswer } from '../client/api.ts';
import { StreamFailure } from '../client/failure.ts';
import { apiErrorOfAnswer } from '../client/status-error.ts';
import { monotonicMs } from '../clock.ts';
import type { ObjectRecord } from '../kube/records.ts';
import { Contact, type ContactReport } from './contact.ts';
import { noteEffect, noteInput } from './contact-notes.ts';
import type { Delta } from './delta.ts';
import { failureOfApiError, failureOfTransport, type ListWatchFailure } from './list-watch-failure.ts';
import { objectProblem } from './reflector-effects.ts';
import {
  type ReflectorEffect,
  type ReflectorInput,
  ReflectorMachine,
  type ReflectorProblem,
} from './reflector-machine.ts';
import type { ResourceSource } from './resources.ts';
import type { Store } from './store.ts';

export interface ReflectorOptions<T extends ObjectRecord> {
  readonly client: Pick<ApiClient, 'stream'>;
  readonly resource: ResourceSource<T>;
  /** In order; the store already holds the change. Must not throw. */
  readonly onDelta: (delta: Delta<T>, nowMs: number) => void;
  /** Once: all objects of the first list have been handed out. */
  readonly onSynced: () => void;
  /** All that was committed when `relist` (or `start`) was last called has been handed out. */
  readonly onFresh?: () => void;
  readonly onProblem: (problem: ReflectorProblem) => void;
  /** In [0, 1). */
  readonly random: () => number;
  readonly now: () => number;
}

type Effect<T extends ObjectRecord> = ReflectorEffect<T>;
/** What keeps the reflector busy until its next input. */
type Action<T extends ObjectRecord> = Extract<Effect<T>, { readonly type: 'list' | 'watch' | 'sleep' }>;

/** The API server itself cuts a list after 60 s. */
const LIST_TIMEOUT_MS = 90_000;
/** How much longer than asked for a watch may take before it counts as hung. */
const WATCH_GRACE_MS = 30_000;
const ERROR_BODY_BYTES_MAX = 64 * 1024;
const NOTHING = new Uint8Array();
/** Of the objects of a page that cannot be read. */
const SKIPPED_SAID_MAX = 10;
/** Deltas are handed out for this long before others get a turn. */
const TURN_MS = 10;
const DELTAS_PER_TIME_CHECK = 32;

/** Keeps a store equal to what the API server has, and tells every change. The rules are in `ReflectorMachine`. */
export class Reflector<T extends ObjectRecord> {
  readonly #options: ReflectorOptions<T>;
  readonly #machine: ReflectorMachine<T>;
  readonly #contact: Contact;
  readonly #abort = new AbortController();
  #nap = new AbortController();
  #watching = new AbortController();
  #isRelistWanted = false;
  #isAsking = false;
  #isHurried = false;
  #running: Promise<void> | undefined = undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#contact = new Contact(options.now());
    const { pageLimit, whatIsLeft } = options.resource;
    this.#machine = new ReflectorMachine<T>({ random: options.random, pageLimit, whatIsLeft });
  }

  get store(): Store<T> {
    return this.#machine.store;
  }

  get hasSynced(): boolean {
    return this.#machine.isSynced;
  }

  /** How current the store is. */
  contact(): ContactReport {
    return this.#contact.report(this.#options.now());
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** What stood in the way may be gone (new credentials): what waits is tried at once, and so is what is refused just now. */
  retryNow(): void {
    this.#isHurried = this.#isAsking;
    this.#nap.abort();
  }

  /** What is committed now is listed, however current the store seems; `onFresh` tells when it has been handed out. */
  relist(): void {
    this.#isRelistWanted = true;
    this.#watching.abort();
  }

  /** Resolves when nothing is in flight any more; no callback is called after that. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  get #isStopped(): boolean {
    return this.#abort.signal.aborted;
  }

  #handle(input: ReflectorInput<T>): Promise<Action<T> | undefined> {
    noteInput(this.#contact, input, this.#options.now());
    if (this.#isStopped) return this.#perform([]);
    // It ends a watch, of which the input then says nothing any more.
    return this.#perform([...this.#takeRelist(), ...this.#machine.handle(input, this.#options.now())]);
  }

  #takeRelist(): readonly Effect<T>[] {
    if (!this.#isRelistWanted) return [];
    this.#isRelistWanted = false;
    return this.#machine.handle({ type: 'relist' }, this.#options.now());
  }

  async #run(): Promise<void> {
    let action = await this.#handle({ type: 'start' });
    while (action !== undefined && !this.#isStopped) action = await this.#act(action);
    this.#machine.handle({ type: 'stop' }, this.#options.now());
  }

  /** Carries out what takes no time and answers what does. */
  async #perform(effects: readonly Effect<T>[]): Promise<Action<T> | undefined> {
    let action: Action<T> | undefined;
    for (const effect of effects) {
      if (this.#isStopped) return undefined;
      noteEffect(this.#contact, effect, this.#options.now());
      switch (effect.type) {
        case 'deltas':
          await this.#deliver(effect.deltas);
          break;
        case 'synced':
          this.#options.onSynced();
          break;
        case 'fresh':
          // Asked for again while the list was handed out.
          if (!this.#isRelistWanted) this.#options.onFresh?.();
          break;
        case 'problem':
          this.#options.onProblem(effect.problem);
          break;
        case 'list':
        case 'watch':
        case 'sleep':
          action = effect;
          break;
      }
    }
    return action;
  }

  async #deliver(deltas: readonly Delta<T>[]): Promise<void> {
    const { onDelta, now } = this.#options;
    let turnEndsMs = monotonicMs() + TURN_MS;
    for (const [i, delta] of deltas.entries()) {
      if (i % DELTAS_PER_TIME_CHECK === 0 && monotonicMs() > turnEndsMs) {
        await nextTurn();
        turnEndsMs = monotonicMs() + TURN_MS;
      }
      if (this.#isStopped) return;
      onDelta(delta, now());
    }
  }

  #act(action: Action<T>): Promise<Action<T> | undefined> {
    switch (action.type) {
      case 'list':
        return this.#list(action);
      case 'watch':
        return this.#isRelistWanted ? this.#perform(this.#takeRelist()) : this.#watch(action);
      case 'sleep':
        return this.#sleep(action);
    }
  }

  async #sleep(action: Extract<Action<T>, { readonly type: 'sleep' }>): Promise<Action<T> | undefined> {
    if (action.delayMs === 0 || this.#isHurried) await nextTurn();
    else await sleep(action.delayMs, undefined, { signal: this.#wakeSignal() }).catch(ignoreAbort);
    this.#isHurried = false;
    return this.#handle({ type: 'woke', request: action.request });
  }

  #wakeSignal(): AbortSignal {
    this.#nap = new AbortController();
    return AbortSignal.any([this.#abort.signal, this.#nap.signal]);
  }

  async #list(action: Extract<Action<T>, { readonly type: 'list' }>): Promise<Action<T> | undefined> {
    const { request, limit, continueToken, resourceVersion } = action;
    const { resource } = this.#options;
    const timeoutMs = LIST_TIMEOUT_MS;
    const query = { limit, continueToken, resourceVersion, timeoutMs, signal: this.#abort.signal };
    const opened = await this.#open(resource.list(query));
    if (!opened.ok) return this.#handle({ type: 'list-failed', request, failure: opened.failure });
    const reader = resource.listReader(opened.answer.contentType);
    try {
      for await (const chunk of opened.answer.body) {
        const garbled = reader.push(chunk);
        if (garbled !== undefined) {
          return await this.#handle({ type: 'list-failed', request, failure: failureOfTransport(garbled) });
        }
      }
    } catch (error) {
      return this.#handle({ type: 'list-failed', request, failure: failureOfBroken(error) });
    }
    const end = reader.end();
    if (!end.ok) return this.#handle({ type: 'list-failed', request, failure: failureOfTransport(end) });
    await this.#perform(end.list.skipped.slice(0, SKIPPED_SAID_MAX).map(({ message }) => objectProblem(message)));
    return this.#handle({ type: 'page', request, ...end.list });
  }

  async #watch(action: Extract<Action<T>, { readonly type: 'watch' }>): Promise<Action<T> | undefined> {
    const { request, resourceVersion, timeoutSeconds } = action;
    const { resource } = this.#options;
    const timeoutMs = timeoutSeconds * 1000 + WATCH_GRACE_MS;
    this.#watching = new AbortController();
    const signal = AbortSignal.any([this.#abort.signal, this.#watching.signal]);
    const query = { resourceVersion, timeoutSeconds, timeoutMs, signal };
    const opened = await this.#open(resource.watch(query));
    if (!opened.ok) return this.#handle({ type: 'watch-failed', request, failure: opened.failure });
    this.#contact.opened(this.#options.now());
    const reader = resource.watchReader(opened.answer.contentType);
    try {
      for await (const chunk of opened.answer.body) {
        const { events, garbled } = reader.push(chunk);
        const next = await this.#handle({ type: 'events', request, events });
        if (next !== undefined) return next;
        if (garbled !== undefined) {
          return await this.#handle({ type: 'watch-failed', request, failure: failureOfTransport(garbled) });
        }
      }
    } catch (error) {
      return this.#handle({ type: 'watch-failed', request, failure: failureOfBroken(error) });
    }
    if (reader.pendingBytes === 0) return this.#handle({ type: 'watch-ended', request });
    return this.#handle({ type: 'watch-failed', request, failure: CUT_EVENT });
  }

  /** Sends a request and reads a refusal to its end. */
  async #open(
    request: ApiRequest,
  ): Promise<
    { readonly ok: true; readonly answer: StreamAnswer } | { readonly ok: false; readonly failure: ListWatchFailure }
  > {
    this.#isHurried = false;
    this.#isAsking = true;
    const answer = await this.#options.client.stream(request);
    const body = answer.kind === 'stream' && answer.status !== 200 ? await bodyOf(answer) : NOTHING;
    this.#isAsking = false;
    if (answer.kind === 'failure') return { ok: false, failure: failureOfTransport(answer) };
    if (answer.status === 200) return { ok: true, answer };
    return { ok: false, failure: failureOfApiError(apiErrorOfAnswer({ ...answer, body }, request.labels)) };
  }
}

const CUT_EVENT = failureOfTransport({
  code: 'connection-lost',
  message: 'the watch was cut in the middle of an event',
});

/** As much of a refusal's body as is needed to know why. */
async function bodyOf(answer: StreamAnswer): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer.body) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > ERROR_BODY_BYTES_MAX) break;
    }
  } catch (error) {
    if (!(error instanceof StreamFailure)) throw error;
  }
  return Buffer.concat(chunks);
}

function failureOfBroken(error: unknown): ListWatchFailure {
  if (!(error instanceof StreamFailure)) throw error;
  return failureOfTransport({ code: error.code, message: error.message });
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
}
