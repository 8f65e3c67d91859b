export interface SvgOptions {
  readonly columns: number;
  readonly title: string;
}

const FONT_PX = 14;
const COLUMN_PX = 8.4;
const LINE_PX = 20;
const MARGIN_PX = 16;

/** SGR parameter to a colour that reads well on the dark background; 1 is bold. */
const COLORS: ReadonlyMap<number, string> = new Map([
  [2, '#8b949e'],
  [31, '#ff7b72'],
  [32, '#56d364'],
  [33, '#e3b341'],
  [34, '#79c0ff'],
  [36, '#39c5cf'],
]);

interface Piece {
  readonly text: string;
  readonly column: number;
  readonly code: number;
}

/** A frame of terminal lines (with ANSI colours as the views write them) as an SVG picture. */
export function renderSvg(lines: readonly string[], { columns, title }: SvgOptions): string {
  const width = Math.ceil(columns * COLUMN_PX + 2 * MARGIN_PX);
  const height = lines.length * LINE_PX + 2 * MARGIN_PX;
  const texts = lines.flatMap((line, index) => piecesOf(line).map((piece) => textElement(piece, index)));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${FONT_PX}" fill="#e6edf3" xml:space="preserve">`,
    ...texts,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

function textElement({ text, column, code }: Piece, lineIndex: number): string {
  const x = (MARGIN_PX + column * COLUMN_PX).toFixed(1);
  const y = MARGIN_PX + lineIndex * LINE_PX + FONT_PX;
  // The length is given, so that another font than expected keeps the columns.
  const length = ([...text].length * COLUMN_PX).toFixed(1);
  const color = COLORS.get(code);
  const style = code === 1 ? ' font-weight="bold"' : color === undefined ? '' : ` fill="${color}"`;
  return `<text x="${x}" y="${y}" textLength="${length}" lengthAdjust="spacingAndGlyphs"${style}>${escapeXml(text)}</text>`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours begin with one
const SGR = /\x1b\[(\d*)m/;

function piecesOf(line: string): Piece[] {
  const pieces: Piece[] = [];
  let column = 0;
  let code = 0;
  // Split by a pattern with a group: text, parameter, text, parameter …
  line.split(SGR).forEach((part, index) => {
    if (index % 2 === 1) {
      code = Number(part);
      return;
    }
    const indent = part.length - part.trimStart().length;
    const text = part.trim();
    if (text !== '') pieces.push({ text, column: column + indent, code });
    column += [...part].length;
  });
  return pieces;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
