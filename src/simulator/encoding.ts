import type { Encoding, SimList, SimResponse } from './api-types.ts';
import type { SimObject } from './objects.ts';
import { encodeList, encodeMessage, encodeWatchFrame, envelop } from './protobuf-encoder.ts';
import type { WatchEvent } from './watch.ts';

/** Objects never change, so the encodings of one live as long as it and are shared by all who ask for it. */
const jsonTexts = new WeakMap<object, string>();
const messages = new WeakMap<object, Buffer>();
const frames: Readonly<Record<Encoding, WeakMap<object, Map<string, Buffer>>>> = {
  json: new WeakMap(),
  protobuf: new WeakMap(),
};

function jsonOf(object: SimObject): string {
  let text = jsonTexts.get(object);
  if (text === undefined) {
    text = JSON.stringify(object);
    jsonTexts.set(object, text);
  }
  return text;
}

const itemTexts = new WeakMap<object, string>();

/** An object as it stands in a list: the list's kind says what its items are, but for metadata alone. */
function itemJsonOf(object: SimObject): string {
  if (object.kind === 'PartialObjectMetadata') return jsonOf(object);
  let text = itemTexts.get(object);
  if (text === undefined) {
    text = JSON.stringify({ ...object, kind: undefined, apiVersion: undefined });
    itemTexts.set(object, text);
  }
  return text;
}

function messageOf(object: SimObject): Buffer {
  let message = messages.get(object);
  if (message === undefined) {
    message = encodeMessage(object);
    messages.set(object, message);
  }
  return message;
}

function encodeFrame(event: WatchEvent, encoding: Encoding): Buffer {
  if (encoding === 'protobuf') return encodeWatchFrame(event.type, envelop(event.object, messageOf(event.object)));
  return Buffer.from(`{"type":"${event.type}","object":${jsonOf(event.object)}}\n`);
}

/** A watch event as it goes over the wire. */
export function watchFrame(event: WatchEvent, encoding: Encoding): Buffer {
  const cache = frames[encoding];
  let byType = cache.get(event.object);
  if (byType === undefined) {
    byType = new Map();
    cache.set(event.object, byType);
  }
  let frame = byType.get(event.type);
  if (frame === undefined) {
    frame = encodeFrame(event, encoding);
    byType.set(event.type, frame);
  }
  return frame;
}

function encodeListBody(list: SimList, encoding: Encoding): Buffer | string {
  if (encoding === 'protobuf') return encodeList(list, list.items.map(messageOf));
  const { apiVersion, kind, metadata } = list;
  const head = JSON.stringify({ kind, apiVersion, metadata }).slice(0, -1);
  return `${head},"items":[${list.items.map(itemJsonOf).join(',')}]}`;
}

export interface EncodedBody {
  readonly contentType: string;
  /** Text where it is text: Node sends head and text body in one write. */
  readonly body: Buffer | string;
}

const CONTENT_TYPES: Readonly<Record<Encoding, string>> = {
  json: 'application/json',
  protobuf: 'application/vnd.kubernetes.protobuf',
};

/** The body of every answer that is not a watch. */
export function encodeBody(response: Exclude<SimResponse, { kind: 'watch' }>): EncodedBody {
  switch (response.kind) {
    case 'raw': {
      const isText = typeof response.body === 'string';
      const body = isText ? String(response.body) : JSON.stringify(response.body);
      return { contentType: isText ? 'text/plain' : CONTENT_TYPES.json, body };
    }
    case 'list':
      return { contentType: CONTENT_TYPES[response.encoding], body: encodeListBody(response.list, response.encoding) };
    case 'object':
    case 'status': {
      const object = response.kind === 'object' ? response.object : (response.body as unknown as SimObject);
      const isProtobuf = response.encoding === 'protobuf';
      const body = isProtobuf ? envelop(object, messageOf(object)) : jsonOf(object);
      return { contentType: CONTENT_TYPES[response.encoding], body };
    }
    default:
      return response satisfies never;
  }
}

export function watchContentType(encoding: Encoding): string {
  return encoding === 'protobuf' ? `${CONTENT_TYPES.protobuf};stream=watch` : CONTENT_TYPES.json;
}
