import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { type AnswerFault, breakAnswer, type Request, requestOf, type WatchFault } from './http-pieces.ts';

export interface LinkOptions {
  /** What it carries may be told apart; undefined before the first request. Infinity: it never arrives. */
  readonly latencyMs: (request: Request | undefined) => number;
  /** What is to be done to the answer of this request; undefined: nothing. */
  readonly onRequest: (request: Request) => AnswerFault | undefined;
  /** An answer has begun, and this was done to it. */
  readonly onAnswer: (request: Request, fault: AnswerFault | undefined) => void;
  readonly onClosed: () => void;
}

const GARBLED_BYTES = 32;

/** One connection of the updater through the proxy. It carries one request at a time, each beginning a piece of data. */
export class Link {
  /** The newest one that it carries, or has carried. */
  request: Request | undefined = undefined;
  readonly #client: TLSSocket;
  readonly #upstream: TLSSocket;
  readonly #options: LinkOptions;
  #answerFault: AnswerFault | undefined = undefined;
  #isAnswered = true;
  #eventFault: WatchFault | undefined = undefined;
  #onEventFault: (() => void) | undefined = undefined;
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

  /** The watch that it carries: path and selector, without where it began. */
  get stream(): string | undefined {
    return this.request?.kind === 'watch' ? this.request.path : undefined;
  }

  /** Ends it at once, with whatever is under way on it. */
  cut(): void {
    this.#client.destroy();
    this.#upstream.destroy();
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.onClosed();
  }

  /** Resolves with the time at which the watch's next event met its fate. */
  async breakNextEvent(fault: WatchFault): Promise<number> {
    this.#eventFault = fault;
    await new Promise<void>((resolve) => {
      this.#onEventFault = resolve;
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
      const latencyMs = this.#options.latencyMs(this.request);
      if (latencyMs === Number.POSITIVE_INFINITY) return;
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
    const request = requestOf(data);
    if (request === undefined) return data;
    this.request = request;
    this.#isAnswered = false;
    this.#answerFault = this.#options.onRequest(request);
    return data;
  }

  #onAnswer(data: Buffer): Buffer {
    const { request } = this;
    if (request === undefined) return data;
    if (this.#isAnswered)
      return this.#eventFault === undefined || request.kind !== 'watch' ? data : this.#onEvent(data);
    const fault = this.#answerFault;
    const answer = fault === undefined ? data : breakAnswer(data, fault);
    // It had no body to break yet: that comes in the next piece.
    if (answer === undefined) return data;
    this.#isAnswered = true;
    this.#answerFault = undefined;
    this.#options.onAnswer(request, fault);
    if (fault === 'truncate') setImmediate(() => this.#client.end());
    return answer;
  }

  #onEvent(data: Buffer): Buffer {
    const fault = this.#eventFault;
    const chunkStart = data.indexOf('\r\n') + 2;
    // An event may come in several pieces; only one that begins with the length of a chunk is known to begin an event.
    if (fault === undefined || !/^[0-9a-f]{1,6}\r\n/.test(data.toString('latin1', 0, 8))) return data;
    this.#eventFault = undefined;
    setImmediate(() => this.#onEventFault?.());
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
