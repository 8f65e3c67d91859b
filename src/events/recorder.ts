import type { ApiRequest, ApiResponse } from '../client/api.ts';
import { createEventRequest, patchEventRequest } from '../client/requests.ts';
import { monotonicMs, wallOf } from '../clock.ts';
import { EventCorrelator, type EventEffect, type RecordedEvent } from './event-correlator.ts';
import { type EventReporter, eventObject, namespaceOf, seriesPatch } from './event-object.ts';

export interface EventRecorderOptions {
  readonly reporter: EventReporter;
  /** Sends a request to the API server; never rejects. */
  readonly post: (request: ApiRequest) => Promise<ApiResponse>;
  /** An event was not written, and why: for the log. */
  readonly onDropped: (message: string, event: RecordedEvent) => void;
  /** The spam filter kept one back. */
  readonly onSuppressed?: (event: RecordedEvent) => void;
  readonly now?: () => number;
  /** By the wall clock, for a moment of `now`. */
  readonly wallOf?: (ms: number) => number;
}

const QUEUE_LENGTH_MAX = 1024;
const REQUEST_TIMEOUT_MS = 10_000;
const TICK_INTERVAL_MS = 60_000;
const RETRY_DELAYS_MS = [1_000, 5_000];
/** While the API server is away each one takes a while to fail; what has waited for longer is given up without a try. */
const WAIT_MS_MAX = 120_000;

interface Waiting {
  readonly effect: EventEffect;
  readonly sinceMs: number;
}

/**
 * Writes events one after the other, so that a series follows its Event; warnings before all others, so that those cost no
 * warning its time or place. What cannot be written is dropped: events tell people what happened, and nothing depends on them.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #correlator = new EventCorrelator({ random: Math.random });
  readonly #warnings: Waiting[] = [];
  readonly #others: Waiting[] = [];
  readonly #now: () => number;
  readonly #wallOf: (ms: number) => number;
  readonly #timer: NodeJS.Timeout;
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#now = options.now ?? monotonicMs;
    this.#wallOf = options.wallOf ?? (options.now === undefined ? wallOf : (ms) => ms);
    this.#timer = setInterval(() => this.#enqueue(this.#correlator.tick(this.#now())), TICK_INTERVAL_MS).unref();
  }

  record(event: RecordedEvent): void {
    const before = this.#correlator.suppressedCount;
    this.#enqueue(this.#correlator.record(event, this.#now()));
    if (this.#correlator.suppressedCount > before) this.#options.onSuppressed?.(event);
  }

  /** Writes what is left, for so long at most. */
  async close(timeoutMs: number): Promise<void> {
    clearInterval(this.#timer);
    this.#enqueue(this.#correlator.tick(this.#now(), true));
    // Retries end; requests get the chance to be answered.
    this.#closing.abort();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([this.#running, timeout]);
    clearTimeout(timer);
    this.#warnings.length = 0;
    this.#others.length = 0;
  }

  #enqueue(effects: readonly EventEffect[]): void {
    for (const effect of effects) this.#push({ effect, sinceMs: this.#now() });
    if (this.#warnings.length + this.#others.length > 0) this.#running ??= this.#drain();
  }

  #push(waiting: Waiting): void {
    const isWarning = waiting.effect.event.type === 'Warning';
    if (this.#warnings.length + this.#others.length >= QUEUE_LENGTH_MAX) {
      // A warning takes the place of the oldest of the others.
      const dropped = (isWarning ? this.#others.shift() : undefined) ?? waiting;
      this.#drop(dropped.effect, `more than ${QUEUE_LENGTH_MAX} events wait to be written`);
      if (dropped === waiting) return;
    }
    (isWarning ? this.#warnings : this.#others).push(waiting);
  }

  async #drain(): Promise<void> {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const { effect, sinceMs } = next;
      if (this.#now() - sinceMs <= WAIT_MS_MAX) await this.#write(effect);
      else this.#drop(effect, `it waited for more than ${WAIT_MS_MAX / 1000} s`);
    }
    this.#running = undefined;
  }

  #next(): Waiting | undefined {
    return this.#warnings.shift() ?? this.#others.shift();
  }

  async #write(effect: EventEffect): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const response = await this.#options.post(this.#requestOf(effect));
      // A name that exists already: an earlier attempt got through though its answer did not.
      if (response.kind === 'answer' && (response.status < 300 || response.status === 409)) return;
      const delayMs = this.#closing.signal.aborted ? undefined : RETRY_DELAYS_MS[attempt];
      if (delayMs === undefined || !isTemporary(response)) {
        this.#drop(effect, reasonOf(response));
        return;
      }
      await pause(delayMs, this.#closing.signal);
    }
  }

  #requestOf(effect: EventEffect): ApiRequest {
    const target = { namespace: namespaceOf(effect), name: effect.name, timeoutMs: REQUEST_TIMEOUT_MS };
    switch (effect.type) {
      case 'create':
        return createEventRequest({
          ...target,
          object: eventObject({ ...effect, eventTimeMs: this.#wallOf(effect.eventTimeMs) }, this.#options.reporter),
        });
      case 'patch': {
        const lastObservedTimeMs = this.#wallOf(effect.lastObservedTimeMs);
        return patchEventRequest({ ...target, patch: seriesPatch({ ...effect, lastObservedTimeMs }) });
      }
    }
  }

  #drop(effect: EventEffect, message: string): void {
    this.#correlator.forget(effect.event);
    this.#options.onDropped(message, effect.event);
  }
}

function isTemporary(response: ApiResponse): boolean {
  return response.kind === 'failure' || response.status === 429 || response.status >= 500;
}

function reasonOf(response: ApiResponse): string {
  if (response.kind === 'failure') return response.message;
  return `HTTP ${response.status} ${new TextDecoder().decode(response.body).slice(0, 300)}`;
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, delayMs).unref();
    signal.addEventListener('abort', end);
  });
}
