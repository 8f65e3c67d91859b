import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
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

export function textResponse(status: number, body: string): RouteResponse {
  return { status, contentType: 'text/plain; charset=utf-8', body: body.endsWith('\n') ? body : `${body}\n` };
}

/** A small HTTP server with a table of routes: bounded in header size, time and connections, and without bodies. */
export class HttpServer {
  readonly #server: Server;
  readonly #options: HttpServerOptions;
  readonly #connections: Connections;
  /** Ends with the latest request of the connection. */
  readonly #turns = new WeakMap<Socket, Promise<void>>();

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
    const { status, contentType, body, allow } = await this.#answer(request);
    const bytes = Buffer.from(request.method === 'HEAD' ? '' : body);
    const taken = new Promise<void>((resolve) => response.once('close', resolve));
    const forget = this.#connections.answering(socket, bytes.length);
    response.writeHead(status, {
      'content-type': contentType,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(allow === undefined ? {} : { allow }),
    });
    response.end(bytes);
    await taken;
    forget();
  }

  async #answer(request: IncomingMessage): Promise<RouteResponse & { readonly allow?: string }> {
    const { url = '', method = '' } = request;
    // Which of the two Node, a proxy and the loopback guard take need not be the same.
    if ((request.headersDistinct.host?.length ?? 0) > 1) return textResponse(400, 'more than one Host header');
    if (url.length > URL_LENGTH_MAX) return textResponse(414, 'the URL is too long');
    const [path = '', query = ''] = url.split('?', 2);
    const routes = this.#options.routes.filter((route) => route.path === path);
    if (routes.length === 0) return textResponse(404, 'no such page');
    const route = routes.find((candidate) => candidate.method === (method === 'HEAD' ? 'GET' : method));
    if (route === undefined) {
      const allow = routes.map((candidate) => candidate.method).join(', ');
      return { ...textResponse(405, `use ${allow}`), allow };
    }
    try {
      const remoteAddress = request.socket.remoteAddress ?? '';
      return await route.handle({ query: new URLSearchParams(query), remoteAddress, headers: request.headers });
    } catch (error) {
      this.#options.onError(`${method} ${path}: ${error instanceof Error ? error.message : String(error)}`);
      return textResponse(500, 'internal error; the log says more');
    }
  }
}
