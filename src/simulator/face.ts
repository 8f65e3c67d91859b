import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { SimRequest, SimResponse } from './api-types.ts';
import type { SimulatedCluster } from './cluster.ts';
import { encodeBody, watchContentType } from './encoding.ts';
import { streamWatch } from './face-watch.ts';
import type { Fate, FaultPlanner } from './faults.ts';
import { getField } from './fields.ts';
import { failure } from './status.ts';

export interface FaceOptions {
  readonly cluster: SimulatedCluster;
  /** Virtual milliseconds a wall-clock millisecond. */
  readonly speed: number;
  /** Every request waits so long before it is handled, in wall-clock time. */
  readonly latencyMs: number;
  /** A watch whose reader leaves more than this unread is cut off. */
  readonly unreadBytesMax: number;
  readonly faults: FaultPlanner | undefined;
  /** With both, the face speaks HTTPS. */
  readonly certPem: string | undefined;
  readonly keyPem: string | undefined;
}

const BODY_BYTES_MAX = 3_145_728;
const PUMP_MIN_MS = 1;
const PUMP_MAX_MS = 50;

/** The simulated API server on a loopback port: the real protocol over a cluster whose time follows the wall clock. */
export class Face {
  readonly #options: FaceOptions;
  readonly #server: Server;
  readonly #startWallMs = performance.now();
  readonly #startVirtualMs: number;
  readonly #requests = new Map<string, number>();
  #pump: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: FaceOptions) {
    this.#options = options;
    this.#startVirtualMs = options.cluster.nowMs;
    const { certPem: cert, keyPem: key } = options;
    const isTls = cert !== undefined && key !== undefined;
    const listener = (incoming: IncomingMessage, response: ServerResponse): void => this.#serve(incoming, response);
    const settings = { keepAliveTimeout: 120_000, requestTimeout: 0 };
    this.#server = isTls ? createTlsServer({ cert, key, ...settings }, listener) : createServer(settings, listener);
  }

  /** Listens on a free loopback port and returns the base URL. */
  async listen(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(0, '127.0.0.1', resolve);
    await promise;
    this.#turn();
    const { port } = this.#server.address() as AddressInfo;
    return `${this.#options.certPem === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#pump);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  /** Virtual time now. */
  nowMs(): number {
    return this.#startVirtualMs + (performance.now() - this.#startWallMs) * this.#options.speed;
  }

  /** Requests that have arrived, by method. */
  requestCounts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#requests);
  }

  /** Lets the cluster come up with the clock, again and again. */
  #turn(): void {
    if (this.#isClosed) return;
    const { cluster, speed } = this.#options;
    cluster.advanceTo(this.nowMs());
    const next = cluster.nextEventMs() ?? Number.POSITIVE_INFINITY;
    const waitMs = Math.min(PUMP_MAX_MS, Math.max(PUMP_MIN_MS, (next - this.nowMs()) / speed));
    this.#pump = setTimeout(() => this.#turn(), waitMs);
  }

  #serve(incoming: IncomingMessage, response: ServerResponse): void {
    readBody(incoming, (body) => {
      if (body === undefined) {
        const tooLarge = failure({ code: 413, reason: 'RequestEntityTooLarge', message: 'limit is 3145728' });
        answer(response, { kind: 'status', status: 413, body: tooLarge, encoding: 'json' });
        return;
      }
      const { method = 'GET', url = '/' } = incoming;
      const headers = incoming.headers as SimRequest['headers'];
      this.#requests.set(method, (this.#requests.get(method) ?? 0) + 1);
      this.#arrive({ method, url, headers, body }, response);
    });
  }

  #arrive(request: SimRequest, response: ServerResponse): void {
    const { cluster, latencyMs, speed, faults } = this.#options;
    cluster.advanceTo(this.nowMs());
    const settle = cluster.observer.begin(request);
    response.once('close', settle);
    const fate = faults?.draw(request, this.nowMs());
    const waitMs = latencyMs + (fate?.arrivalDelayMs ?? 0) / speed;
    later(waitMs, () => {
      if (fate?.fate === 'lost-before') {
        response.destroy();
        return;
      }
      const handled = refusalOf(fate) ?? cluster.handle(request, this.nowMs());
      later((fate?.answerDelayMs ?? 0) / speed, () => {
        settle();
        if (fate?.fate === 'lost-after') response.destroy();
        else if (handled.kind === 'watch') this.#stream(handled, response, fate);
        else answer(response, handled);
      });
    });
  }

  #stream(handled: Extract<SimResponse, { kind: 'watch' }>, response: ServerResponse, fate: Fate | undefined): void {
    const { unreadBytesMax, speed } = this.#options;
    const { watch, encoding } = handled;
    if (response.destroyed) {
      watch.stop();
      return;
    }
    response.writeHead(200, { 'content-type': watchContentType(encoding), 'cache-control': 'no-cache, private' });
    const eventDelayMs = (fate?.eventDelayMs ?? 0) / speed;
    streamWatch(watch, response, { encoding, unreadBytesMax, eventDelayMs });
    if (fate?.cutAfterMs === undefined) return;
    const timer = setTimeout(() => response.destroy(), fate.cutAfterMs / speed);
    watch.onEnded(() => clearTimeout(timer));
  }
}

function refusalOf(fate: Fate | undefined): SimResponse | undefined {
  const body = fate?.fate === 'refused' ? fate.refusal : undefined;
  return body === undefined ? undefined : { kind: 'status', status: body.code ?? 500, body, encoding: 'json' };
}

function answer(response: ServerResponse, handled: Exclude<SimResponse, { kind: 'watch' }>): void {
  if (response.destroyed) return;
  const { contentType, body } = encodeBody(handled);
  const retryAfter = handled.kind === 'status' ? getField(handled.body, 'details.retryAfterSeconds') : undefined;
  const headers = {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-cache, private',
  };
  const retry = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
  response.writeHead(handled.status, { ...headers, ...retry });
  response.end(body);
}

/** At once when there is nothing to wait for: most requests must not pay for a timer. */
function later(delayMs: number, run: () => void): void {
  // Whoever closes the cluster does not wait for answers that are late.
  if (delayMs > 0) setTimeout(run, delayMs).unref();
  else run();
}

/** Calls back with the body as text, or with undefined when it is too large; not at all when the connection breaks. */
function readBody(incoming: IncomingMessage, done: (body: string | undefined) => void): void {
  if (incoming.method === 'GET') {
    done('');
    return;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  incoming.on('error', () => undefined);
  incoming.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
  });
  incoming.on('end', () => {
    if (bytes > BODY_BYTES_MAX) done(undefined);
    else done(chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString());
  });
}
