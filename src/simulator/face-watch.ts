import type { ServerResponse } from 'node:http';
import type { Encoding } from './api-types.ts';
import { watchFrame } from './encoding.ts';
import type { Watch, WatchEvent, WatchSink } from './watch.ts';

export interface WatchStreamOptions {
  readonly encoding: Encoding;
  /** A reader that leaves more than this unread is cut off. */
  readonly unreadBytesMax: number;
  /** Every event leaves so much later, in wall-clock time. */
  readonly eventDelayMs: number;
}

/** Writes a watch's events to its connection, all of one turn of the event loop together. */
class WatchStream implements WatchSink {
  readonly #response: ServerResponse;
  readonly #options: WatchStreamOptions;
  #frames: Buffer[] = [];
  #bytes = 0;
  #isPlanned = false;
  #isEnded = false;

  constructor(response: ServerResponse, options: WatchStreamOptions) {
    this.#response = response;
    this.#options = options;
  }

  event(event: WatchEvent): void {
    const { eventDelayMs, encoding } = this.#options;
    if (eventDelayMs > 0) setTimeout(() => this.#push(watchFrame(event, encoding)), eventDelayMs);
    else this.#push(watchFrame(event, encoding));
  }

  end(): void {
    const { eventDelayMs } = this.#options;
    if (eventDelayMs > 0) setTimeout(() => this.#finish(), eventDelayMs);
    else this.#finish();
  }

  #finish(): void {
    this.#isEnded = true;
    this.#flush();
  }

  #push(frame: Buffer): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
    if (this.#bytes + this.#response.writableLength > this.#options.unreadBytesMax) {
      this.#response.destroy();
      return;
    }
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isPlanned = false;
    const response = this.#response;
    if (response.destroyed) return;
    if (this.#frames.length > 0) {
      const chunk = this.#frames.length === 1 ? this.#frames[0] : Buffer.concat(this.#frames, this.#bytes);
      this.#frames = [];
      this.#bytes = 0;
      response.write(chunk);
    }
    if (this.#isEnded) response.end();
  }
}

/** Connects a watch with the response that carries it. */
export function streamWatch(watch: Watch, response: ServerResponse, options: WatchStreamOptions): void {
  response.once('close', () => watch.stop());
  response.flushHeaders();
  watch.start(new WatchStream(response, options));
}
