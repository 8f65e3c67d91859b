import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';

/** Pieces of terminal text: spans with a style, joined to lines no wider than asked for. */

export type Style = 'plain' | 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'blue' | 'cyan';

export interface Span {
  readonly text: string;
  readonly style: Style;
}

export type Line = readonly Span[];

/** SGR parameters. */
const CODES: Readonly<Record<Exclude<Style, 'plain'>, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  cyan: 36,
};

export function span(text: string, style: Style = 'plain'): Span {
  return { text, style };
}

export function renderLine(
  line: Line,
  { width, isColor }: { readonly width: number; readonly isColor: boolean },
): string {
  let room = width;
  let rendered = '';
  for (const { text, style } of line) {
    const columns = stringWidth(text);
    rendered += paint(columns > room ? `${beginning(text, room - 1)}…` : text, style, isColor);
    room -= columns;
    if (room <= 0) break;
  }
  return rendered.trimEnd();
}

function beginning(text: string, columns: number): string {
  if (columns < 1) return '';
  const [first = ''] = wrapAnsi(text, columns, { hard: true, wordWrap: false, trim: false }).split('\n', 1);
  return stringWidth(first) > columns ? '' : first;
}

function paint(text: string, style: Style, isColor: boolean): string {
  return isColor && style !== 'plain' && text !== '' ? `\x1b[${CODES[style]}m${text}\x1b[0m` : text;
}

/** Before the lines of a text that are not its first. */
const HANG = '  ';

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** `ratio` of `columns` filled, to an eighth of a column. */
export function bar(ratio: number, columns: number, style: Style): Line {
  const eighths = Math.round(Math.min(1, Math.max(0, ratio)) * columns * 8);
  const filled = '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
  return [span(filled, style), span('░'.repeat(columns - [...filled].length), 'dim')];
}

export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** 48/s, 4.8/s, 0.48/s: about two digits that count. */
export function formatRate(perSecond: number): string {
  const digits = perSecond >= 10 || perSecond === 0 ? 0 : perSecond >= 1 ? 1 : 2;
  return `${perSecond.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })}/s`;
}

/** 0:07, 12:30, 1:02:03. */
export function formatElapsed(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const tail = `${String(seconds % 60).padStart(2, '0')}`;
  return hours === 0 ? `${minutes}:${tail}` : `${hours}:${String(minutes).padStart(2, '0')}:${tail}`;
}

/** Breaks at spaces; a word that is longer than a line stays whole, so that it can be copied. */
export function wrapWords(text: string, width: number): string[] {
  return Number.isFinite(width) ? wrapAnsi(text, width).split('\n') : [text];
}

/** A text in lines of so many characters, if its words let it; the first begins where the others do not. */
export function wrapHanging(text: string, width: number): string[] {
  return wrapWords(text, width - HANG.length).map((line, index) => (index === 0 ? line : HANG + line));
}
