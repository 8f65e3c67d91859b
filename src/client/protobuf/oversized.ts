import { oneLine } from '../../kube/one-line.ts';
import { OBJECT_BYTES_MAX } from '../readers.ts';
import { BYTES, WireError, WireReader } from './wire.ts';

const NAME_CHARACTERS_MAX = 320;
// Field numbers: k8s.io/apimachinery meta/v1/generated.proto, ObjectMeta; every object has it as its first field.
const METADATA = 1;
const NAME = 1;
const NAMESPACE = 3;

/**
 * Why nothing of a list or watch is read in which one object is larger than any may be: without it decisions would be made as
 * if it were not there. `beginning` is as much of the object as has arrived, for its name.
 */
export function oversized(beginning: Buffer, byteCount: number): WireError {
  const name = oneLine(nameIn(beginning), NAME_CHARACTERS_MAX);
  const size = `has ${byteCount} bytes, more than ${OBJECT_BYTES_MAX}`;
  return new WireError(name === '' ? `an object ${size}` : `object ${name} ${size}; make it smaller or delete it`);
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

/** `namespace/name`, or the name alone; '' when it does not stand there. */
function nameIn(object: Buffer): string {
  const names = new Map<number, string>();
  const reader = new WireReader(object);
  try {
    if (reader.tag() >>> 3 !== METADATA) return '';
    // Its length: there is more of it than has arrived.
    reader.varint();
    for (let field = reader.tag() >>> 3; field <= NAMESPACE; field = reader.tag() >>> 3) {
      names.set(field, reader.string());
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
  const [namespace = '', name = ''] = [names.get(NAMESPACE), names.get(NAME)];
  return namespace === '' ? name : `${namespace}/${name}`;
}
