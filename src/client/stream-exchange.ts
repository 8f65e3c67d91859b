import type { Dispatcher } from 'undici';
import { headerOf } from './exchange.ts';
import { type Failure, failureOf, StreamFailure } from './failure.ts';
import { retryAfterMsOf } from './status-error.ts';

export interface StreamAnswer {
  readonly kind: 'stream';
  readonly status: number;
  readonly retryAfterMs: number;
  readonly contentType: string;
  /** Ends when the server ends it, throws `StreamFailure` when it breaks; leaving the loop aborts it. */
  readonly body: AsyncIterable<Uint8Array>;
  abort(): void;
}

export interface StreamExchangeOptions {
  /** For the whole stream. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly settle: (answer: StreamAnswer | Failure) => void;
}

/** Bytes that may wait for a slow reader before the socket is paused. */
const WAITING_BYTES_MAX = 256 * 1024;

/** A request whose answer is read while it arrives: undici's handler with backpressure. */
export class StreamExchange implements Dispatcher.DispatchHandler {
  readonly #options: StreamExchangeOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort = () => this.#end({ kind: 'failure', code: 'aborted', wasSent: true, message: 'aborted' });
  #controller: Dispatcher.DispatchController | undefined = undefined;
  #hasAnswered = false;
  #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #ending: Failure | 'closed' | undefined = undefined;
  #wake: (() => void) | undefined = undefined;

  constructor(options: StreamExchangeOptions) {
    this.#options = options;
    const { timeoutMs, signal } = options;
    const message = `the stream took longer than ${timeoutMs} ms`;
    this.#timer = setTimeout(() => this.#end({ kind: 'failure', code: 'timeout', wasSent: true, message }), timeoutMs);
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#ending !== undefined) controller.abort(new Error('ended before it was sent'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (status < 200 || this.#ending !== undefined) return;
    const encoding = headerOf(headers['content-encoding']);
    if (encoding !== undefined && encoding !== 'identity') {
      const message = `the answer is encoded as ${encoding.slice(0, 32)}`;
      this.#end({ kind: 'failure', code: 'malformed', wasSent: true, message });
      return;
    }
    this.#hasAnswered = true;
    this.#options.settle({
      kind: 'stream',
      status,
      retryAfterMs: retryAfterMsOf(headerOf(headers['retry-after'])),
      contentType: headerOf(headers['content-type']) ?? '',
      body: { [Symbol.asyncIterator]: () => this.#read() },
      abort: this.#onAbort,
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ending !== undefined) return;
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > WAITING_BYTES_MAX) controller.pause();
    this.#wakeReader();
  }

  onResponseEnd(): void {
    this.#end('closed');
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  fail(error: unknown): void {
    this.#end(failureOf(error, this.#controller !== undefined));
  }

  async *#read(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        for (let chunk = this.#takeChunk(); chunk !== undefined; chunk = this.#takeChunk()) yield chunk;
        if (this.#ending === 'closed') return;
        if (this.#ending !== undefined) throw new StreamFailure(this.#ending);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.#onAbort();
    }
  }

  /** One by one: to join what waits would copy every byte once more, and leave as many for the garbage collector. */
  #takeChunk(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    this.#waitingBytes -= chunk?.length ?? 0;
    if (this.#waitingBytes <= WAITING_BYTES_MAX) this.#controller?.resume();
    return chunk;
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #end(end: Failure | 'closed'): void {
    if (this.#ending !== undefined) return;
    this.#ending = end;
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    if (end !== 'closed') {
      this.#controller?.abort(new Error(end.message));
      if (!this.#hasAnswered) this.#options.settle({ ...end, wasSent: this.#controller !== undefined && end.wasSent });
    }
    this.#wakeReader();
  }
}
