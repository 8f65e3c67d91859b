import { LeftOut } from '../left-out.ts';
import type { RecordResult } from '../pod-facts.ts';
import { type Garbled, LIST_ITEMS_MAX, type ListReader, type ListResult } from '../readers.ts';
import { unreadable } from './metadata.ts';
import { countValues, objectProblem, SMALL_BYTES } from './object-size.ts';
import { arrayOf, fieldsOf, MalformedError, stringOf } from './values.ts';

/** JSON is parsed as a whole, so a page must fit into memory. */
const LIST_BYTES_MAX = 32 * 1024 * 1024;
/** Parsed, a value with a key of its own takes 150 bytes and a microsecond. */
const LIST_VALUES_MAX = 1_500_000;

/** Decodes a JSON list when it is complete; meant for lists that are short. */
export class JsonListReader<T> implements ListReader<T> {
  readonly #parse: (json: unknown) => RecordResult<T>;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor(parse: (json: unknown) => RecordResult<T>) {
    this.#parse = parse;
  }

  push(chunk: Uint8Array): Garbled | undefined {
    this.#bytes += chunk.length;
    if (this.#bytes > LIST_BYTES_MAX) {
      this.#chunks = [];
      return { code: 'too-large', message: `a list has more than ${LIST_BYTES_MAX} bytes` };
    }
    this.#chunks.push(chunk);
    return undefined;
  }

  end(): { readonly ok: true; readonly list: ListResult<T> } | ({ readonly ok: false } & Garbled) {
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    if (bytes.length > LIST_VALUES_MAX && countValues(bytes) > LIST_VALUES_MAX) {
      return { ok: false, code: 'too-large', message: `a list has more than ${LIST_VALUES_MAX} values` };
    }
    try {
      return { ok: true, list: this.#read(JSON.parse(bytes.toString('utf8')), bytes.length > SMALL_BYTES) };
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof MalformedError) {
        return { ok: false, code: 'malformed', message: `garbled JSON list: ${error.message.slice(0, 200)}` };
      }
      throw error;
    }
  }

  #read(json: unknown, isLarge: boolean): ListResult<T> {
    const object = fieldsOf(json ?? 'nothing', 'the list');
    const metadata = fieldsOf(object.metadata, 'metadata');
    if (Array.isArray(object.items) && object.items.length > LIST_ITEMS_MAX) {
      throw new MalformedError(`a list holds more than ${LIST_ITEMS_MAX} items`);
    }
    const items: T[] = [];
    const leftOut = new LeftOut();
    if (!Array.isArray(object.items) && object.items !== null) throw new MalformedError('items is missing');
    arrayOf(object.items, 'items', (item) => {
      const problem = isLarge ? objectProblem(item) : undefined;
      const result: RecordResult<T> = problem === undefined ? this.#parse(item) : unreadable('object', item, problem);
      if (result.ok) {
        items.push(result.record);
        return;
      }
      const tooMany = leftOut.add(result);
      if (tooMany !== undefined) throw new MalformedError(tooMany);
    });
    const resourceVersion = stringOf(metadata.resourceVersion, 'metadata.resourceVersion');
    const continueToken = stringOf(metadata.continue, 'metadata.continue');
    return { items, skipped: leftOut.objects, resourceVersion, continueToken };
  }
}
