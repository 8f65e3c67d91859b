/**
 * Why there was no answer.
 *
 * - `timeout`: the deadline passed, or no answer began.
 * - `silent`: a stream's body stopped coming for longer than it may, or the connection is dead and does not say so.
 * - `connection-refused`: nobody listens there; nothing was sent.
 * - `connection-lost`: the connection broke.
 * - `unreachable`: no route, or the network is down.
 * - `dns`: the host's name is not known.
 * - `tls`: no trusted connection: certificates, names, protocol versions.
 * - `proxy`: the proxy refused.
 * - `aborted`: the caller's signal, or the client was closed.
 * - `too-large`: the answer is larger than allowed.
 * - `malformed`: the answer is not HTTP, or is encoded in a way nobody asked for.
 * - `unknown`: anything else; the message says what.
 */
export type FailureCode =
  | 'timeout'
  | 'silent'
  | 'connection-refused'
  | 'connection-lost'
  | 'unreachable'
  | 'dns'
  | 'tls'
  | 'proxy'
  | 'aborted'
  | 'too-large'
  | 'malformed'
  | 'unknown';

export interface Failure {
  readonly kind: 'failure';
  readonly code: FailureCode;
  /** False only if the request certainly never left: it can be sent again without doing something twice. */
  readonly wasSent: boolean;
  readonly message: string;
}

const CODES: ReadonlyMap<string, FailureCode> = new Map([
  ['ECONNREFUSED', 'connection-refused'],
  ['ECONNRESET', 'connection-lost'],
  ['EPIPE', 'connection-lost'],
  ['UND_ERR_SOCKET', 'connection-lost'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'connection-lost'],
  ['ETIMEDOUT', 'timeout'],
  ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
  ['UND_ERR_HEADERS_TIMEOUT', 'timeout'],
  ['UND_ERR_BODY_TIMEOUT', 'silent'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['EADDRNOTAVAIL', 'unreachable'],
  ['EAI_AGAIN', 'dns'],
  ['ENOTFOUND', 'dns'],
  ['EPROTO', 'tls'],
  ['UND_ERR_PRX_TLS', 'proxy'],
  ['UND_ERR_PRX_CONN', 'proxy'],
  ['UND_ERR_SOCKS5', 'proxy'],
  ['UND_ERR_ABORTED', 'aborted'],
  ['UND_ERR_DESTROYED', 'aborted'],
  ['UND_ERR_CLOSED', 'aborted'],
  ['UND_ERR_HEADERS_OVERFLOW', 'too-large'],
  ['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'too-large'],
]);

/** OpenSSL's verification codes as Node names them (tls.rootCertificates, X509_V_ERR_*). */
const TLS_CODE =
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH_)/;

/** A stream that ended early, thrown by the body's iterator. */
export class StreamFailure extends Error {
  readonly code: FailureCode;

  constructor(failure: Failure) {
    super(failure.message);
    this.code = failure.code;
  }
}

export function failureOf(error: unknown, wasSent: boolean): Failure {
  const { code, message } = classify(error);
  return { kind: 'failure', code, wasSent: wasSent && code !== 'connection-refused', message };
}

function classify(error: unknown): { readonly code: FailureCode; readonly message: string } {
  for (let candidate: unknown = error, depth = 0; candidate instanceof Error && depth < 4; depth++) {
    const code = codeOf(candidate);
    if (code !== undefined) return { code, message: describe(code, candidate) };
    candidate = candidate instanceof AggregateError ? candidate.errors[0] : candidate.cause;
  }
  return { code: 'unknown', message: error instanceof Error ? error.message || error.name : String(error) };
}

function codeOf(error: Error): FailureCode | undefined {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (TLS_CODE.test(code)) return 'tls';
  if (error.name === 'HTTPParserError') return 'malformed';
  // undici gives a refused tunnel the code of an aborted request.
  if (code === 'UND_ERR_ABORTED' && error.message.startsWith('Proxy response')) return 'proxy';
  return CODES.get(code);
}

function describe(code: FailureCode, error: Error): string {
  const message = error.message || ('code' in error ? String(error.code) : error.name);
  if (code === 'proxy') return `the proxy does not let through to the API server: ${message}`;
  if (code !== 'tls') return message;
  return `no trusted connection to the API server (check certificate-authority and tls-server-name in the kubeconfig): ${message}`;
}
