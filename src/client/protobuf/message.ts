import { StringTable } from './intern.ts';
import { BYTES, OversizedError, VARINT, WireError, type WireReader } from './wire.ts';

/**
 * A message as data: field number → how its value gets into the draft. Fields that are not in the table are skipped by
 * their length, which is why a pod costs so little: most of it is never looked at. Tables refer to tables, never to
 * themselves, so the depth is bounded by construction.
 */
export type MessageTable<Draft> = readonly (Field<Draft> | undefined)[];

interface Field<Draft> {
  readonly wireType: number;
  read(draft: Draft, reader: WireReader): void;
}

const strings = new StringTable();

export function messageTable<Draft>(fields: Readonly<Record<number, Field<Draft>>>): MessageTable<Draft> {
  const table: (Field<Draft> | undefined)[] = [];
  for (let number = 0; number <= Math.max(...Object.keys(fields).map(Number)); number++) table.push(fields[number]);
  return table;
}

/** Reads from the reader's position to its limit. */
export function readMessage<Draft>(reader: WireReader, table: MessageTable<Draft>, draft: Draft): void {
  while (reader.position < reader.limit) {
    const tag = reader.tag();
    const wireType = tag & 7;
    const field = table[tag >>> 3];
    if (field === undefined) reader.skip(wireType);
    else if (field.wireType !== wireType) throw new WireError(`field ${tag >>> 3} has wire type ${wireType}`);
    else field.read(draft, reader);
  }
}

/** Reads a whole object. Returns why it has to be left out, when it holds more than an object may; else undefined. */
export function readObject<Draft>(reader: WireReader, table: MessageTable<Draft>, draft: Draft): string | undefined {
  try {
    readMessage(reader, table, draft);
    return undefined;
  } catch (error) {
    if (error instanceof OversizedError) return error.message;
    throw error;
  }
}

function readNested<Draft>(reader: WireReader, table: MessageTable<Draft>, draft: Draft): void {
  const outerLimit = reader.limit;
  const length = reader.length();
  reader.limit = reader.position + length;
  readMessage(reader, table, draft);
  reader.limit = outerLimit;
}

/** A string that differs from object to object, such as a name or a UID. */
export function text<Draft>(set: (draft: Draft, value: string) => void): Field<Draft> {
  return { wireType: BYTES, read: (draft, reader) => set(draft, reader.string()) };
}

/** A string that many objects share. */
export function shared<Draft>(set: (draft: Draft, value: string) => void): Field<Draft> {
  return { wireType: BYTES, read: (draft, reader) => set(draft, strings.read(reader)) };
}

export function integer<Draft>(set: (draft: Draft, value: number) => void): Field<Draft> {
  return { wireType: VARINT, read: (draft, reader) => set(draft, reader.varint()) };
}

/** The bytes themselves, shared with the input. */
export function raw<Draft>(set: (draft: Draft, value: Buffer) => void): Field<Draft> {
  return {
    wireType: BYTES,
    read: (draft, reader) => {
      const length = reader.length();
      set(draft, reader.bytes.subarray(reader.position, reader.position + length));
      reader.position += length;
    },
  };
}

/** A message whose fields go into the same draft. */
export function inline<Draft>(table: MessageTable<Draft>): Field<Draft> {
  return { wireType: BYTES, read: (draft, reader) => readNested(reader, table, draft) };
}

/** A message with a draft of its own, handed on when it is complete. */
export function nested<Draft, Inner>(options: {
  readonly table: MessageTable<Inner>;
  readonly create: () => Inner;
  readonly set: (draft: Draft, inner: Inner) => void;
}): Field<Draft> {
  const { table, create, set } = options;
  return {
    wireType: BYTES,
    read: (draft, reader) => {
      reader.charge(0);
      const inner = create();
      readNested(reader, table, inner);
      set(draft, inner);
    },
  };
}

interface MapEntry {
  key: string;
  value: string;
}

/**
 * An entry of `map<string, string>`. Keys that are not wanted are recognised by their (shared) text and their values
 * are not decoded.
 */
export function stringEntry<Draft>(options: {
  readonly isWanted: (key: string) => boolean;
  readonly set: (draft: Draft, key: string, value: string) => void;
}): Field<Draft> {
  const entry: MapEntry = { key: '', value: '' };
  const table = messageTable<MapEntry>({
    1: shared((draft, value) => {
      draft.key = value;
    }),
    2: {
      wireType: BYTES,
      read: (draft, reader) => {
        if (options.isWanted(draft.key)) draft.value = strings.read(reader);
        else reader.skip(BYTES);
      },
    },
  });
  return {
    wireType: BYTES,
    read: (draft, reader) => {
      reader.charge(0);
      entry.key = '';
      entry.value = '';
      readNested(reader, table, entry);
      if (options.isWanted(entry.key)) options.set(draft, entry.key, entry.value);
    },
  };
}

interface TimeDraft {
  seconds: number;
  nanos: number;
}

const timeTable = messageTable<TimeDraft>({
  1: integer((draft, value) => {
    draft.seconds = value;
  }),
  2: integer((draft, value) => {
    draft.nanos = value;
  }),
});

/** `meta/v1.Time` as milliseconds since the Unix epoch. */
export function time<Draft>(set: (draft: Draft, valueMs: number) => void): Field<Draft> {
  const scratch: TimeDraft = { seconds: 0, nanos: 0 };
  return {
    wireType: BYTES,
    read: (draft, reader) => {
      scratch.seconds = 0;
      scratch.nanos = 0;
      readNested(reader, timeTable, scratch);
      set(draft, scratch.seconds * 1000 + Math.trunc(scratch.nanos / 1e6));
    },
  };
}
