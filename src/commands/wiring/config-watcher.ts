import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
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
}

/** A ConfigMap is swapped, and a file written, in several steps; what is seen after the last one counts. */
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
    if (this.#debounce === undefined) void this.#read(false);
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

  async #read(isOnRequest: boolean): Promise<void> {
    const { file, onText, onProblem } = this.#options;
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      const message = `${file} cannot be read: ${systemReason(error)}`;
      if (this.#isClosed || (message === this.#problem && !isOnRequest)) return;
      this.#problem = message;
      onProblem(message);
      return;
    }
    if (this.#isClosed) return;
    const isNew = text !== this.#text;
    this.#problem = undefined;
    this.#text = text;
    if (isNew || isOnRequest) onText(text);
  }
}
