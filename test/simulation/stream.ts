import type { Delta } from '../../src/cache/delta.ts';
import { failureOfApiError, failureOfTransport } from '../../src/cache/list-watch-failure.ts';
import { type ReflectorEffect, type ReflectorInput, ReflectorMachine } from '../../src/cache/reflector-machine.ts';
import type { Store } from '../../src/cache/store.ts';
import { listRequest, type Selection, watchRequest } from '../../src/client/requests.ts';
import type { ObjectRecord } from '../../src/kube/records.ts';
import type { SimResponse } from '../../src/simulator/api-types.ts';
import type { SimObject } from '../../src/simulator/objects.ts';
import type { WatchEvent } from '../../src/simulator/watch.ts';
import type { Network, SimAnswer } from './network.ts';
import type { SimProcess } from './process.ts';
import { errorOf, watchEventOf } from './records.ts';
import { WatchLine } from './watch-line.ts';

export interface StreamOptions<T extends ObjectRecord> {
  readonly process: SimProcess;
  readonly network: Network;
  readonly selection: Omit<Selection, 'accept'>;
  readonly pageLimit: number;
  readonly random: () => number;
  readonly read: (object: SimObject) => T;
  readonly onDelta: (delta: Delta<T>, nowMs: number) => void;
  readonly onSynced: () => void;
  /** How far the stream has been told, before the machine is told the same. */
  readonly onProgress: (revision: number, how: 'list' | 'watch') => void;
}

type Action<T extends ObjectRecord> = Extract<ReflectorEffect<T>, { readonly type: 'list' | 'watch' | 'sleep' }>;

const LIST_TIMEOUT_MS = 60_000;

/** The reflector's shell in virtual time: carries out what the machine wants, and tells it what came of it. */
export class Stream<T extends ObjectRecord> {
  readonly #options: StreamOptions<T>;
  readonly #machine: ReflectorMachine<T>;
  readonly #selection: Selection;
  /** What is open: stops it. At most one. */
  #close: () => void = () => undefined;
  #isStopped = false;

  constructor(options: StreamOptions<T>) {
    this.#options = options;
    this.#selection = { ...options.selection, accept: 'application/json' };
    this.#machine = new ReflectorMachine<T>({ random: options.random, pageLimit: options.pageLimit });
  }

  get store(): Store<T> {
    return this.#machine.store;
  }

  get isSynced(): boolean {
    return this.#machine.isSynced;
  }

  start(): void {
    this.#feed({ type: 'start' });
  }

  stop(): void {
    this.#feed({ type: 'stop' });
    this.#isStopped = true;
    this.#close();
  }

  #feed(input: ReflectorInput<T>): void {
    if (this.#isStopped || this.#options.process.isDead) return;
    for (const effect of this.#machine.handle(input, this.#options.process.nowMs)) {
      // A delta may make the controller stop this very stream.
      if (this.#isStopped) return;
      this.#perform(effect);
    }
  }

  #perform(effect: ReflectorEffect<T>): void {
    const { onDelta, onSynced, process } = this.#options;
    switch (effect.type) {
      case 'deltas':
        for (const delta of effect.deltas) if (!this.#isStopped) onDelta(delta, process.nowMs);
        return;
      case 'synced':
        onSynced();
        return;
      case 'problem':
        return;
      default:
        this.#close();
        this.#act(effect);
    }
  }

  #act(action: Action<T>): void {
    const { process } = this.#options;
    const { request } = action;
    switch (action.type) {
      case 'sleep': {
        const planned = process.after(action.delayMs, () => this.#feed({ type: 'woke', request }));
        this.#close = () => process.timeline.cancel(planned);
        return;
      }
      case 'list':
        this.#send(listRequest(this.#selection, { ...action, timeoutMs: LIST_TIMEOUT_MS }), LIST_TIMEOUT_MS, (answer) =>
          this.#onList(request, answer),
        );
        return;
      case 'watch': {
        const timeoutMs = LIST_TIMEOUT_MS;
        this.#send(watchRequest(this.#selection, { ...action, timeoutMs }), timeoutMs, (answer) =>
          this.#onWatch(request, answer),
        );
      }
    }
  }

  #send(request: Parameters<Network['send']>[0], timeoutMs: number, onAnswer: (answer: SimAnswer) => void): void {
    const { network, process } = this.#options;
    let isWanted = true;
    this.#close = () => {
      isWanted = false;
    };
    network.send(request, {
      from: process.id,
      timeoutMs: process.clock.span(timeoutMs),
      onAnswer: (answer) => {
        const isUnwanted = !isWanted || process.isDead;
        if (isUnwanted && answer.kind === 'response' && answer.response.kind === 'watch') answer.response.watch.stop();
        if (!isUnwanted) process.run(() => isWanted && onAnswer(answer));
      },
    });
  }

  #onList(request: number, answer: SimAnswer): void {
    const failure = failureOf(answer);
    if (failure !== undefined || answer.kind === 'failure' || answer.response.kind !== 'list') {
      this.#feed({ type: 'list-failed', request, failure: failure ?? MALFORMED });
      return;
    }
    const { metadata, items } = answer.response.list;
    const { resourceVersion, continue: continueToken = '' } = metadata;
    if (continueToken === '') this.#options.onProgress(Number(resourceVersion), 'list');
    this.#feed({ type: 'page', request, items: items.map(this.#options.read), resourceVersion, continueToken });
  }

  #onWatch(request: number, answer: SimAnswer): void {
    const failure = failureOf(answer);
    if (failure !== undefined || answer.kind === 'failure' || answer.response.kind !== 'watch') {
      this.#feed({ type: 'watch-failed', request, failure: failure ?? MALFORMED });
      return;
    }
    const line = new WatchLine(this.#options, answer.response.watch, answer.fate, {
      onEvents: (events) => this.#onEvents(request, events),
      onEnd: (isCut) =>
        this.#feed(
          isCut ? { type: 'watch-failed', request, failure: CONNECTION_LOST } : { type: 'watch-ended', request },
        ),
    });
    this.#close = () => line.close();
    line.open();
  }

  #onEvents(request: number, events: readonly WatchEvent[]): void {
    if (this.#isStopped) return;
    const last = events.findLast((event) => event.type !== 'ERROR');
    if (last !== undefined) this.#options.onProgress(Number(last.object.metadata.resourceVersion), 'watch');
    const read = events.map((event) => watchEventOf(event, this.#options.read));
    this.#feed({ type: 'events', request, events: read });
  }
}

const MALFORMED = failureOfTransport({ code: 'malformed', message: 'not what was asked for' });
const CONNECTION_LOST = failureOfTransport({ code: 'connection-lost', message: 'the watch was cut' });

function failureOf(answer: SimAnswer): ReturnType<typeof failureOfTransport> | undefined {
  if (answer.kind === 'failure') return failureOfTransport(answer);
  const { response }: { response: SimResponse } = answer;
  return response.kind === 'status' ? failureOfApiError(errorOf(response.body)) : undefined;
}
