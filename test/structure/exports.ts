import type { SourceFile } from './source-files.ts';
import type { Token } from './tokenize.ts';

export interface ExportedName {
  readonly name: string;
  /** An interface or a type alias: gone at run time. */
  readonly isType: boolean;
  readonly line: number;
}

const MODIFIERS = new Set(['async', 'abstract', 'default', 'declare']);
const DECLARATIONS = new Set(['function', 'class', 'const', 'let', 'interface', 'type']);

/** What the file declares and exports in one go, as everything here does; `export … from` declares nothing. */
export function exportedNames({ tokens }: SourceFile): readonly ExportedName[] {
  return tokens.flatMap((token, index) => {
    if (token.kind !== 'word' || token.text !== 'export' || tokens[index - 1]?.text === '.') return [];
    let at = index + 1;
    while (MODIFIERS.has(tokens[at]?.text ?? '')) at += 1;
    const keyword = tokens[at]?.text ?? '';
    if (!DECLARATIONS.has(keyword)) return [];
    if (tokens[at + 1]?.text === '*') at += 1;
    const name = tokens[at + 1];
    if (name?.kind !== 'word') return [];
    return [{ name: name.text, isType: keyword === 'interface' || keyword === 'type', line: name.line }];
  });
}

/** `path name` of everything that the files import (`path *`: all of it, by `import *` or `import()`). */
export function importedNames(files: readonly SourceFile[]): ReadonlySet<string> {
  return new Set(
    files.flatMap(({ tokens, imports }) =>
      imports.flatMap(({ target, index }) =>
        target === undefined ? [] : namesFrom(tokens, index).map((name) => `${target} ${name}`),
      ),
    ),
  );
}

/** The names within the braces of the statement that begins there, each as the other file calls it. */
function namesFrom(tokens: readonly Token[], start: number): readonly string[] {
  const open = tokens[start + 1]?.text === 'type' ? start + 2 : start + 1;
  if (tokens[open]?.text !== '{') return ['*'];
  const names: string[] = [];
  for (let at = open + 1; at < tokens.length && tokens[at]?.text !== '}'; at += 1) {
    const before = tokens[at - 1]?.text;
    const isName = before === '{' || before === ',' || (before === 'type' && tokens[at]?.text !== 'as');
    if (isName && tokens[at]?.kind === 'word') names.push(tokens[at]?.text ?? '');
  }
  return names;
}
