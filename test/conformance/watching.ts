import { request } from 'undici';
import { DEADLINE_MS, type Json, PROTOBUF, type Wire } from './target.ts';

/** A frame of a watch: an event in JSON, or the bytes of one in protobuf. */
export type Frame = { readonly type: string; readonly object: Json };

/** Reads a watch's raw chunks and cuts them into frames; `next` waits for one. */
export class WatchReader {
  readonly contentType: string;
  readonly status: number;
  readonly #abort: AbortController;
  readonly #frames: Buffer[] = [];
  #wake: (() => void) | undefined;
  #isEnded = false;

  private constructor(parts: { abort: AbortController; contentType: string; status: number }) {
    this.#abort = parts.abort;
    this.contentType = parts.contentType;
    this.status = parts.status;
  }

  /** Opens `GET path`, whose query holds `watch=true`. */
  static async open(wire: Wire, path: string, accept = 'application/json'): Promise<WatchReader> {
    const abort = new AbortController();
    const answer = await request(`${wire.target.url}${path}`, {
      dispatcher: wire.agent,
      headers: { accept, ...wire.target.headers },
      signal: abort.signal,
    });
    const contentType = String(answer.headers['content-type']);
    const reader = new WatchReader({ abort, contentType, status: answer.statusCode });
    void reader.#read(answer.body, accept === PROTOBUF).catch(() => reader.#end());
    return reader;
  }

  /** The next frame's bytes; undefined when the server ended the watch. */
  async nextBytes(): Promise<Buffer | undefined> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    while (this.#frames.length === 0 && !this.#isEnded) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const fail = (): void => reject(new Error('the watch sent nothing in time'));
      deadline.addEventListener('abort', fail, { once: true });
      await promise;
      deadline.removeEventListener('abort', fail);
    }
    return this.#frames.shift();
  }

  /** The next JSON event; fails when the watch ended. */
  async next(): Promise<Frame> {
    const bytes = await this.nextBytes();
    if (bytes === undefined) throw new Error('the watch ended');
    return JSON.parse(bytes.toString()) as Frame;
  }

  /** The next event that is of interest, others being passed over. */
  async find(matches: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const frame = await this.next();
      if (matches(frame)) return frame;
    }
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(body: AsyncIterable<Buffer>, isProtobuf: boolean): Promise<void> {
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of body) {
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        const length = isProtobuf ? protobufFrameLength(rest) : rest.indexOf('\n') + 1;
        if (length <= 0 || rest.length < length) break;
        this.#frames.push(Buffer.from(rest.subarray(isProtobuf ? 4 : 0, length)));
        rest = rest.subarray(length);
      }
      this.#wake?.();
    }
    this.#end();
  }

  #end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }
}

function protobufFrameLength(bytes: Buffer): number {
  return bytes.length < 4 ? 0 : 4 + bytes.readUInt32BE(0);
}
