import { ByteQueue } from '../byte-queue.ts';
import { LeftOut } from '../left-out.ts';
import type { RecordResult, Unreadable } from '../pod-facts.ts';
import {
  DROPPED_BYTES_MAX,
  type Garbled,
  LIST_ITEMS_MAX,
  type ListReader,
  type ListResult,
  OBJECT_BYTES_MAX,
} from '../readers.ts';
import { messageTable, readMessage, text } from './message.ts';
import { BEGINNING_BYTES, oversized } from './oversized.ts';
import { BYTES, VARINT, WireError, WireReader } from './wire.ts';

const MAGIC_BYTES = 4;
/** A tag and a length take at most this many bytes. */
const HEADER_BYTES_MAX = 20;

interface ListMetaDraft {
  resourceVersion: string;
  continueToken: string;
}

// Field numbers: k8s.io/apimachinery meta/v1/generated.proto, ListMeta.
const listMeta = messageTable<ListMetaDraft>({
  2: text((draft, value) => {
    draft.resourceVersion = value;
  }),
  3: text((draft, value) => {
    draft.continueToken = value;
  }),
});

type ObjectReader<T> = (reader: WireReader) => RecordResult<T>;

/**
 * Decodes `k8s\0` + `Unknown{2: List{1: ListMeta, 2: items}}` item by item while the bytes arrive, so that a list of
 * 50,000 pods needs the memory of its records and of one chunk.
 */
export class ProtobufListReader<T> implements ListReader<T> {
  readonly #queue = new ByteQueue();
  readonly #reader = new WireReader(Buffer.alloc(0));
  readonly #readObject: ObjectReader<T>;
  readonly #meta: ListMetaDraft = { resourceVersion: '', continueToken: '' };
  readonly #items: T[] = [];
  readonly #leftOut = new LeftOut();
  #place: 'magic' | 'envelope' | 'list' = 'magic';
  /** Bytes of the open `Unknown.raw` that have not been consumed. */
  #listBytesLeft = 0;
  /** Bytes of a value nobody wants, still to be dropped. */
  #skipBytes = 0;
  #hasList = false;

  constructor(readObject: ObjectReader<T>) {
    this.#readObject = readObject;
  }

  push(chunk: Uint8Array): Garbled | undefined {
    this.#queue.push(chunk);
    try {
      while (this.#step());
    } catch (error) {
      return garbledBy(error);
    }
    return undefined;
  }

  end(): { readonly ok: true; readonly list: ListResult<T> } | ({ readonly ok: false } & Garbled) {
    const isComplete = this.#place === 'envelope' && this.#hasList && this.#skipBytes === 0 && this.#queue.length === 0;
    if (!isComplete) return { ok: false, code: 'malformed', message: 'the list ends before it is complete' };
    const { resourceVersion, continueToken } = this.#meta;
    const list = { items: this.#items, skipped: this.#leftOut.objects, resourceVersion, continueToken };
    return { ok: true, list };
  }

  /** One field, or as much of it as there is; false: more bytes are needed. */
  #step(): boolean {
    if (this.#skipBytes > 0) return this.#drop();
    if (this.#place === 'magic') return this.#readMagic();
    if (this.#place === 'list' && this.#listBytesLeft === 0) {
      this.#place = 'envelope';
      return true;
    }
    return this.#readField();
  }

  #drop(): boolean {
    const byteCount = Math.min(this.#skipBytes, this.#queue.length);
    this.#skipBytes -= byteCount;
    this.#take(byteCount);
    return this.#skipBytes === 0;
  }

  #take(byteCount: number): void {
    this.#queue.consume(byteCount);
    if (this.#place === 'list') this.#listBytesLeft -= byteCount;
  }

  #readMagic(): boolean {
    if (this.#queue.length < MAGIC_BYTES) return false;
    if (this.#queue.peek().toString('latin1', 0, MAGIC_BYTES) !== 'k8s\0') throw new WireError('no k8s envelope');
    this.#take(MAGIC_BYTES);
    this.#place = 'envelope';
    return true;
  }

  #readField(): boolean {
    const waiting = this.#queue.peek();
    if (waiting.length === 0) return false;
    const header = readHeader(this.#reader, waiting);
    if (header === undefined) return false;
    const { field, isBytes, headerBytes, valueBytes } = header;
    if (this.#place === 'list' && headerBytes + valueBytes > this.#listBytesLeft) {
      throw new WireError('a value is longer than the list that holds it');
    }
    if (this.#place === 'envelope') return this.#enter({ isList: field === 2 && isBytes, headerBytes, valueBytes });
    if (!isBytes || field > 2) return this.#skip(headerBytes, valueBytes);
    if (valueBytes > OBJECT_BYTES_MAX) return this.#leaveOut(field, waiting.subarray(headerBytes), header);
    if (waiting.length < headerBytes + valueBytes) return false;
    this.#reader.reset(waiting.subarray(headerBytes, headerBytes + valueBytes));
    if (field === 1) readMessage(this.#reader, listMeta, this.#meta);
    else this.#readItem();
    this.#take(headerBytes + valueBytes);
    return true;
  }

  #enter(options: { readonly isList: boolean; readonly headerBytes: number; readonly valueBytes: number }): boolean {
    const { isList, headerBytes, valueBytes } = options;
    if (!isList) return this.#skip(headerBytes, valueBytes);
    if (this.#hasList) throw new WireError('the envelope holds two objects');
    this.#take(headerBytes);
    this.#hasList = true;
    this.#place = 'list';
    this.#listBytesLeft = valueBytes;
    return true;
  }

  #skip(headerBytes: number, valueBytes: number): boolean {
    this.#take(headerBytes);
    this.#skipBytes = valueBytes;
    return true;
  }

  /** An item that is too large; what is so large and no item is nothing that is known. */
  #leaveOut(field: number, beginning: Buffer, { headerBytes, valueBytes }: FieldHeader): boolean {
    if (field !== 2) throw new WireError(`the head of a list has ${valueBytes} bytes`);
    if (beginning.length < BEGINNING_BYTES && valueBytes <= DROPPED_BYTES_MAX) return false;
    this.#note(oversized(beginning, valueBytes));
    return this.#skip(headerBytes, valueBytes);
  }

  #note(unreadable: Unreadable): void {
    const tooMany = this.#leftOut.add(unreadable);
    if (tooMany !== undefined) throw new WireError(tooMany);
  }

  #readItem(): void {
    const result = this.#readObject(this.#reader);
    if (result.ok) {
      if (this.#items.length >= LIST_ITEMS_MAX) throw new WireError(`a list holds more than ${LIST_ITEMS_MAX} items`);
      this.#items.push(result.record);
    } else this.#note(result);
  }
}

interface FieldHeader {
  readonly field: number;
  readonly isBytes: boolean;
  readonly headerBytes: number;
  readonly valueBytes: number;
}

/** Undefined: the header is not complete yet. */
function readHeader(reader: WireReader, bytes: Buffer): FieldHeader | undefined {
  if (bytes.length < HEADER_BYTES_MAX && !isHeaderComplete(bytes)) return undefined;
  reader.reset(bytes);
  const tag = reader.tag();
  const wireType = tag & 7;
  const field = tag >>> 3;
  if (wireType === VARINT) {
    reader.varint();
    return { field, isBytes: false, headerBytes: reader.position, valueBytes: 0 };
  }
  if (wireType !== BYTES) throw new WireError(`wire type ${wireType} is not used by Kubernetes`);
  const valueBytes = reader.varint();
  if (valueBytes < 0) throw new WireError('a length is negative');
  return { field, isBytes: true, headerBytes: reader.position, valueBytes };
}

/** A header is two varints (tag, then length or value), each of which ends with a byte below 0x80. */
function isHeaderComplete(bytes: Buffer): boolean {
  let ends = 0;
  for (const byte of bytes) if (byte < 0x80 && ++ends === 2) return true;
  return false;
}

export function garbledBy(error: unknown): Garbled {
  if (error instanceof WireError) return { code: 'malformed', message: `garbled protobuf: ${error.message}` };
  throw error;
}
