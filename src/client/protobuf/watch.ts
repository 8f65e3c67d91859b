import { ByteQueue } from '../byte-queue.ts';
import type { RecordResult } from '../pod-facts.ts';
import {
  DROPPED_BYTES_MAX,
  EVENT_TYPES,
  type Garbled,
  OBJECT_BYTES_MAX,
  skippedEvent,
  type WatchEvent,
  type WatchReader,
} from '../readers.ts';
import { apiErrorOfStatus } from '../status-error.ts';
import { openEnvelope } from './envelope.ts';
import { garbledBy } from './list.ts';
import { inline, messageTable, raw, readMessage, shared, text } from './message.ts';
import { BEGINNING_BYTES, objectIn, oversized } from './oversized.ts';
import { readStatus } from './status.ts';
import { WireError, WireReader } from './wire.ts';

const FRAME_HEADER_BYTES = 4;

interface EventDraft {
  type: string;
  object: Buffer | undefined;
}

// Field numbers: k8s.io/apimachinery meta/v1/generated.proto, WatchEvent; runtime/generated.proto, RawExtension.
const rawExtension = messageTable<EventDraft>({
  1: raw((draft, value) => {
    draft.object = value;
  }),
});
const watchEvent = messageTable<EventDraft>({
  1: shared((draft, value) => {
    draft.type = value;
  }),
  2: inline(rawExtension),
});

interface BookmarkDraft {
  resourceVersion: string;
}

const bookmark = messageTable<BookmarkDraft>({
  1: inline(
    messageTable<BookmarkDraft>({
      6: text((draft, value) => {
        draft.resourceVersion = value;
      }),
    }),
  ),
});

/** Decodes frames of a 4-byte big-endian length and a `WatchEvent`. */
export class ProtobufWatchReader<T> implements WatchReader<T> {
  readonly #queue = new ByteQueue();
  readonly #reader = new WireReader(Buffer.alloc(0));
  readonly #readObject: (reader: WireReader) => RecordResult<T>;
  /** Bytes of a frame that is left out, still to be dropped. */
  #dropBytes = 0;

  constructor(readObject: (reader: WireReader) => RecordResult<T>) {
    this.#readObject = readObject;
  }

  get pendingBytes(): number {
    return this.#queue.length + this.#dropBytes;
  }

  push(chunk: Uint8Array): { readonly events: readonly WatchEvent<T>[]; readonly garbled: Garbled | undefined } {
    const events: WatchEvent<T>[] = [];
    this.#queue.push(chunk);
    try {
      for (let event = this.#nextEvent(); event !== undefined; event = this.#nextEvent()) events.push(event);
    } catch (error) {
      return { events, garbled: garbledBy(error) };
    }
    return { events, garbled: undefined };
  }

  /** Undefined: more bytes are needed. */
  #nextEvent(): WatchEvent<T> | undefined {
    this.#drop();
    const waiting = this.#queue.peek();
    if (waiting.length < FRAME_HEADER_BYTES) return undefined;
    const length = waiting.readUInt32BE(0);
    if (length > OBJECT_BYTES_MAX) return this.#leaveOut(waiting.subarray(FRAME_HEADER_BYTES), length);
    const end = FRAME_HEADER_BYTES + length;
    if (waiting.length < end) return undefined;
    this.#queue.consume(end);
    return this.#readEvent(waiting.subarray(FRAME_HEADER_BYTES, end));
  }

  #leaveOut(beginning: Buffer, length: number): WatchEvent<T> | undefined {
    if (beginning.length < BEGINNING_BYTES && length <= DROPPED_BYTES_MAX) return undefined;
    const event = skippedEvent(oversized(objectIn(beginning), length), isDeletion(beginning));
    this.#dropBytes = FRAME_HEADER_BYTES + length;
    this.#drop();
    return event;
  }

  #drop(): void {
    const byteCount = Math.min(this.#dropBytes, this.#queue.length);
    this.#dropBytes -= byteCount;
    this.#queue.consume(byteCount);
  }

  #readEvent(frame: Buffer): WatchEvent<T> {
    const reader = this.#reader;
    const event: EventDraft = { type: '', object: undefined };
    reader.reset(frame);
    readMessage(reader, watchEvent, event);
    reader.reset(event.object ?? Buffer.alloc(0));
    openEnvelope(reader);
    const type = EVENT_TYPES.get(event.type);
    if (type === undefined) throw new WireError('an event has an unknown type');
    if (type === 'error') return { type, error: apiErrorOfStatus(readStatus(reader)) };
    if (type === 'bookmark') {
      const draft: BookmarkDraft = { resourceVersion: '' };
      readMessage(reader, bookmark, draft);
      if (draft.resourceVersion === '') throw new WireError('a bookmark has no resourceVersion');
      return { type, resourceVersion: draft.resourceVersion };
    }
    const result = this.#readObject(reader);
    return result.ok ? { type, object: result.record } : skippedEvent(result, type === 'deleted');
  }
}

/** The type is the first field of an event. */
const DELETION = '\n\u0007DELETED';

function isDeletion(event: Buffer): boolean {
  return event.toString('latin1', 0, DELETION.length) === DELETION;
}
