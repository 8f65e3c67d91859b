import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Token, tokenize } from './tokenize.ts';

export interface ImportStatement {
  /** As written: './x.ts', 'undici', 'node:fs'. */
  readonly specifier: string;
  /** For a relative specifier: the path from the repository's root; else undefined. */
  readonly target: string | undefined;
  /** `import type …` or `export type … from`: gone at run time. */
  readonly isTypeOnly: boolean;
  /** `export … from`. */
  readonly isReExport: boolean;
  readonly line: number;
  /** Of its first token. */
  readonly index: number;
}

export interface SourceFile {
  /** From the repository's root, with '/'. */
  readonly path: string;
  readonly lineCount: number;
  readonly tokens: readonly Token[];
  readonly imports: readonly ImportStatement[];
}

export const repositoryRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Every TypeScript file under the given folders, sorted by path. */
export function readSourceFiles(folders: readonly string[]): readonly SourceFile[] {
  return folders
    .flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: repositoryRoot, exclude: ['**/*.d.ts'] }))
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
    .map((path) => parseSourceFile(path, readFileSync(join(repositoryRoot, path), 'utf8')));
}

export function parseSourceFile(path: string, text: string): SourceFile {
  const tokens = tokenize(text);
  return { path, lineCount: text.split('\n').length - 1, tokens, imports: findImports(path, tokens) };
}

/** Files of the repository that are not ignored, whether committed yet or not; of a checkout without git: all but dependencies. */
export function listRepositoryFiles(): readonly string[] {
  const git = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: repositoryRoot,
    encoding: 'utf8',
  });
  if (git.status === 0) return git.stdout.split('\n').filter((path) => path !== '' && isFile(path));
  return globSync('**/*.*', { cwd: repositoryRoot, exclude: ['node_modules', '.cache', '.git'] }).filter(isFile);
}

function isFile(path: string): boolean {
  return existsSync(join(repositoryRoot, path));
}

function findImports(path: string, tokens: readonly Token[]): readonly ImportStatement[] {
  const found: ImportStatement[] = [];
  tokens.forEach((token, index) => {
    if (token.kind !== 'word' || (token.text !== 'import' && token.text !== 'export')) return;
    if (tokens[index - 1]?.text === '.') return;
    const specifier = specifierAfter(tokens, index);
    if (specifier === undefined) return;
    found.push({
      specifier,
      target: specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined,
      isTypeOnly: tokens[index + 1]?.text === 'type',
      isReExport: token.text === 'export',
      line: token.line,
      index,
    });
  });
  return found;
}

/** The module named by the `import` or `export` at `start`; undefined for a declaration that is exported, and `import.meta`. */
function specifierAfter(tokens: readonly Token[], start: number): string | undefined {
  const next = tokens[start + 1];
  if (next === undefined) return undefined;
  if (tokens[start]?.text === 'import') {
    if (next.kind === 'string') return next.text;
    if (next.text === '(') return tokens[start + 2]?.kind === 'string' ? tokens[start + 2]?.text : undefined;
    if (next.text === '.') return undefined;
  } else if (!['{', '*', 'type'].includes(next.text)) return undefined;
  for (let index = start + 1; index < tokens.length; index += 1) {
    const token = tokens[index];
    if (token?.kind === 'word' && token.text === 'from' && tokens[index + 1]?.kind === 'string') {
      return tokens[index + 1]?.text;
    }
    if (token?.kind === 'punctuator' && !['{', '}', ',', '*'].includes(token.text)) return undefined;
    if (token?.kind === 'string') return undefined;
  }
  return undefined;
}
