import { Contact, type ContactReport } from '../../src/cache/contact.ts';
import { noteEffect, noteInput } from '../../src/cache/contact-notes.ts';
import type { Delta } from '../../src/cache/delta.ts';
import { failureOfApiError, failureOfTransport, type ListWatchFailure } from '../../src/cache/list-watch-failure.ts';
import { type ReflectorEffect, type ReflectorInput, ReflectorMachine } from '../../src/cache/reflector-machine.ts';
import type { WhatIsLeft } from '../../src/cache/reflector-types.ts';
import type { Store } from '../../src/cache/store.ts';
import type { ApiRequest } from '../../src/client/api.ts';
import type { Unreadable } from '../../src/client/pod-facts.ts';
import { listRequest, type Selection, watchRequest } from '../../src/client/requests.ts';
import type { ObjectRecord } from '../../src/kube/records.ts';
import type { SimResponse } from '../../src/simulator/api-types.ts';
import type { SimObject } from '../../src/simulator/objects.ts';
import type { WatchEvent } from '../../src/simulator/watch.ts';
import type { Network, SimAnswer } from './network.ts';
import type { Outage } from './outage.ts';
import type { SimProcess } from './process.ts';
import { errorOf, type ObjectReader, watchEventOf } from './records.ts';
import type { Delivery } from './view-rule.ts';
import { type LineEnd, WatchLine } from './watch-line.ts';

export interface StreamOptions<T extends ObjectRecord> extends ObjectReader<T> {
  readonly process: SimProcess;
  readonly network: Network;
  readonly selection: Omit<Selection, 'accept'>;
  readonly pageLimit: number;
  readonly random: () => number;
  /** As the program has it for the resource. */
  readonly whatIsLeft: WhatIsLeft<T>;
  readonly onDelta: (delta: Delta<T>, nowMs: number) => void;
  readonly onSynced: () => void;
  readonly onFresh?: () => void;
  /** A list failed. */
  readonly onListProblem?: (message: string) => void;
  /** How far the stream has been told, before the machine is told the same. */
  readonly onProgress: (revision: number, how: 'list' | 'watch') => void;
  /** What the network has brought, before anything is made of it. */
  readonly onDelivery: (what: Delivery) => void;
}

type Action<T extends ObjectRecord> = Extract<ReflectorEffect<T>, { readonly type: 'list' | 'watch' | 'sleep' }>;

/** As the reflector has it; a watch's head may take as long. */
const ANSWER_TIMEOUT_MS = 90_000;

/** The reflector's shell in virtual time: carries out what the machine wants, and tells it what came of it. */
export class Stream<T extends ObjectRecord> {
  readonly #options: StreamOptions<T>;
  readonly #machine: ReflectorMachine<T>;
  readonly #contact: Contact;
  readonly #selection: Selection;
  /** What is open: stops it. At most one. */
  #close: () => void = () => undefined;
  #line: WatchLine | undefined;
  #outage: Outage | undefined;
  #isStopped = false;

  constructor(options: StreamOptions<T>) {
    this.#options = options;
    this.#selection = { ...options.selection, accept: 'application/json' };
    this.#contact = new Contact(options.process.nowMs);
    const { random, pageLimit, whatIsLeft } = options;
    this.#machine = new ReflectorMachine<T>({ random, pageLimit, whatIsLeft });
  }

  get store(): Store<T> {
    return this.#machine.store;
  }

  get isSynced(): boolean {
    return this.#machine.isSynced;
  }

  contact(): ContactReport {
    return this.#contact.report(this.#options.process.nowMs);
  }

  /** From now on this stream is cut off, and nothing else. */
  cutOff(outage: Outage): void {
    this.#outage = outage;
    this.#interrupt();
  }

  restore(): void {
    this.#outage = undefined;
  }

  start(): void {
    this.#feed({ type: 'start' });
  }

  /** What is committed now is wanted. */
  relist(): void {
    this.#feed({ type: 'relist' });
  }

  stop(): void {
    this.#feed({ type: 'stop' });
    this.#isStopped = true;
    this.#close();
  }

  #feed(input: ReflectorInput<T>): void {
    if (this.#isStopped || this.#options.process.isDead) return;
    noteInput(this.#contact, input, this.#options.process.nowMs);
    for (const effect of this.#machine.handle(input, this.#options.process.nowMs)) {
      // A delta may make the controller stop this very stream.
      if (this.#isStopped) return;
      this.#perform(effect);
    }
  }

  #perform(effect: ReflectorEffect<T>): void {
    const { onDelta, onSynced, process } = this.#options;
    noteEffect(this.#contact, effect, process.nowMs);
    switch (effect.type) {
      case 'deltas':
        for (const delta of effect.deltas) if (!this.#isStopped) onDelta(delta, process.nowMs);
        return;
      case 'synced':
        onSynced();
        return;
      case 'fresh':
        this.#options.onFresh?.();
        return;
      case 'problem':
        if (effect.problem.phase === 'list') this.#options.onListProblem?.(effect.problem.message);
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
        this.#list(request, listRequest(this.#selection, { ...action, timeoutMs: ANSWER_TIMEOUT_MS }));
        return;
      case 'watch':
        this.#watch(request, watchRequest(this.#selection, { ...action, timeoutMs: ANSWER_TIMEOUT_MS }));
    }
  }

  #list(request: number, query: ApiRequest): void {
    const failure = this.#outage?.failureOf('list');
    if (failure === undefined) this.#send(query, (answer) => this.#onList(request, answer));
    else this.#refuse(failure, (why) => this.#fail({ type: 'list-failed', request, failure: why }));
  }

  #watch(request: number, query: ApiRequest): void {
    const failure = this.#outage?.failureOf('watch');
    if (failure !== undefined)
      this.#refuse(failure, (why) => this.#fail({ type: 'watch-failed', request, failure: why }));
    else if (this.#outage?.kind === 'fleeting') this.#passBy(request, this.#outage);
    else this.#send(query, (answer) => this.#onWatch(request, answer));
  }

  /** The request fails by itself, or nobody answers it. */
  #refuse(failure: ListWatchFailure | 'never', onFailed: (failure: ListWatchFailure) => void): void {
    const { process, network } = this.#options;
    const isSilent = failure === 'never';
    const planned = process.timeline.after(
      isSilent ? process.clock.span(ANSWER_TIMEOUT_MS) : 2 * network.latencyMs(),
      () => process.run(() => onFailed(isSilent ? TIMED_OUT : failure)),
    );
    this.#close = () => process.timeline.cancel(planned);
  }

  /** A watch that is accepted and over before it brought anything. */
  #passBy(request: number, outage: Outage): void {
    const { process } = this.#options;
    const { untilAcceptedMs, openMs, isCut } = outage.fleetingMs();
    let planned = process.after(untilAcceptedMs, () => {
      this.#accept();
      planned = process.after(openMs, () => this.#onEnd(request, isCut ? 'cut' : 'ended'));
    });
    this.#close = () => process.timeline.cancel(planned);
  }

  #fail(input: Extract<ReflectorInput<T>, { readonly type: 'list-failed' | 'watch-failed' }>): void {
    this.#options.onDelivery('failed');
    this.#feed(input);
  }

  #accept(): void {
    this.#options.onDelivery('accepted');
    this.#contact.opened(this.#options.process.nowMs);
  }

  #interrupt(): void {
    if (this.#outage?.kind === 'unanswered') this.#line?.mute();
    else if (this.#outage !== undefined) this.#line?.cut();
  }

  #send(request: ApiRequest, onAnswer: (answer: SimAnswer) => void): void {
    const { network, process } = this.#options;
    let isWanted = true;
    this.#close = () => {
      isWanted = false;
    };
    network.send(request, {
      from: process.id,
      timeoutMs: process.clock.span(ANSWER_TIMEOUT_MS),
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
      this.#fail({ type: 'list-failed', request, failure: failure ?? MALFORMED });
      return;
    }
    const { metadata, items } = answer.response.list;
    const { resourceVersion, continue: continueToken = '' } = metadata;
    this.#options.onDelivery('page');
    if (continueToken === '') this.#options.onProgress(Number(resourceVersion), 'list');
    this.#feed({ type: 'page', request, ...this.#read(items), resourceVersion, continueToken });
  }

  #read(objects: readonly SimObject[]): { readonly items: readonly T[]; readonly skipped: readonly Unreadable[] } {
    const { read, problemOf } = this.#options;
    const items: T[] = [];
    const skipped: Unreadable[] = [];
    for (const object of objects) {
      const problem = problemOf(object);
      if (problem === undefined) items.push(read(object));
      else skipped.push(problem);
    }
    return { items, skipped };
  }

  #onWatch(request: number, answer: SimAnswer): void {
    const failure = failureOf(answer);
    if (failure !== undefined || answer.kind === 'failure' || answer.response.kind !== 'watch') {
      this.#fail({ type: 'watch-failed', request, failure: failure ?? MALFORMED });
      return;
    }
    this.#accept();
    const line = new WatchLine(this.#options, answer.response.watch, answer.fate, {
      onEvents: (events) => this.#onEvents(request, events),
      onEnd: (how) => this.#onEnd(request, how),
    });
    this.#line = line;
    this.#close = () => {
      this.#line = undefined;
      line.close();
    };
    line.open();
    this.#interrupt();
  }

  #onEnd(request: number, how: LineEnd): void {
    this.#options.onDelivery(how === 'cut' ? 'failed' : 'ended');
    if (how === 'ended') this.#feed({ type: 'watch-ended', request });
    else this.#feed({ type: 'watch-failed', request, failure: how === 'cut' ? CONNECTION_LOST : SILENT });
  }

  #onEvents(request: number, events: readonly WatchEvent[]): void {
    if (this.#isStopped) return;
    for (const { type } of events) this.#options.onDelivery(type === 'ERROR' ? 'failed' : 'event');
    const last = events.findLast((event) => event.type !== 'ERROR');
    if (last !== undefined) this.#options.onProgress(Number(last.object.metadata.resourceVersion), 'watch');
    const read = events.map((event) => watchEventOf(event, this.#options));
    this.#feed({ type: 'events', request, events: read });
  }
}

const MALFORMED = failureOfTransport({ code: 'malformed', message: 'not what was asked for' });
const CONNECTION_LOST = failureOfTransport({ code: 'connection-lost', message: 'the watch was cut' });
const SILENT = failureOfTransport({ code: 'silent', message: 'the watch brings nothing' });
const TIMED_OUT = failureOfTransport({ code: 'timeout', message: 'no answer' });

function failureOf(answer: SimAnswer): ListWatchFailure | undefined {
  if (answer.kind === 'failure') return failureOfTransport(answer);
  const { response }: { response: SimResponse } = answer;
  return response.kind === 'status' ? failureOfApiError(errorOf(response.body)) : undefined;
}
