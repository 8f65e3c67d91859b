import { ByteQueue } from '../byte-queue.ts';
import type { RecordResult } from '../pod-facts.ts';
import { EVENT_TYPES, type Garbled, OBJECT_BYTES_MAX, type WatchEvent, type WatchReader } from '../readers.ts';
import { apiErrorOfStatus } from '../status-error.ts';
import { openEnvelope } from './envelope.ts';
import { garbledBy } from './list.ts';
import { inline, messageTable, raw, readMessage, shared, text } from './message.ts';
import { objectIn, oversized } from './oversized.ts';
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

  constructor(readObject: (reader: WireReader) => RecordResult<T>) {
    this.#readObject = readObject;
  }

  get pendingBytes(): number {
    return this.#queue.length;
  }

  push(chunk: Uint8Array): { readonly events: readonly WatchEvent<T>[]; readonly garbled: Garbled | undefined } {
    const events: WatchEvent<T>[] = [];
    this.#queue.push(chunk);
    try {
      for (let frame = this.#nextFrame(); frame !== undefined; frame = this.#nextFrame()) {
        events.push(this.#readEvent(frame));
      }
    } catch (error) {
      return { events, garbled: garbledBy(error) };
    }
    return { events, garbled: undefined };
  }

  #nextFrame(): Buffer | undefined {
    const waiting = this.#queue.peek();
    if (waiting.length < FRAME_HEADER_BYTES) return undefined;
    const length = waiting.readUInt32BE(0);
    if (length > OBJECT_BYTES_MAX) throw oversized(objectIn(waiting.subarray(FRAME_HEADER_BYTES)), length);
    const end = FRAME_HEADER_BYTES + length;
    if (waiting.length < end) return undefined;
    this.#queue.consume(end);
    return waiting.subarray(FRAME_HEADER_BYTES, end);
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
    if (result.ok) return { type, object: result.record };
    const { message, lost } = result;
    return lost === undefined ? { type: 'skipped', message } : { type: 'skipped', message, lost };
  }
}
