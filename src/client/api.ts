import type { Dispatcher } from 'undici';
import { monotonicMs } from '../clock.ts';
import type { Connection } from '../protocol/connection.ts';
import type { RateLimit } from '../protocol/token-bucket.ts';
import type { ApiRequest } from './api-request.ts';
import { type ApiResponse, Exchange } from './exchange.ts';
import type { Failure } from './failure.ts';
import { Gate } from './gate.ts';
import { RateGate } from './rate-gate.ts';
import { OBJECT_BYTES_MAX } from './readers.ts';
import { type StreamAnswer, StreamExchange } from './stream-exchange.ts';
import { Transport } from './transport.ts';

export type { ApiRequest } from './api-request.ts';
export type { ApiResponse } from './exchange.ts';
export type { Failure } from './failure.ts';
export type { StreamAnswer } from './stream-exchange.ts';

/** What the metrics hook is told about every request and every start of a stream. */
export interface RequestReport {
  readonly verb: string;
  readonly resource: string;
  /** The HTTP status, or the failure's code. */
  readonly code: string;
  readonly durationMs: number;
}

export interface ApiClientOptions {
  readonly connection: Connection;
  /** Connections for requests, at most; `useConnections` may ask for fewer. Streams have their own. */
  readonly connectionsMax: number;
  /** Of all requests and starts of streams; without it there is none. */
  readonly rateLimit?: RateLimit | undefined;
  /** How long a stream may bring nothing, before its head and between two chunks. */
  readonly streamSilenceMs?: number;
  readonly onRequest?: (report: RequestReport) => void;
  /** The credentials were refused: get new ones and call `setConnection`. */
  readonly onUnauthorized?: () => void;
}

/**
 * The API server sends a bookmark every 60 s to 62 s (k8s.io/apiserver storage/cacher, defaultBookmarkFrequency) on watches
 * that ask for them, unless nothing of that kind has changed since it started. A stream that is silent for half as long
 * again is asked anew: either it hangs behind something that keeps the connection open but forwards nothing, or it was
 * merely quiet, and it costs one request. A peer that is gone altogether is found sooner, by TCP (TCP_KEEP_ALIVE_MS).
 */
const STREAM_SILENCE_MS = 90_000;

/** Talks HTTP to the API server. Expected failures are values; what they mean is up to the caller (`apiErrorOf`). */
export class ApiClient {
  readonly #options: ApiClientOptions;
  readonly #transport: Transport;
  readonly #gate: Gate;
  readonly #rateGate: RateGate | undefined;
  #headers: readonly string[];

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.#transport = new Transport(options);
    this.#gate = new Gate(options.connectionsMax);
    this.#rateGate = options.rateLimit === undefined ? undefined : new RateGate(options.rateLimit);
    this.#headers = headersOf(options.connection);
  }

  request(request: ApiRequest): Promise<ApiResponse> {
    const turn = this.#turnOf(request);
    return turn === undefined ? this.#send(request) : turn.then(() => this.#send(request));
  }

  /** Resolves with the answer's head; `timeoutMs` bounds the whole stream. */
  stream(request: ApiRequest): Promise<StreamAnswer | Failure> {
    const turn = this.#turnOf(request);
    return turn === undefined ? this.#open(request) : turn.then(() => this.#open(request));
  }

  /** When the next request may leave that is then sent as `paid`; undefined: at once. */
  turn(signal?: AbortSignal): Promise<void> | undefined {
    return this.#rateGate?.pass(signal);
  }

  #turnOf({ rate, signal }: ApiRequest): Promise<void> | undefined {
    if (rate === undefined) return this.turn(signal);
    if (rate === 'charged') this.#rateGate?.charge();
    return undefined;
  }

  #send(request: ApiRequest): Promise<ApiResponse> {
    const startedMs = monotonicMs();
    return new Promise((resolve) => {
      let hasBegun = false;
      const exchange = new Exchange({
        timeoutMs: request.timeoutMs,
        signal: request.signal,
        shouldReadBody: request.shouldReadBody,
        bodyBytesMax: OBJECT_BYTES_MAX,
        settle: (response) => {
          this.#report(request, response, startedMs);
          resolve(response);
          if (hasBegun) this.#leaveSoon();
        },
      });
      if (exchange.isSettled) return;
      this.#gate.enter(() => {
        // Its time may be over by now.
        if (exchange.isSettled) return false;
        hasBegun = true;
        this.#dispatch(request, exchange);
        return true;
      });
    });
  }

  #open(request: ApiRequest): Promise<StreamAnswer | Failure> {
    const startedMs = monotonicMs();
    return new Promise((resolve) => {
      const exchange = new StreamExchange({
        timeoutMs: request.timeoutMs,
        signal: request.signal,
        settle: (answer) => {
          this.#report(request, answer, startedMs);
          resolve(answer);
        },
      });
      const silenceMs = this.#options.streamSilenceMs ?? STREAM_SILENCE_MS;
      const silence = { headersTimeout: silenceMs, bodyTimeout: silenceMs };
      try {
        this.#transport.streams.dispatch({ ...this.#dispatchOptions(request), ...silence }, exchange);
      } catch (error) {
        exchange.fail(error);
      }
    });
  }

  /** New credentials or a new endpoint; requests in flight end on the old one. */
  setConnection(connection: Connection): void {
    this.#transport.setConnection(connection);
    this.#headers = headersOf(connection);
  }

  /** So many connections for requests from now on, up to `connectionsMax`. Requests in flight end on theirs, which idle out. */
  useConnections(count: number): void {
    this.#gate.setMax(Math.min(count, this.#options.connectionsMax));
  }

  /** Waits for the requests in flight, ends streams at once. */
  async close(): Promise<void> {
    this.#rateGate?.close();
    await this.#transport.closeStreams();
    await this.#gate.empty();
    await this.#transport.close();
  }

  /** Ends everything at once: requests in flight are reset, so that they do not arrive any more. */
  async abort(): Promise<void> {
    await this.#transport.abort();
  }

  #dispatch(request: ApiRequest, exchange: Exchange): void {
    try {
      this.#transport.requests.dispatch(this.#dispatchOptions(request), exchange);
    } catch (error) {
      exchange.fail(error);
    }
  }

  /** undici uses a socket again one turn after its answer: whoever came earlier would get another, new one. */
  #leaveSoon(): void {
    queueMicrotask(() => setImmediate(() => this.#gate.leave()));
  }

  #dispatchOptions(request: ApiRequest): Dispatcher.DispatchOptions & { origin: string } {
    const headers = [...this.#headers, 'accept', request.accept ?? 'application/json'];
    if (request.contentType !== undefined) headers.push('content-type', request.contentType);
    return {
      origin: this.#transport.origin,
      path: this.#transport.pathPrefix + request.path + queryOf(request.query),
      method: request.method,
      headers,
      body: request.body ?? null,
      // Without this undici closes the connection after a DELETE that has a body.
      ...(request.method === 'DELETE' ? RESET_NOT : {}),
    };
  }

  #report(request: ApiRequest, response: ApiResponse | StreamAnswer, startedMs: number): void {
    const code = response.kind === 'failure' ? response.code : String(response.status);
    const { verb, resource } = request.labels;
    this.#options.onRequest?.({ verb, resource, code, durationMs: monotonicMs() - startedMs });
    if (response.kind !== 'failure' && response.status === 401) this.#options.onUnauthorized?.();
  }
}

const RESET_NOT = { reset: false };

function headersOf(connection: Connection): readonly string[] {
  const headers = ['user-agent', connection.userAgent];
  for (const [name, values] of Object.entries(connection.headers)) {
    for (const value of values) headers.push(name, value);
  }
  if (connection.authorization !== undefined) headers.push('authorization', connection.authorization);
  return headers;
}

function queryOf(query: ApiRequest['query']): string {
  if (query === undefined) return '';
  const parts: string[] = [];
  for (const [key, value] of Object.entries(query)) {
    if (value !== '') parts.push(`${encodeURIComponent(key)}=${encodeURIComponent(value)}`);
  }
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}
