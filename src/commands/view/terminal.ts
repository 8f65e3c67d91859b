import type { WriteStream } from 'node:tty';

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
/** Terminals that know it show the whole frame at once; others ignore it. */
const BEGIN_UPDATE = '\x1b[?2026h';
const END_UPDATE = '\x1b[?2026l';
/** Where the terminal is narrower than a frame, its lines are cut: wrapped ones would make it longer than is known. */
const NO_WRAP = '\x1b[?7l';
const WRAP = '\x1b[?7h';
const CLEAR_LINE_END = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
const WIDTH_MIN = 60;
const WIDTH_DEFAULT = 80;
const WIDTH_MAX = 120;

type TerminalStream = Pick<WriteStream, 'write' | 'columns' | 'rows'>;

/** One of the two streams that a command writes to. */
export interface Output {
  readonly columns?: number;
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Those of the process, or of a caller within it. */
export interface Streams {
  readonly stdout: Output;
  readonly stderr: Output;
}

export function terminalWidth({ columns }: { readonly columns?: number }): number {
  return Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, columns ?? WIDTH_DEFAULT));
}

/** How wide lines may be. Without a terminal nobody is short of columns; some terminals say 0. */
export function columnsOf({ columns }: { readonly columns?: number }): number {
  return columns || Number.POSITIVE_INFINITY;
}

/** Whether frames can be drawn over each other. */
export function canRedraw(stream: { readonly isTTY?: boolean }, environment: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && environment.TERM !== 'dumb';
}

/** NO_COLOR (no-color.org) and dumb terminals. */
export function shouldColor(stream: { readonly isTTY?: boolean }, environment: NodeJS.ProcessEnv): boolean {
  return canRedraw(stream, environment) && (environment.NO_COLOR ?? '') === '';
}

/** Draws frames over each other without flicker; the cursor comes back however the process ends. */
export class LiveTerminal {
  readonly #stream: TerminalStream;
  readonly #onExit = (): void => this.close();
  #drawnLines = 0;
  #isOpen = false;

  constructor(stream: TerminalStream) {
    this.#stream = stream;
  }

  draw(lines: readonly string[]): void {
    const rows = this.#stream.rows ?? Number.POSITIVE_INFINITY;
    // The cursor stands below the frame, so one row fewer.
    const shown = lines.slice(0, Math.max(1, rows - 1));
    let output = `${BEGIN_UPDATE}${NO_WRAP}`;
    if (this.#isOpen) output += this.#drawnLines > 0 ? `\x1b[${this.#drawnLines}F` : '';
    else output += this.#open();
    for (const line of shown) output += `${line}${CLEAR_LINE_END}\n`;
    this.#stream.write(`${output}${CLEAR_BELOW}${WRAP}${END_UPDATE}`);
    this.#drawnLines = shown.length;
  }

  /** The last frame stays. May be called twice. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#drawnLines = 0;
    process.removeListener('exit', this.#onExit);
    this.#stream.write(SHOW_CURSOR);
  }

  #open(): string {
    this.#isOpen = true;
    process.once('exit', this.#onExit);
    return HIDE_CURSOR;
  }
}
