import { isFields } from './fields.ts';
import { type FieldType, LIST_META, SCHEMAS, type Schema } from './protobuf-schema.ts';
import { ReverseWriter } from './protobuf-writer.ts';
import { parseTime } from './time.ts';

/** What precedes every object that Kubernetes encodes in protobuf. */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

const writer = new ReverseWriter();

interface Typed {
  readonly apiVersion: string;
  readonly kind: string;
}

function writeText(field: number, value: unknown): void {
  const before = writer.length;
  writer.text(String(value));
  writer.lengthDelimited(field, writer.length - before);
}

function writeInteger(field: number, value: unknown): void {
  writer.varint(Number(value));
  writer.varint(field * 8);
}

function writeTime(field: number, value: unknown): void {
  const before = writer.length;
  const { seconds, nanos } = parseTime(String(value)) ?? { seconds: 0, nanos: 0 };
  if (nanos !== 0) writeInteger(2, nanos);
  writeInteger(1, seconds);
  writer.lengthDelimited(field, writer.length - before);
}

function writeMap(field: number, value: unknown, writeValue: (entry: unknown) => void): void {
  if (!isFields(value)) return;
  for (const [key, entry] of Object.entries(value).reverse()) {
    const before = writer.length;
    writeValue(entry);
    writeText(1, key);
    writer.lengthDelimited(field, writer.length - before);
  }
}

function writeQuantity(value: unknown): void {
  const before = writer.length;
  writeText(1, value);
  writer.lengthDelimited(2, writer.length - before);
}

function writeScalar(field: number, fieldType: FieldType, value: unknown): void {
  switch (fieldType) {
    case 'string':
      writeText(field, value);
      break;
    case 'integer':
      writeInteger(field, value);
      break;
    case 'boolean':
      writeInteger(field, value === true ? 1 : 0);
      break;
    case 'time':
      writeTime(field, value);
      break;
    case 'strings':
      if (Array.isArray(value)) for (const item of value.toReversed()) writeText(field, item);
      break;
    case 'stringMap':
      writeMap(field, value, (entry) => writeText(2, entry));
      break;
    case 'quantityMap':
      writeMap(field, value, writeQuantity);
      break;
    default:
      fieldType satisfies never;
  }
}

function writeMessage(field: number, schema: Schema, value: unknown): void {
  const before = writer.length;
  writeFields(schema, value);
  writer.lengthDelimited(field, writer.length - before);
}

/** Fields that the schema does not know are left out, as the encoding has no place for them. */
function writeFields(schema: Schema, object: unknown): void {
  if (!isFields(object)) return;
  for (const name of Object.keys(object).reverse()) {
    const spec = schema[name];
    const value = object[name];
    if (spec === undefined || value === undefined || value === null) continue;
    if (spec[1] === 'message') writeMessage(spec[0], spec[2], value);
    else if (spec[1] === 'messages') {
      if (Array.isArray(value)) for (const item of value.toReversed()) writeMessage(spec[0], spec[2], item);
    } else writeScalar(spec[0], spec[1], value);
  }
}

/** The message alone, without the envelope: what stands in a list's `items`. */
export function encodeMessage(object: Typed): Buffer {
  const schema = SCHEMAS[object.kind];
  if (schema === undefined) throw new Error(`the simulator has no protobuf encoding of ${object.kind}`);
  writeFields(schema, object);
  return writer.take();
}

/** Puts a message into the envelope of its kind. */
export function envelop({ apiVersion, kind }: Typed, message: Buffer): Buffer {
  writeText(4, '');
  writeText(3, '');
  writer.bytes(message);
  writer.lengthDelimited(2, message.length);
  const before = writer.length;
  writeText(2, kind);
  writeText(1, apiVersion);
  writer.lengthDelimited(1, writer.length - before);
  writer.bytes(MAGIC);
  return writer.take();
}

/** A list of messages, in its envelope. */
export function encodeList(list: Typed & { readonly metadata: unknown }, items: readonly Buffer[]): Buffer {
  for (const item of items.toReversed()) {
    writer.bytes(item);
    writer.lengthDelimited(2, item.length);
  }
  writeMessage(1, LIST_META, list.metadata);
  return envelop(list, writer.take());
}

/** One frame of a watch: four bytes of length, big-endian, then a WatchEvent that holds the object in its envelope. */
export function encodeWatchFrame(type: string, enveloped: Buffer): Buffer {
  writer.bytes(enveloped);
  writer.lengthDelimited(1, enveloped.length);
  const rawExtension = writer.length;
  writer.lengthDelimited(2, rawExtension);
  writeText(1, type);
  const event = writer.take();
  const frame = Buffer.allocUnsafe(4 + event.length);
  frame.writeUInt32BE(event.length, 0);
  event.copy(frame, 4);
  return frame;
}
