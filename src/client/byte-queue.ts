const CAPACITY_MIN = 4096;

/**
 * Bytes that arrived and are not consumed yet. A chunk that is consumed as it comes is never copied; a rest is kept in
 * a buffer that doubles, so that n chunks cost O(n) whatever their sizes.
 */
export class ByteQueue {
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  /** Whether `#buffer` is this queue's own, and not a chunk that somebody handed in. */
  #isOwned = false;

  get length(): number {
    return this.#end - this.#start;
  }

  /** The bytes that wait; valid until the next `push`. */
  peek(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  push(chunk: Uint8Array): void {
    if (this.length === 0) {
      this.#buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      this.#isOwned = false;
      this.#start = 0;
      this.#end = chunk.length;
      return;
    }
    this.#reserve(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  consume(byteCount: number): void {
    this.#start += byteCount;
  }

  #reserve(byteCount: number): void {
    if (this.#isOwned && this.#end + byteCount <= this.#buffer.length) return;
    const length = this.length;
    const isRoomEnough = this.#isOwned && (length + byteCount) * 2 <= this.#buffer.length;
    const target = isRoomEnough
      ? this.#buffer
      : Buffer.allocUnsafeSlow(Math.max(CAPACITY_MIN, (length + byteCount) * 2));
    this.#buffer.copy(target, 0, this.#start, this.#end);
    this.#buffer = target;
    this.#isOwned = true;
    this.#start = 0;
    this.#end = length;
  }
}
