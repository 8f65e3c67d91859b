import { objectOf, parseJson } from '../kube/json-object.ts';
import { clipLine } from '../kube/one-line.ts';
import { isEnveloped, openEnvelope } from './protobuf/envelope.ts';
import { readStatus } from './protobuf/status.ts';
import { WireError, WireReader } from './protobuf/wire.ts';
import type { StatusFacts } from './status-facts.ts';

/**
 * What the API server's refusals mean to this program.
 *
 * - `gone`: 410, or a `Status` with reason `Expired`: the resourceVersion or continue token is too old.
 * - `too-many-requests`: 429; nothing was done.
 * - `unavailable`: 503; whether something was done is not known.
 * - `timeout`: 408 or 504, or a `Status` with reason `Timeout` or `ServerTimeout`.
 * - `internal`: any other 5xx.
 * - `unknown`: an answer that is neither a success nor any of these.
 */
export type ApiErrorCode =
  | 'not-found'
  | 'conflict'
  | 'gone'
  | 'too-many-requests'
  | 'unauthorized'
  | 'forbidden'
  | 'invalid'
  | 'bad-request'
  | 'unavailable'
  | 'internal'
  | 'timeout'
  | 'unknown';

export interface ApiError {
  readonly code: ApiErrorCode;
  readonly httpStatus: number;
  /** For a person; at most 1,000 characters, on one line. */
  readonly message: string;
  /** From the header Retry-After or `Status.details.retryAfterSeconds`; 0 when absent. */
  readonly retryAfterMs: number;
  readonly details: {
    readonly kind: string;
    readonly name: string;
    /** `Status.details.causes[].reason` and, where there is none, `.message`. */
    readonly causes: readonly string[];
  };
}

export interface FailedAnswer {
  readonly httpStatus: number;
  readonly body: Uint8Array;
  readonly retryAfterMs: number;
  /** What was asked for, for the message of a 401 or 403. */
  readonly labels: { readonly verb: string; readonly resource: string };
}

const MESSAGE_CHARACTERS_MAX = 1000;
const RETRY_AFTER_MS_MAX = 10 * 60 * 1000;
const CAUSES_MAX = 20;

const CODE_OF_STATUS: ReadonlyMap<number, ApiErrorCode> = new Map([
  [400, 'bad-request'],
  [401, 'unauthorized'],
  [403, 'forbidden'],
  [404, 'not-found'],
  [408, 'timeout'],
  [409, 'conflict'],
  [410, 'gone'],
  [422, 'invalid'],
  [429, 'too-many-requests'],
  [503, 'unavailable'],
  [504, 'timeout'],
]);

/** Reasons that say more than the HTTP status (k8s.io/apimachinery meta/v1/types.go, StatusReason). */
const CODE_OF_REASON: ReadonlyMap<string, ApiErrorCode> = new Map([
  ['NotFound', 'not-found'],
  ['AlreadyExists', 'conflict'],
  ['Conflict', 'conflict'],
  ['Gone', 'gone'],
  ['Expired', 'gone'],
  ['TooManyRequests', 'too-many-requests'],
  ['Unauthorized', 'unauthorized'],
  ['Forbidden', 'forbidden'],
  ['Invalid', 'invalid'],
  ['BadRequest', 'bad-request'],
  ['ServiceUnavailable', 'unavailable'],
  ['InternalError', 'internal'],
  ['Timeout', 'timeout'],
  ['ServerTimeout', 'timeout'],
]);

/** Maps any answer that is not a success; the body may be a `Status` (JSON or protobuf) or whatever a proxy wrote. */
export function apiErrorOf(answer: FailedAnswer): ApiError {
  const status = statusOf(answer.body);
  const error = apiErrorOfStatus(status ?? { ...NO_STATUS, message: plainText(answer.body) }, answer.httpStatus);
  const retryAfterMs = Math.max(error.retryAfterMs, boundedRetryAfterMs(answer.retryAfterMs));
  return { ...error, retryAfterMs, message: explain(error, answer.labels) };
}

/** The same of an answer as the client gives it. */
export function apiErrorOfAnswer(
  { status: httpStatus, body, retryAfterMs }: Omit<FailedAnswer, 'httpStatus' | 'labels'> & { readonly status: number },
  labels: FailedAnswer['labels'],
): ApiError {
  return apiErrorOf({ httpStatus, body, retryAfterMs, labels });
}

/** Maps a `Status` that came without an HTTP answer of its own: the ERROR event of a watch. */
export function apiErrorOfStatus(status: StatusFacts, httpStatus: number = status.code): ApiError {
  const code = CODE_OF_REASON.get(status.reason) ?? codeOfHttpStatus(httpStatus);
  return {
    code,
    httpStatus,
    message: shortLine(status.message || status.reason || `HTTP ${httpStatus}`),
    retryAfterMs: boundedRetryAfterMs(status.retryAfterSeconds * 1000),
    details: {
      kind: status.kind,
      name: status.name,
      causes: status.causes.slice(0, CAUSES_MAX).map((cause) => shortLine(cause.reason || cause.message)),
    },
  };
}

/** The API server has not seen a resourceVersion that new (client-go: isTooLargeResourceVersionError). */
export function isVersionTooLarge(error: ApiError): boolean {
  if (error.code !== 'timeout') return false;
  return (
    error.details.causes.some(
      (cause) => cause === 'ResourceVersionTooLarge' || cause === 'Too large resource version',
    ) || error.message.includes('Too large resource version')
  );
}

/** Retry-After as a number of seconds, bounded; 0 when it is absent or a date, which Kubernetes does not send. */
export function retryAfterMsOf(header: string | undefined): number {
  if (header === undefined || !/^\d+$/.test(header.trim())) return 0;
  return boundedRetryAfterMs(Number(header) * 1000);
}

const NO_STATUS: StatusFacts = {
  reason: '',
  message: '',
  code: 0,
  kind: '',
  name: '',
  causes: [],
  retryAfterSeconds: 0,
};

function boundedRetryAfterMs(valueMs: number): number {
  return valueMs > 0 ? Math.min(valueMs, RETRY_AFTER_MS_MAX) : 0;
}

function codeOfHttpStatus(httpStatus: number): ApiErrorCode {
  return CODE_OF_STATUS.get(httpStatus) ?? (httpStatus >= 500 && httpStatus < 600 ? 'internal' : 'unknown');
}

function explain({ code, message }: ApiError, { verb, resource }: FailedAnswer['labels']): string {
  if (code === 'forbidden') {
    return shortLine(`not allowed to ${verb} ${resource} (check the RBAC rules of this account): ${message}`);
  }
  if (code === 'unauthorized') {
    return shortLine(`the API server does not accept the credentials (asked to ${verb} ${resource}): ${message}`);
  }
  return message;
}

function statusOf(body: Uint8Array): StatusFacts | undefined {
  if (isEnveloped(body)) return statusOfProtobuf(body);
  if (body[0] !== 0x7b) return undefined;
  return statusOfJson(parseJson(Buffer.from(body).toString('utf8')));
}

function statusOfProtobuf(body: Uint8Array): StatusFacts | undefined {
  try {
    const reader = new WireReader(body);
    return openEnvelope(reader) === 'Status' ? readStatus(reader) : undefined;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** Reads a `Status` from parsed JSON; whatever has the wrong type counts as absent. */
export function statusOfJson(json: unknown): StatusFacts | undefined {
  const status = objectOf(json);
  if (status?.kind !== 'Status') return undefined;
  const details = objectOf(status.details) ?? {};
  const causes = Array.isArray(details.causes) ? details.causes.slice(0, CAUSES_MAX) : [];
  return {
    reason: stringOf(status.reason),
    message: stringOf(status.message),
    code: numberOf(status.code),
    kind: stringOf(details.kind),
    name: stringOf(details.name),
    causes: causes.map((cause) => ({
      reason: stringOf(objectOf(cause)?.reason),
      message: stringOf(objectOf(cause)?.message),
    })),
    retryAfterSeconds: numberOf(details.retryAfterSeconds),
  };
}

function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

function plainText(body: Uint8Array): string {
  const text = Buffer.from(body.subarray(0, 4 * MESSAGE_CHARACTERS_MAX)).toString('utf8');
  const withoutTags = text.replaceAll(/<[^<>]*>/g, ' ');
  const first = withoutTags.slice(0, 200).trim();
  return first === '' ? '' : `not a Kubernetes Status: ${first}`;
}

function shortLine(text: string): string {
  return clipLine(text, MESSAGE_CHARACTERS_MAX - 1);
}
