import { createRequire } from 'node:module';
import type { Dispatcher, Pool as PoolClass, ProxyAgent as ProxyAgentClass } from 'undici';
import buildConnector from 'undici/lib/core/connect.js';
import Pool from 'undici/lib/dispatcher/pool.js';
import type { Connection } from '../protocol/connection.ts';
import { type OpenSockets, overTcp, resetAll, resetting } from './reset-socket.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** The API server keeps idle connections for longer than this, so the client is always the one who closes. */
const IDLE_CONNECTION_MS = 60_000;
/** Node asks ten times more, a second apart: a peer that is gone is noticed after 40 s (client-go's HTTP/2 pings: 45 s). */
const TCP_KEEP_ALIVE_MS = 30_000;
const RESPONSE_HEADER_BYTES_MAX = 64 * 1024;

/**
 * The connections to the API server: a bounded pool for requests, and one of its own for streams, so that a hundred
 * watches never take a place that a write waits for. HTTP/1.1, one request a connection at a time.
 */
export class Transport {
  readonly #connectionsMax: number;
  #connection: Connection;
  #dispatchers: Dispatchers;
  /** Dispatchers that were replaced and still have requests in flight. */
  readonly #retired = new Set<Dispatchers>();

  constructor(options: { readonly connection: Connection; readonly connectionsMax: number }) {
    this.#connectionsMax = options.connectionsMax;
    this.#connection = options.connection;
    this.#dispatchers = createDispatchers(options.connection, options.connectionsMax);
  }

  get origin(): string {
    return this.#dispatchers.origin;
  }

  /** The server URL's path, to be put before every path; '' for most clusters. */
  get pathPrefix(): string {
    return this.#dispatchers.pathPrefix;
  }

  get requests(): Dispatcher {
    return this.#dispatchers.requests;
  }

  get streams(): Dispatcher {
    return this.#dispatchers.streams;
  }

  /** From now on new requests use this connection; those in flight end on the one they have. */
  setConnection(connection: Connection): void {
    const isSame = endpointKey(connection) === endpointKey(this.#connection);
    this.#connection = connection;
    if (isSame) return;
    const old = this.#dispatchers;
    this.#dispatchers = createDispatchers(connection, this.#connectionsMax);
    this.#retired.add(old);
    void closeGently(old).finally(() => this.#retired.delete(old));
  }

  /** Ends streams at once. */
  async closeStreams(): Promise<void> {
    await Promise.all([this.#dispatchers, ...this.#retired].map(({ streams }) => streams.destroy()));
  }

  /** Ends requests and streams at once. */
  async abort(): Promise<void> {
    await this.closeStreams();
    const all = [this.#dispatchers, ...this.#retired];
    for (const { sockets } of all) resetAll(sockets);
    await Promise.all(all.map(({ requests }) => requests.destroy()));
  }

  /** Waits for the requests in flight. */
  async close(): Promise<void> {
    await this.closeStreams();
    const all = [this.#dispatchers, ...this.#retired];
    await Promise.all(all.map(({ requests }) => (requests.destroyed ? undefined : requests.close())));
  }
}

type PoolOptions = PoolClass.Options;

interface Dispatchers {
  readonly requests: Dispatcher & { readonly destroyed?: boolean };
  /** Those of `requests`. */
  readonly sockets: OpenSockets;
  readonly streams: Dispatcher;
  readonly origin: string;
  readonly pathPrefix: string;
}

async function closeGently(dispatchers: Dispatchers): Promise<void> {
  await Promise.all([dispatchers.requests.close(), dispatchers.streams.close()]);
}

/** What a connection is made from; tokens and headers go with each request and need no new one. */
function endpointKey(connection: Connection): string {
  const { serverUrl, caPem, certPem, keyPem, serverName, isTlsVerified, proxyUrl } = connection;
  return JSON.stringify([serverUrl, caPem, certPem, keyPem, serverName, isTlsVerified, proxyUrl]);
}

function createDispatchers(connection: Connection, connectionsMax: number): Dispatchers {
  const url = new URL(connection.serverUrl);
  const sockets: OpenSockets = new Set();
  return {
    requests: createDispatcher(connection, connectionsMax, sockets),
    sockets,
    streams: createDispatcher(connection, null, undefined),
    origin: url.origin,
    pathPrefix: url.pathname.replace(/\/+$/, ''),
  };
}

/** `resets`: connections are kept there, and reset when they are ended in the middle of a request; it must not arrive any more. */
function createDispatcher(
  connection: Connection,
  connections: number | null,
  resets: OpenSockets | undefined,
): Dispatcher {
  const options = {
    connections,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: IDLE_CONNECTION_MS,
    maxHeaderSize: RESPONSE_HEADER_BYTES_MAX,
    // Deadlines are the caller's: one timer a request, over everything from the queue to the last byte.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  const tls = tlsOptions(connection);
  const connect = { timeout: CONNECT_TIMEOUT_MS, keepAliveInitialDelay: TCP_KEEP_ALIVE_MS };
  if (connection.proxyUrl === undefined) {
    const connector = buildConnector({ ...connect, ...tls, allowH2: false });
    const { origin } = new URL(connection.serverUrl);
    return new Pool(origin, { ...options, connect: resets ? resetting(overTcp(connector), resets) : connector });
  }
  const ProxyAgent = loadProxyAgent();
  const factory = (origin: string | URL, tunnel: PoolOptions): Dispatcher => {
    const { connect: through } = tunnel;
    const isReset = resets !== undefined && typeof through === 'function';
    return new Pool(origin, isReset ? { ...tunnel, connect: resetting(through, resets) } : tunnel);
  };
  return new ProxyAgent({ ...options, uri: connection.proxyUrl, requestTls: tls, proxyTls: connect, factory });
}

/**
 * Loaded on demand, because few clusters are behind a proxy; and as a whole, because only undici's entry gives its pools the
 * method that opens a tunnel.
 */
function loadProxyAgent(): typeof ProxyAgentClass {
  return createRequire(import.meta.url)('undici').ProxyAgent;
}

function tlsOptions(connection: Connection) {
  return {
    rejectUnauthorized: connection.isTlsVerified,
    ...(connection.caPem === undefined ? {} : { ca: connection.caPem }),
    ...(connection.certPem === undefined ? {} : { cert: connection.certPem }),
    ...(connection.keyPem === undefined ? {} : { key: connection.keyPem }),
    ...(connection.serverName === undefined ? {} : { servername: connection.serverName }),
  };
}
