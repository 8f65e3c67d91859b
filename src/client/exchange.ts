import type { Dispatcher } from 'undici';
import { monotonicMs, wallMs } from '../clock.ts';
import { rightLeftMs, type WriteRight } from '../protocol/write-right.ts';
import { type Failure, type FailureCode, failureOf } from './failure.ts';
import { retryAfterMsOf } from './status-error.ts';

export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  /** From the header Retry-After; 0 when absent. */
  readonly retryAfterMs: number;
  readonly contentType: string;
  /** Empty when it was not asked for and the status is a success. */
  readonly body: Uint8Array;
}

export type ApiResponse = Answer | Failure;

export interface ExchangeOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly shouldReadBody: boolean;
  readonly bodyBytesMax: number;
  readonly settle: (response: ApiResponse) => void;
}

/** The bodies of refusals are always read (they say why), but no more of them. */
const ERROR_BODY_BYTES_MAX = 64 * 1024;
/** How much of an unwanted body is read to keep the connection; a larger one costs the connection. */
const DUMPED_BYTES_MAX = 1024 * 1024;

/** One request and its answer: undici's handler, settled exactly once, whatever happens. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #deadline: WriteRight;
  readonly #onAbort = () => this.#cancel('aborted', 'the request was aborted');
  #controller: Dispatcher.DispatchController | undefined = undefined;
  #isSettled = false;
  #status = 0;
  #retryAfterMs = 0;
  #contentType = '';
  #chunks: Buffer[] = [];
  #bytes = 0;
  #bytesMax = 0;
  #isKept = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    const { timeoutMs, signal } = options;
    this.#deadline = { writeUntilMs: monotonicMs() + timeoutMs, writeUntilWallMs: wallMs() + timeoutMs };
    this.#timer = setTimeout(() => this.#expire(), timeoutMs);
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /**
   * The request is about to be written. A process that stood still, or a machine that was suspended, finds free sockets before
   * it finds its timers: what waited for one must not leave late.
   */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (!this.#isSettled && rightLeftMs(this.#deadline, monotonicMs(), wallMs()) <= 0) this.#expire();
    if (this.#isSettled) controller.abort(new Error('settled before it was sent'));
    else this.#controller = controller;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (status < 200) return;
    const encoding = headerOf(headers['content-encoding']);
    if (encoding !== undefined && encoding !== 'identity') {
      this.#refuse(controller, 'malformed', `the answer is encoded as ${encoding.slice(0, 32)}`);
      return;
    }
    this.#status = status;
    this.#retryAfterMs = retryAfterMsOf(headerOf(headers['retry-after']));
    this.#contentType = headerOf(headers['content-type']) ?? '';
    const isRefusal = status >= 300;
    this.#isKept = isRefusal || this.#options.shouldReadBody;
    this.#bytesMax = isRefusal ? ERROR_BODY_BYTES_MAX : this.#isKept ? this.#options.bodyBytesMax : DUMPED_BYTES_MAX;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#bytesMax) {
      if (this.#isKept) this.#chunks.push(chunk);
      return;
    }
    if (this.#status >= 200 && this.#status < 300 && this.#isKept) {
      this.#refuse(controller, 'too-large', `the answer has more than ${this.#bytesMax} bytes`);
      return;
    }
    // Whether it was applied is in the status line; the rest of the body is not worth reading.
    this.#answer();
    controller.abort(new Error('the rest of the answer is not read'));
  }

  onResponseEnd(): void {
    this.#answer();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  fail(error: unknown): void {
    this.#settle(failureOf(error, this.#controller !== undefined));
  }

  #answer(): void {
    const body = this.#chunks.length === 1 ? (this.#chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#chunks);
    this.#settle({
      kind: 'answer',
      status: this.#status,
      retryAfterMs: this.#retryAfterMs,
      contentType: this.#contentType,
      body,
    });
  }

  #refuse(controller: Dispatcher.DispatchController, code: FailureCode, message: string): void {
    this.#settle({ kind: 'failure', code, wasSent: true, message });
    controller.abort(new Error(message));
  }

  #expire(): void {
    this.#cancel('timeout', `no answer within ${this.#options.timeoutMs} ms`);
  }

  #cancel(code: FailureCode, message: string): void {
    const controller = this.#controller;
    this.#settle({ kind: 'failure', code, wasSent: controller !== undefined, message });
    controller?.abort(new Error(message));
  }

  #settle(response: ApiResponse): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#chunks = [];
    this.#options.settle(response);
  }
}

export function headerOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
