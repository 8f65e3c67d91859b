import type { WireReader } from './wire.ts';

const SLOT_COUNT = 8192;
const INTERNED_BYTES_MAX = 96;

/**
 * Turns repeated byte strings (label keys, zones, condition types, hashes) into one shared string without decoding
 * them again. A direct-mapped cache of fixed size: a collision replaces the older entry, so memory is bounded whatever
 * the input.
 */
export class StringTable {
  readonly #texts: string[] = new Array<string>(SLOT_COUNT).fill('');

  /** Reads a length-delimited string. */
  read(reader: WireReader): string {
    const length = reader.length();
    reader.charge(length);
    const start = reader.position;
    reader.position = start + length;
    return this.slice(reader.bytes, start, start + length);
  }

  slice(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length === 0) return '';
    if (length > INTERNED_BYTES_MAX) return bytes.toString('utf8', start, end);
    const slot = hash(bytes, start, end) & (SLOT_COUNT - 1);
    const known = this.#texts[slot] ?? '';
    if (isSame(known, bytes, start, length)) return known;
    const text = bytes.toString('utf8', start, end);
    this.#texts[slot] = text;
    return text;
  }
}

function hash(bytes: Buffer, start: number, end: number): number {
  let value = 0x811c9dc5;
  for (let i = start; i < end; i++) value = Math.imul(value ^ (bytes[i] ?? 0), 0x01000193);
  return value ^ (value >>> 15);
}

/** True only for ASCII: a decoded multi-byte character is shorter than its bytes, so such a text never matches. */
function isSame(known: string, bytes: Buffer, start: number, length: number): boolean {
  if (known.length !== length) return false;
  for (let i = 0; i < length; i++) if (known.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
