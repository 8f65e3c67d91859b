/**
 * How to reach the API server: made on the main thread from a kubeconfig, handed to the worker threads, replaced as a
 * whole when credentials rotate. Holds secrets: never log it.
 */
export interface Connection {
  /** Scheme, host, port and an optional path prefix, without a trailing '/'. */
  readonly serverUrl: string;
  /** The `Authorization` header; undefined with client certificates or no credentials. */
  readonly authorization: string | undefined;
  /** In every request: whom it is made for (impersonation). Each value is a header line of its own, byte by byte. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly caPem: string | undefined;
  readonly certPem: string | undefined;
  readonly keyPem: string | undefined;
  /** For TLS verification and SNI; undefined: the URL's host. */
  readonly serverName: string | undefined;
  readonly isTlsVerified: boolean;
  readonly proxyUrl: string | undefined;
  readonly userAgent: string;
}

/** A connection without credentials, TLS options or a proxy, for servers on this machine; `changes` go on top. */
export function plainConnection(serverUrl: string, changes: Partial<Connection> = {}): Connection {
  return {
    serverUrl,
    authorization: undefined,
    headers: {},
    caPem: undefined,
    certPem: undefined,
    keyPem: undefined,
    serverName: undefined,
    isTlsVerified: true,
    proxyUrl: undefined,
    userAgent: 'daemonpodupdater',
    ...changes,
  };
}
