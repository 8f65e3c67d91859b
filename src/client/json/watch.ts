import { oneLine } from '../../kube/one-line.ts';
import { ByteQueue } from '../byte-queue.ts';
import { malformed, type RecordResult } from '../pod-facts.ts';
import { EVENT_TYPES, type Garbled, skippedEvent, type WatchEvent, type WatchReader } from '../readers.ts';
import { apiErrorOfStatus, statusOfJson } from '../status-error.ts';
import { textProblem } from './object-size.ts';
import { fieldsOf, MalformedError, stringOf } from './values.ts';

const NEWLINE = 0x0a;
/** What etcd takes by default, 1.5 MiB, is up to six times as long in JSON: `<` is written `\u003c`. */
const EVENT_BYTES_MAX = 10 * 1024 * 1024;
const BEGINNING_BYTES = 160;
/** How every API server begins an event, with names of at most 253 characters. */
const HEAD =
  /^\{"type":"([A-Z]+)","object":\{[^[\]{}]*"metadata":\{"name":"([^"\\]*)"(?:,"generateName":"[^"\\]*")?(?:,"namespace":"([^"\\]*)")?/;
const HEAD_BYTES = 1500;

/** Decodes a watch in JSON: one event a line. */
export class JsonWatchReader<T> implements WatchReader<T> {
  readonly #queue = new ByteQueue();
  readonly #parse: (json: unknown) => RecordResult<T>;
  /** How many of the waiting bytes are known to hold no line end, so that none is searched twice. */
  #searchedBytes = 0;

  constructor(parse: (json: unknown) => RecordResult<T>) {
    this.#parse = parse;
  }

  get pendingBytes(): number {
    return this.#queue.length;
  }

  push(chunk: Uint8Array): { readonly events: readonly WatchEvent<T>[]; readonly garbled: Garbled | undefined } {
    const events: WatchEvent<T>[] = [];
    this.#queue.push(chunk);
    try {
      for (let line = this.#nextLine(); line !== undefined; line = this.#nextLine()) {
        if (line.length > 0) events.push(...this.#readLine(line));
      }
    } catch (error) {
      if (!(error instanceof SyntaxError) && !(error instanceof MalformedError)) throw error;
      return { events, garbled: { code: 'malformed', message: `garbled JSON event: ${error.message.slice(0, 200)}` } };
    }
    return { events, garbled: undefined };
  }

  #nextLine(): Buffer | undefined {
    const waiting = this.#queue.peek();
    const end = waiting.indexOf(NEWLINE, this.#searchedBytes);
    if (end < 0) {
      this.#searchedBytes = waiting.length;
      if (waiting.length > EVENT_BYTES_MAX) throw oversized(waiting);
      return undefined;
    }
    if (end > EVENT_BYTES_MAX) throw oversized(waiting);
    const line = waiting.subarray(0, end);
    this.#queue.consume(end + 1);
    this.#searchedBytes = 0;
    return line;
  }

  #readLine(line: Buffer): readonly WatchEvent<T>[] {
    const problem = textProblem(line);
    if (problem !== undefined) return [unparsed(line, problem)];
    const text = line.toString('utf8');
    return text.trim() === '' ? [] : [this.#readEvent(JSON.parse(text))];
  }

  #readEvent(json: unknown): WatchEvent<T> {
    const event = fieldsOf(json ?? 'nothing', 'the event');
    const type = EVENT_TYPES.get(event.type);
    if (type === undefined) throw new MalformedError('an event has an unknown type');
    if (type === 'error') {
      const status = statusOfJson(event.object);
      if (status === undefined) throw new MalformedError('an ERROR event holds no Status');
      return { type, error: apiErrorOfStatus(status) };
    }
    if (type === 'bookmark') {
      const metadata = fieldsOf(fieldsOf(event.object, 'object').metadata, 'object.metadata');
      const resourceVersion = stringOf(metadata.resourceVersion, 'object.metadata.resourceVersion');
      if (resourceVersion === '') throw new MalformedError('a bookmark has no resourceVersion');
      return { type, resourceVersion };
    }
    const result = this.#parse(event.object);
    return result.ok ? { type, object: result.record } : skippedEvent(result, type === 'deleted');
  }
}

/** An event that is not worth to be parsed. If it does not even say what it is about, a list has to. */
function unparsed(line: Buffer, problem: string): WatchEvent<never> {
  const message = `the object of event ${beginningOf(line)}: ${problem}`;
  const [, type, name, namespace = ''] = HEAD.exec(line.toString('utf8', 0, HEAD_BYTES)) ?? [];
  if (name === undefined) throw new MalformedError(message);
  return skippedEvent(malformed(message, { namespace, name }), type === 'DELETED');
}

/** Which object it is stands at the beginning. */
function beginningOf(line: Buffer): string {
  return oneLine(line.toString('utf8', 0, BEGINNING_BYTES), BEGINNING_BYTES);
}

function oversized(line: Buffer): MalformedError {
  return new MalformedError(`event ${beginningOf(line)} has more than ${EVENT_BYTES_MAX} bytes`);
}
