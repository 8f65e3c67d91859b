import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';

/**
 * What may be done to the next event of a watch.
 *
 * - `truncate`: its first half arrives, then the connection ends.
 * - `garble-frame`: the HTTP chunk that it comes in has no length.
 * - `garble-event`: the HTTP chunk is whole, its first bytes are not what was sent.
 */
export const WATCH_FAULTS = ['truncate', 'garble-frame', 'garble-event'] as const;
export type WatchFault = (typeof WATCH_FAULTS)[number];

export interface LinkOptions {
  readonly latencyMs: () => number;
  readonly onWatch: (stream: string) => void;
  readonly onClosed: () => void;
}

const REQUEST_LINE = /^(?:GET|POST|PUT|PATCH|DELETE) (\S+) HTTP\/1\.1\r\n/;
const GARBLED_BYTES = 32;

/** One connection of the updater through the proxy. It carries one request at a time, each beginning a piece of data. */
export class Link {
  /** The watch that it carries: path and selector, without where it began. */
  stream: string | undefined = undefined;
  readonly #client: TLSSocket;
  readonly #upstream: TLSSocket;
  readonly #options: LinkOptions;
  #fault: WatchFault | undefined = undefined;
  #onFault: (() => void) | undefined = undefined;
  #isClosed = false;

  constructor(client: TLSSocket, upstream: TLSSocket, options: LinkOptions) {
    this.#client = client;
    this.#upstream = upstream;
    this.#options = options;
    this.#forward(client, upstream, (data) => this.#onRequest(data));
    this.#forward(upstream, client, (data) => this.#onAnswer(data));
    for (const socket of [client, upstream]) {
      socket.on('error', () => this.cut());
      socket.on('close', () => this.cut());
    }
  }

  /** Ends it at once, with whatever is under way on it. */
  cut(): void {
    this.#client.destroy();
    this.#upstream.destroy();
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.onClosed();
  }

  /** Resolves with the time at which the next event met its fate. */
  async breakNextEvent(fault: WatchFault): Promise<number> {
    this.#fault = fault;
    await new Promise<void>((resolve) => {
      this.#onFault = resolve;
    });
    return Date.now();
  }

  /** In order, each piece after the delay that holds when it arrives. */
  #forward(from: TLSSocket, to: TLSSocket, change: (data: Buffer) => Buffer): void {
    let last = Promise.resolve();
    let waiting = 0;
    const write = (data: Buffer) => {
      if (!to.destroyed && !to.writableEnded && !to.write(data)) from.pause();
    };
    to.on('drain', () => from.resume());
    from.on('data', (received: Buffer) => {
      const data = change(received);
      const latencyMs = this.#options.latencyMs();
      if (latencyMs === 0 && waiting === 0) {
        write(data);
        return;
      }
      waiting += 1;
      last = Promise.all([last, delay(latencyMs)]).then(() => {
        waiting -= 1;
        write(data);
      });
    });
    from.on('end', () => void last.then(() => to.end()));
  }

  #onRequest(data: Buffer): Buffer {
    const path = REQUEST_LINE.exec(data.toString('latin1', 0, 2048))?.[1];
    if (path === undefined) return data;
    const url = new URL(path, 'https://proxy');
    this.stream = undefined;
    if (url.searchParams.has('watch')) {
      this.stream = `${url.pathname}?${url.searchParams.get('labelSelector') ?? ''}`;
      this.#options.onWatch(this.stream);
    }
    return data;
  }

  #onAnswer(data: Buffer): Buffer {
    const fault = this.#fault;
    const isHead = data.toString('latin1', 0, 5) === 'HTTP/';
    if (fault === undefined || this.stream === undefined || isHead) return data;
    const chunkStart = data.indexOf('\r\n') + 2;
    // An event may come in several pieces; only one that begins with the length of a chunk is known to begin an event.
    if (!/^[0-9a-f]{1,6}\r\n/.test(data.toString('latin1', 0, 8))) return data;
    this.#fault = undefined;
    setImmediate(() => this.#onFault?.());
    switch (fault) {
      case 'truncate':
        setImmediate(() => this.#client.end());
        return data.subarray(0, Math.max(chunkStart + 1, Math.floor(data.length / 2)));
      case 'garble-frame':
        return Buffer.concat([Buffer.from('zz'), data.subarray(2)]);
      case 'garble-event': {
        const garbled = Buffer.from(data);
        return garbled.fill(0xff, chunkStart, Math.min(chunkStart + GARBLED_BYTES, garbled.length - 2));
      }
    }
  }
}
