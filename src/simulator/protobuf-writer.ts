const INITIAL_BYTES = 16_384;

/**
 * Writes protobuf from the end to the beginning: when a length is due, what it measures is already there, so nothing is
 * copied or measured twice.
 */
export class ReverseWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #at = INITIAL_BYTES;

  /** How much has been written; take the difference of two calls to measure a part. */
  get length(): number {
    return this.#buffer.length - this.#at;
  }

  /** What has been written, as a copy; the writer starts anew. */
  take(): Buffer {
    const written = Buffer.from(this.#buffer.subarray(this.#at));
    this.#at = this.#buffer.length;
    return written;
  }

  varint(value: number): void {
    const bytes: number[] = [];
    let rest = value;
    if (rest < 0) {
      let wide = BigInt.asUintN(64, BigInt(rest));
      for (; wide > 127n; wide >>= 7n) bytes.push(Number(wide & 127n) | 128);
      rest = Number(wide);
    }
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
    bytes.push(rest);
    this.#reserve(bytes.length);
    this.#at -= bytes.length;
    for (let index = 0; index < bytes.length; index += 1) this.#buffer[this.#at + index] = bytes[index] ?? 0;
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.#reserve(length);
    this.#at -= length;
    this.#buffer.write(value, this.#at);
  }

  bytes(value: Buffer): void {
    this.#reserve(value.length);
    this.#at -= value.length;
    value.copy(this.#buffer, this.#at);
  }

  /** The head of a field whose `length` bytes of content have just been written. */
  lengthDelimited(field: number, length: number): void {
    this.varint(length);
    this.varint(field * 8 + 2);
  }

  #reserve(length: number): void {
    if (this.#at >= length) return;
    const written = this.length;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, written + length));
    this.#buffer.copy(grown, grown.length - written, this.#at);
    this.#buffer = grown;
    this.#at = grown.length - written;
  }
}
