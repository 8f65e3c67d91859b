import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { monotonicMs } from '../../clock.ts';
import { systemReason } from '../fatal-text.ts';

export interface ConfigWatcherOptions {
  readonly file: string;
  /** What the file held when it was last read. */
  readonly text: string;
  /** The file holds something else now; or, after `reread`, whatever it holds. */
  readonly onText: (text: string) => void;
  /** It cannot be read. Told once until it can be read again. */
  readonly onProblem: (message: string) => void;
  readonly pollIntervalMs?: number;
  /** For tests. */
  readonly read?: (file: string) => Promise<string>;
}

type Found = { readonly text: string } | { readonly problem: string };

/** A ConfigMap is swapped, and a file written, in several steps; what is seen after the last one, twice, counts. */
const DEBOUNCE_MS = 100;
/** In a folder where something happens all the time there is no last one. */
const DEBOUNCE_MAX_MS = 1_000;
/** For file systems without notifications, and when there are no more watches to be had. */
const POLL_INTERVAL_MS = 10_000;

/**
 * Notices that a config file changed. Its folder is watched and not the file: a ConfigMap's file is a symbolic link by
 * way of `..data`, and the kubelet swaps that link while the file's own name stays what it was.
 */
export class ConfigWatcher {
  readonly #options: ConfigWatcherOptions;
  readonly #poll: NodeJS.Timeout;
  #watcher: FSWatcher | undefined;
  #debounce: NodeJS.Timeout | undefined;
  #firstNoticeMs = 0;
  #text: string;
  #problem: string | undefined;
  /** Found by the last look alone. A file that is being written is empty for a moment, and an empty one sets nothing. */
  #unconfirmed: Found | undefined;
  #lastRead: Promise<void> = Promise.resolve();
  #readsUnderWay = 0;
  #isClosed = false;

  constructor(options: ConfigWatcherOptions) {
    this.#options = options;
    this.#text = options.text;
    this.#watch();
    this.#poll = setInterval(() => this.#look(), options.pollIntervalMs ?? POLL_INTERVAL_MS).unref();
  }

  /** Reads the file now and tells what it holds, whether that is new or not. */
  async reread(): Promise<void> {
    await this.#read(true);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#debounce);
    this.#watcher?.close();
  }

  #watch(): void {
    try {
      this.#watcher = watch(dirname(this.#options.file), { persistent: false }, () => this.#lookSoon());
      this.#watcher.on('error', () => this.#unwatch());
    } catch {
      // The folder is gone, or there are no more watches: polling goes on, and tries again.
      this.#watcher = undefined;
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #look(): void {
    if (this.#watcher === undefined) this.#watch();
    if (this.#debounce === undefined && this.#readsUnderWay === 0) void this.#read(false);
  }

  #lookSoon(): void {
    const nowMs = monotonicMs();
    if (this.#debounce === undefined) this.#firstNoticeMs = nowMs;
    clearTimeout(this.#debounce);
    const delayMs = Math.min(DEBOUNCE_MS, Math.max(0, this.#firstNoticeMs + DEBOUNCE_MAX_MS - nowMs));
    this.#debounce = setTimeout(() => {
      this.#debounce = undefined;
      void this.#read(false);
    }, delayMs).unref();
  }

  /** One after the other: two at once could end in the other order, and the older text would count. */
  #read(isOnRequest: boolean): Promise<void> {
    this.#readsUnderWay += 1;
    this.#lastRead = this.#lastRead.then(async () => {
      const found = await this.#find();
      this.#readsUnderWay -= 1;
      if (this.#isClosed) return;
      if (isOnRequest) this.#tell(found, true);
      else this.#compare(found);
    });
    return this.#lastRead;
  }

  async #find(): Promise<Found> {
    const { file, read = readUtf8 } = this.#options;
    try {
      return { text: await read(file) };
    } catch (error) {
      return { problem: `${file} cannot be read: ${systemReason(error)}` };
    }
  }

  #compare(found: Found): void {
    const known: Found = this.#problem === undefined ? { text: this.#text } : { problem: this.#problem };
    if (isDeepStrictEqual(found, known)) {
      this.#unconfirmed = undefined;
    } else if (isDeepStrictEqual(found, this.#unconfirmed)) {
      this.#tell(found, false);
    } else {
      this.#unconfirmed = found;
      this.#lookSoon();
    }
  }

  #tell(found: Found, isOnRequest: boolean): void {
    this.#unconfirmed = undefined;
    this.#problem = 'problem' in found ? found.problem : undefined;
    if ('problem' in found) {
      this.#options.onProblem(found.problem);
      return;
    }
    const isNew = found.text !== this.#text;
    this.#text = found.text;
    if (isNew || isOnRequest) this.#options.onText(found.text);
  }
}

function readUtf8(file: string): Promise<string> {
  return readFile(file, 'utf8');
}
