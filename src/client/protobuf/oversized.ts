import { malformed, type ObjectName, type Unreadable } from '../pod-facts.ts';
import { DROPPED_BYTES_MAX, OBJECT_BYTES_MAX } from '../readers.ts';
import { BYTES, WireError, WireReader } from './wire.ts';

// Field numbers: k8s.io/apimachinery meta/v1/generated.proto, ObjectMeta; every object has it as its first field.
const METADATA = 1;
const NAME = 1;
const NAMESPACE = 3;

/** As much of an object, and of what is around it in an event, holds its name. */
export const BEGINNING_BYTES = 1500;

/**
 * An object larger than any may be, whose bytes are dropped as they come. `beginning` is where its name stands: without one
 * nothing of the list or watch is read, because nobody could tell for which object decisions would be wrong.
 */
export function oversized(beginning: Buffer, byteCount: number): Unreadable {
  const size = `has ${byteCount} bytes, more than ${OBJECT_BYTES_MAX}`;
  const object = byteCount > DROPPED_BYTES_MAX ? undefined : nameIn(beginning);
  if (object === undefined) throw new WireError(`an object ${size}`);
  const { namespace, name } = object;
  const result = malformed(
    `object ${namespace === '' ? name : `${namespace}/${name}`} ${size}; make it smaller or delete it`,
    object,
  );
  if (result.object === undefined) throw new WireError(result.message);
  return result;
}

/** Where the object of a watch event begins: after the event's type, and `k8s\0` and the type in `Unknown`. */
export function objectIn(event: Buffer): Buffer {
  const at = event.indexOf('k8s\0', 0, 'latin1');
  if (at < 0) return Buffer.alloc(0);
  const reader = new WireReader(event.subarray(at + 4));
  try {
    while (reader.tag() >>> 3 === 1) reader.skip(BYTES);
    reader.varint();
  } catch (error) {
    if (error instanceof WireError) return Buffer.alloc(0);
    throw error;
  }
  return reader.bytes.subarray(reader.position);
}

/** Undefined when it does not stand there. */
function nameIn(object: Buffer): ObjectName | undefined {
  const names = new Map<number, string>();
  const reader = new WireReader(object);
  try {
    if (reader.tag() >>> 3 !== METADATA) return undefined;
    const length = reader.varint();
    // There may be more of it than has arrived.
    reader.limit = Math.min(reader.limit, reader.position + length);
    while (reader.position < reader.limit) {
      const field = reader.tag() >>> 3;
      if (field > NAMESPACE) break;
      names.set(field, reader.string());
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return undefined;
  }
  const name = names.get(NAME);
  return name === undefined ? undefined : { namespace: names.get(NAMESPACE) ?? '', name };
}
