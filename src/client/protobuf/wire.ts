/**
 * Reads the protobuf wire format. Whatever is wrong with the bytes is one `WireError`, which the decoders' entry points
 * turn into a value; nothing outside this folder sees it.
 */
export class WireError extends Error {
  readonly code = 'malformed';
}

/** The bytes may be right, but the object has more than any object of Kubernetes: it can be left out, the stream goes on. */
export class OversizedError extends WireError {}

/** Strings, map entries and messages of one object that are decoded. A busy node has some hundred. */
const DECODED_VALUES_MAX = 30_000;
/** Bytes of text of one object that are decoded: what is only skipped does not count. */
const DECODED_TEXT_BYTES_MAX = 1024 * 1024;

export const VARINT = 0;
const FIXED64 = 1;
export const BYTES = 2;
const FIXED32 = 5;

/**
 * A cursor over one message: `position` moves, `limit` is where the innermost open message ends. Between two `reset`s is
 * one object, and what may be decoded of it is bounded.
 */
export class WireReader {
  bytes: Buffer;
  position: number;
  limit: number;
  private valuesLeft = DECODED_VALUES_MAX;
  private textBytesLeft = DECODED_TEXT_BYTES_MAX;

  constructor(bytes: Uint8Array) {
    this.bytes = asBuffer(bytes);
    this.position = 0;
    this.limit = bytes.length;
  }

  reset(bytes: Uint8Array): void {
    this.bytes = asBuffer(bytes);
    this.position = 0;
    this.limit = bytes.length;
    this.valuesLeft = DECODED_VALUES_MAX;
    this.textBytesLeft = DECODED_TEXT_BYTES_MAX;
  }

  /** Before anything is made of the object that takes memory. */
  charge(textBytes: number): void {
    this.valuesLeft -= 1;
    this.textBytesLeft -= textBytes;
    if (this.valuesLeft < 0) throw new OversizedError(`it has more than ${DECODED_VALUES_MAX} values`);
    if (this.textBytesLeft < 0) throw new OversizedError(`it has more than ${DECODED_TEXT_BYTES_MAX} bytes of text`);
  }

  /** A signed 64-bit integer; exact up to 2^53, like every number of the API. */
  varint(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let low = first & 0x7f;
    let high = 0;
    for (let shift = 7; shift < 70; shift += 7) {
      const byte = this.byte();
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= bits << 31;
      if (byte < 0x80) return (high | 0) * 0x1_0000_0000 + (low >>> 0);
    }
    throw new WireError('a varint is longer than 10 bytes');
  }

  /** The length of a length-delimited value that fits into the open message. */
  length(): number {
    const length = this.varint();
    if (length < 0 || length > this.limit - this.position) {
      throw new WireError('a value is longer than the message that holds it');
    }
    return length;
  }

  tag(): number {
    const tag = this.varint();
    if (tag < 8 || tag > 0xffff_ffff) throw new WireError('a field number is out of range');
    return tag;
  }

  skip(wireType: number): void {
    if (wireType === BYTES) this.advance(this.length());
    else if (wireType === VARINT) this.varint();
    else if (wireType === FIXED64) this.advance(8);
    else if (wireType === FIXED32) this.advance(4);
    else throw new WireError(`wire type ${wireType} is not used by Kubernetes`);
  }

  string(): string {
    const length = this.length();
    this.charge(length);
    const end = this.position + length;
    const text = this.bytes.toString('utf8', this.position, end);
    this.position = end;
    return text;
  }

  private byte(): number {
    if (this.position >= this.limit) throw new WireError('the message ends in the middle of a value');
    return this.bytes[this.position++] ?? 0;
  }

  private advance(byteCount: number): void {
    if (byteCount > this.limit - this.position) throw new WireError('the message ends in the middle of a value');
    this.position += byteCount;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
