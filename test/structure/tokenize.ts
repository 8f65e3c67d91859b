/**
 * A small tokenizer for the structure tests: enough of TypeScript's grammar to tell code from comments, strings and
 * regular expressions. It is not a parser.
 */
export interface Token {
  readonly kind: 'word' | 'string' | 'punctuator';
  /** For a string: its content without quotes, escapes left as written. */
  readonly text: string;
  readonly line: number;
}

const WORD = /[\p{ID_Start}$_#0-9][\p{ID_Continue}$\u200c\u200d]*/uy;
const QUOTED = /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y;
const TEMPLATE_TEXT = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y;
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const SPACE = /\s+/y;

/** After one of these words a `/` starts a regular expression, not a division. */
const WORDS_BEFORE_VALUE = new Set(['return', 'case', 'typeof', 'in', 'of', 'void', 'delete', 'throw', 'new', 'else']);

class Scanner {
  readonly tokens: Token[] = [];
  /** For each open brace: whether it closes a template's `${`. */
  readonly #braces: ('block' | 'template')[] = [];
  readonly #source: string;
  #at = 0;
  #line = 1;

  constructor(source: string) {
    this.#source = source;
  }

  run(): readonly Token[] {
    while (this.#at < this.#source.length) this.#next();
    return this.tokens;
  }

  #next(): void {
    if (this.#take(SPACE) !== undefined || this.#take(COMMENT) !== undefined) return;
    const quoted = this.#take(QUOTED);
    const word = quoted === undefined ? this.#take(WORD) : undefined;
    const regex = quoted === undefined && word === undefined ? this.#takeRegex() : undefined;
    if (quoted !== undefined) this.#push('string', quoted.slice(1, -1));
    else if (word !== undefined) this.#push('word', word);
    else if (regex !== undefined) this.#push('string', regex);
    else this.#punctuator();
  }

  #punctuator(): void {
    const char = this.#source[this.#at] ?? '';
    this.#at += 1;
    if (char === '{') this.#braces.push('block');
    const isTemplate = char === '`' || (char === '}' && this.#braces.pop() === 'template');
    if (isTemplate) this.#template();
    else this.#push('punctuator', char);
  }

  #takeRegex(): string | undefined {
    return this.#source[this.#at] === '/' && this.#isValueExpected() ? this.#take(REGEX) : undefined;
  }

  /** From just after a '`' or the '}' of an interpolation, up to the next `${` or the closing '`'. */
  #template(): void {
    this.#push('string', this.#take(TEMPLATE_TEXT) ?? '');
    if (this.#source[this.#at] === '`') {
      this.#at += 1;
      return;
    }
    this.#at += 2;
    this.#braces.push('template');
  }

  #isValueExpected(): boolean {
    const last = this.tokens.at(-1);
    if (last === undefined) return true;
    if (last.kind === 'word') return WORDS_BEFORE_VALUE.has(last.text);
    return last.kind === 'punctuator' && last.text !== ')' && last.text !== ']' && last.text !== '}';
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#source)?.[0];
    if (match === undefined) return undefined;
    this.#at += match.length;
    for (const char of match) if (char === '\n') this.#line += 1;
    return match;
  }

  #push(kind: Token['kind'], text: string): void {
    this.tokens.push({ kind, text, line: this.#line });
  }
}

export function tokenize(source: string): readonly Token[] {
  return new Scanner(source).run();
}
