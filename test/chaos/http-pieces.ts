/**
 * What may be done to the next event of a watch.
 *
 * - `truncate`: its first half arrives, then the connection ends.
 * - `garble-frame`: the HTTP chunk that it comes in has no length.
 * - `garble-event`: the HTTP chunk is whole, its first bytes are not what was sent.
 */
export const WATCH_FAULTS = ['truncate', 'garble-frame', 'garble-event'] as const;
export type WatchFault = (typeof WATCH_FAULTS)[number];

/**
 * What may be done to the answer of any other request, which has taken effect by then.
 *
 * - `truncate`: the first half of its first piece arrives, then the connection ends.
 * - `garble-head`: it does not begin like HTTP.
 * - `garble-body`: status and headers are whole, the first bytes of the body are not what was sent.
 */
export const ANSWER_FAULTS = ['truncate', 'garble-head', 'garble-body'] as const;
export type AnswerFault = (typeof ANSWER_FAULTS)[number];

/** `deletion`: of a pod; `lease`: reading or writing one. */
export type RequestKind = 'watch' | 'list' | 'deletion' | 'lease' | 'other';

export interface Request {
  readonly kind: RequestKind;
  /** Of watches and lists with the label selector. */
  readonly path: string;
}

const REQUEST_LINE = /^(GET|POST|PUT|PATCH|DELETE) (\S+) HTTP\/1\.1\r\n/;
const COLLECTION = /\/(?:daemonsets|controllerrevisions|nodes|pods)$/;
const STATUS_LINE_BYTES = 8;
const GARBLED_BYTES = 32;

/** Undefined when the piece of data does not begin a request. */
export function requestOf(data: Buffer): Request | undefined {
  const [, method, target] = REQUEST_LINE.exec(data.toString('latin1', 0, 2048)) ?? [];
  if (target === undefined) return undefined;
  const { pathname, searchParams } = new URL(target, 'https://proxy');
  const withSelector = `${pathname}?${searchParams.get('labelSelector') ?? ''}`;
  if (searchParams.has('watch')) return { kind: 'watch', path: withSelector };
  if (pathname.includes('/leases')) return { kind: 'lease', path: pathname };
  if (method === 'DELETE' && pathname.includes('/pods/')) return { kind: 'deletion', path: pathname };
  if (method === 'GET' && COLLECTION.test(pathname)) return { kind: 'list', path: withSelector };
  return { kind: 'other', path: pathname };
}

/** The first piece of an answer with the fault in it; undefined when this piece has nothing yet that could be broken. */
export function breakAnswer(data: Buffer, fault: AnswerFault): Buffer | undefined {
  switch (fault) {
    case 'truncate':
      return data.subarray(0, Math.ceil(data.length / 2));
    case 'garble-head':
      return Buffer.from(data).fill(0xff, 0, STATUS_LINE_BYTES);
    case 'garble-body': {
      const bodyStart = bodyStartOf(data);
      if (bodyStart >= data.length) return undefined;
      return Buffer.from(data).fill(0xff, bodyStart, Math.min(bodyStart + GARBLED_BYTES, data.length - 2));
    }
  }
}

/** After the head, if it is in there, and after the length of the first chunk, if there is one. */
function bodyStartOf(data: Buffer): number {
  const isHead = data.toString('latin1', 0, 5) === 'HTTP/';
  const start = isHead ? data.indexOf('\r\n\r\n') + 4 : 0;
  const length = /^[0-9a-f]{1,6}\r\n/.exec(data.toString('latin1', start, start + 8));
  return start + (length?.[0].length ?? 0);
}
