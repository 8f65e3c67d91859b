import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { HttpBindings } from '@hono/node-server';
import { type BindAddress, formatAddress } from './bind-address.ts';
import { type ConnectionLimits, Connections } from './connections.ts';

export interface RouteRequest {
  readonly query: URLSearchParams;
  /** Of the peer, for routes that only this machine may use. */
  readonly remoteAddress: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface RouteResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Compared as a whole, without the query. */
  readonly path: string;
  handle(request: RouteRequest): RouteResponse | Promise<RouteResponse>;
}

export interface HttpServerOptions {
  readonly address: BindAddress;
  readonly routes: readonly Route[];
  /** Why a request could not be answered: for the log. */
  readonly onError: (message: string) => void;
  /** How long a request may take to come in. */
  readonly requestTimeoutMs?: number;
  readonly limits?: Partial<ConnectionLimits>;
}

const HEADER_BYTES_MAX = 8 * 1024;
const REQUEST_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 5_000;
const LIMITS: ConnectionLimits = {
  connectionsMax: 1024,
  unreadBytesMax: 16 * 1024 * 1024,
  answerTimeoutMs: 10_000,
};
/** More connections than Node's 511 may come at once without one having to ask again, a second later. The system's limit applies too. */
const BACKLOG = 4096;
/** More of them are answered 503 and the connection ends. */
const REQUESTS_PER_CONNECTION_MAX = 100;
/** Pipelined ones are answered one after the other. No client that is meant here sends more than one; the connection of one that does ends. */
const REQUESTS_WAITING_MAX = 8;
/** Node looks for requests that take too long every 30 s, unless told otherwise. */
const CHECK_INTERVAL_MS = 1_000;
const URL_LENGTH_MAX = 2048;

interface AppEnv {
  readonly Bindings: HttpBindings;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export function textResponse(status: number, body: string): RouteResponse {
  return { status, contentType: 'text/plain; charset=utf-8', body: body.endsWith('\n') ? body : `${body}\n` };
}

/** Hono behind Node's server with bounds of our own: header size, time, connections, answers that nobody reads; no bodies. */
export class HttpServer {
  readonly #server: Server;
  readonly #options: HttpServerOptions;
  readonly #connections: Connections;
  /** Ends with the latest request of the connection. */
  readonly #turns = new WeakMap<Socket, Promise<void>>();
  /** What to call when the peer has the answer. */
  readonly #unread = new WeakMap<IncomingMessage, () => void>();
  #listener: Promise<Listener> | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#connections = new Connections({ ...LIMITS, ...options.limits });
    const timeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    this.#server = createServer(
      {
        maxHeaderSize: HEADER_BYTES_MAX,
        requestTimeout: timeoutMs,
        headersTimeout: timeoutMs,
        connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, timeoutMs),
        keepAliveTimeout: KEEP_ALIVE_MS,
      },
      (request, response) => this.#serve(request, response),
    );
    this.#server.on('connection', (socket) => this.#connections.add(socket));
    this.#server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION_MAX;
  }

  /** Resolves with the address that is listened on. Rejects when that is not possible, naming the address. */
  async listen(): Promise<BindAddress> {
    const { address } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) => {
        reject(new Error(`cannot listen on ${formatAddress(address)}: ${cause.code ?? cause.message}`, { cause }));
      });
      // Without a host Node listens on all addresses, IPv6 included.
      const host = address.host === '' ? {} : { host: address.host };
      this.#server.listen({ port: address.port, backlog: BACKLOG, ...host }, resolve);
    });
    this.#server.on('error', (error) => this.#options.onError(error.message));
    const bound = this.#server.address() as AddressInfo;
    return { host: bound.address, port: bound.port };
  }

  /** Answers what has come in; idle connections are closed at once, and all of them after a second. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const timer = setTimeout(() => this.#server.closeAllConnections(), 1000).unref();
    await closed;
    clearTimeout(timer);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    // A body is nothing that any route reads.
    request.resume();
    if (this.#connections.asked(socket) > REQUESTS_WAITING_MAX) {
      socket.destroy();
      return;
    }
    const before = this.#turns.get(socket) ?? Promise.resolve();
    this.#turns.set(
      socket,
      before.then(() => this.#respond(request, response)),
    );
  }

  /** Resolves when the answer was taken. */
  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    if (socket.destroyed) return;
    this.#connections.working(socket);
    const taken = new Promise<void>((resolve) => response.once('close', resolve));
    const listener = await this.#loaded();
    if (listener === undefined) {
      socket.destroy();
      return;
    }
    await listener(request, response);
    const forget = this.#unread.get(request) ?? this.#connections.answering(socket, 0);
    await taken;
    forget();
  }

  /** With the first request: the way to the first decision is shorter by 40 ms of CPU time. Undefined where no file can be opened just now. */
  async #loaded(): Promise<Listener | undefined> {
    try {
      this.#listener ??= this.#makeListener();
      return await this.#listener;
    } catch (error) {
      this.#listener = undefined;
      this.#options.onError(`cannot load hono: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  async #makeListener(): Promise<Listener> {
    const [{ Hono }, { getRequestListener, RequestError }] = await Promise.all([
      import('hono'),
      import('@hono/node-server'),
    ]);
    const { routes, onError } = this.#options;
    // As the client wrote it: a page has one spelling.
    const app = new Hono<AppEnv>({ getPath: (_, options) => partsOf(options?.env?.incoming).path });
    app.use(async ({ env: { incoming } }, next) => {
      // Which of the two Node, a proxy and the loopback guard take need not be the same.
      if ((incoming.headersDistinct.host?.length ?? 0) > 1) {
        return this.#answer(incoming, textResponse(400, 'more than one Host header'));
      }
      if ((incoming.url?.length ?? 0) > URL_LENGTH_MAX) {
        return this.#answer(incoming, textResponse(414, 'the URL is too long'));
      }
      return await next();
    });
    for (const { method, path, handle } of routes) {
      app.on(method, path, async ({ env: { incoming } }) => {
        const query = new URLSearchParams(partsOf(incoming).query);
        const remoteAddress = incoming.socket.remoteAddress ?? '';
        return this.#answer(incoming, await handle({ query, remoteAddress, headers: incoming.headers }));
      });
    }
    for (const [path, others] of Map.groupBy(routes, (route) => route.path)) {
      const allow = others.map(({ method }) => method).join(', ');
      app.all(path, ({ env: { incoming } }) => this.#answer(incoming, textResponse(405, `use ${allow}`), { allow }));
    }
    app.notFound(({ env: { incoming } }) => this.#answer(incoming, textResponse(404, 'no such page')));
    app.onError((error, { env: { incoming } }) => {
      onError(`${incoming.method} ${partsOf(incoming).path}: ${error.message}`);
      return this.#answer(incoming, textResponse(500, 'internal error; the log says more'));
    });
    return getRequestListener(app.fetch, {
      // Of a request of HTTP/1.0, which need not name one.
      hostname: 'localhost',
      overrideGlobalObjects: false,
      autoCleanupIncoming: false,
      errorHandler: (error) => {
        if (error instanceof RequestError) return toResponse(textResponse(403, 'no such host or URL'));
        onError(String(error));
        return toResponse(textResponse(500, 'internal error; the log says more'));
      },
    });
  }

  #answer(request: IncomingMessage, answer: RouteResponse, headers?: Readonly<Record<string, string>>): Response {
    const bytes = request.method === 'HEAD' ? 0 : Buffer.byteLength(answer.body);
    this.#unread.set(request, this.#connections.answering(request.socket, bytes));
    return toResponse(answer, headers);
  }
}

function partsOf(request: IncomingMessage | undefined): { readonly path: string; readonly query: string } {
  const [path = '', query = ''] = request?.url?.split('?', 2) ?? [];
  return { path, query };
}

function toResponse(
  { status, contentType, body }: RouteResponse,
  headers?: Readonly<Record<string, string>>,
): Response {
  return new Response(body, {
    status,
    headers: {
      'content-type': contentType,
      'content-length': String(Buffer.byteLength(body)),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
  });
}
