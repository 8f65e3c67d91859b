import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join, posix } from 'node:path';
import { test } from 'node:test';
import * as rules from './rules.ts';
import { listRepositoryFiles, readSourceFiles, repositoryRoot, type SourceFile } from './source-files.ts';
import type { Token } from './tokenize.ts';

const program = readSourceFiles(['src', 'workers']);
const everything = [...program, ...readSourceFiles(['test', 'bench'])];
const byPath = new Map(program.map((file) => [file.path, file]));

function assertNone(problems: readonly string[], advice: string): void {
  assert.equal(problems.length, 0, `${advice}\n  ${problems.join('\n  ')}`);
}

/** `src/kube` for src/kube/a/b.ts; `workers` for workers/a.ts; the file itself for src/main.ts. */
function folderOf(path: string): string {
  const [top = '', second = '', ...rest] = path.split('/');
  if (top !== 'src') return top;
  return rest.length === 0 ? path : posix.join(top, second);
}

function isPure(path: string): boolean {
  if (path in rules.shells) return false;
  return (
    rules.pureFolders.some((folder) => path.startsWith(`${folder}/`)) ||
    rules.purePatterns.some((pattern) => pattern.test(path))
  );
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

test('structure: files of src and workers → were found', () => {
  assert.ok(program.length > 5, `only ${program.length} files found under ${repositoryRoot}`);
});

test('structure: every import between folders → is in the table', () => {
  const problems = program.flatMap((file) => {
    const from = folderOf(file.path);
    const allowed = rules.allowedImports[from] ?? rules.rootFiles[from];
    if (allowed === undefined) return [`${file.path}: folder ${from} is not in the table`];
    return file.imports.flatMap(({ target, line }) => {
      if (target === undefined || target === 'package.json') return [];
      const to = folderOf(target);
      if (to === from || allowed.includes(to) || to === 'src/clock.ts') return [];
      return [`${file.path}:${line} imports ${target}; ${from} may import: ${allowed.join(', ') || 'nothing'}`];
    });
  });
  assertNone(
    problems,
    'Move the code to where it may be imported from, or pass the value in (test/structure/rules.ts):',
  );
});

test('structure: every relative import → names a file that exists, with its ending', () => {
  const problems = program.flatMap((file) =>
    file.imports
      .filter(({ target }) => target !== undefined && !existsSync(join(repositoryRoot, target)))
      .map(({ specifier, line }) => `${file.path}:${line} imports ${specifier}`),
  );
  assertNone(problems, 'No such file:');
});

/** The files of one cycle, in import order; undefined when there is none. */
function findCycle(files: ReadonlyMap<string, SourceFile>): readonly string[] | undefined {
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): readonly string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (finished.has(path)) return undefined;
    for (const { target } of files.get(path)?.imports ?? []) {
      const cycle = target === undefined ? undefined : visit(target, [...trail, path]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(path);
    return undefined;
  };
  for (const path of files.keys()) {
    const cycle = visit(path, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

test('structure: imports followed from any file → never come back to it', () => {
  const cycle = findCycle(byPath);
  assert.equal(cycle, undefined, `Move what both need into a third file: ${cycle?.join(' → ')}`);
});

// A file may name the types of its own signatures again (`export type { … } from`); that is no barrel.
test('structure: barrels → none', () => {
  const problems = everything.flatMap((file) => {
    const reExports = file.imports.filter(({ isReExport, isTypeOnly }) => isReExport && !isTypeOnly);
    const places = reExports.map(({ line }) => `${file.path}:${line}`);
    return basename(file.path) === 'index.ts' ? [file.path, ...places] : places;
  });
  assertNone(problems, 'Import each thing from the file that defines it, instead of index.ts and `export … from`:');
});

/** Packages and folders that a file loads when it runs, its own included. */
function loadedBy(path: string, seen = new Set<string>(), loaded = new Set<string>()): ReadonlySet<string> {
  if (seen.has(path)) return loaded;
  seen.add(path);
  loaded.add(folderOf(path));
  for (const { specifier, target, isTypeOnly } of byPath.get(path)?.imports ?? []) {
    if (isTypeOnly) continue;
    if (target === undefined) loaded.add(packageOf(specifier));
    else loadedBy(target, seen, loaded);
  }
  return loaded;
}

test('structure: what a file loads → nothing that it never may', () => {
  const problems = Object.entries(rules.neverLoads).flatMap(([path, unwanted]) => {
    const loaded = loadedBy(path);
    if (loaded.size < 2) return [`${path} loads nothing: does it exist?`];
    return unwanted.filter((name) => loaded.has(name)).map((name) => `${path} loads ${name}`);
  });
  assertNone(problems, 'Import it where it is needed, or only its types:');
});

test('structure: every library → in few files, and declared', () => {
  const manifest = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
  const filesOf = new Map<string, Set<string>>();
  for (const file of program) {
    for (const { specifier, target } of file.imports) {
      if (target !== undefined || specifier.startsWith('node:')) continue;
      const library = packageOf(specifier);
      filesOf.set(library, (filesOf.get(library) ?? new Set()).add(file.path));
    }
  }
  const problems = [...filesOf].flatMap(([library, files]) => {
    const max = rules.libraryFilesMax[library];
    if (!(library in manifest.dependencies)) return [`${library} is not in package.json: ${[...files].join(', ')}`];
    if (max === undefined) return [`${library} has no limit in rules.ts: ${[...files].join(', ')}`];
    return files.size <= max ? [] : [`${library} is in ${files.size} files, at most ${max}: ${[...files].join(', ')}`];
  });
  assertNone(problems, 'Keep each library behind one of our own files:');
});

/** `new Date(ms)`, `Date.parse` and `Date.UTC` convert between notations of a time and read no clock. */
function isCalendar(tokens: readonly Token[], index: number): boolean {
  const [before, after, second] = [tokens[index - 1]?.text, tokens[index + 1]?.text, tokens[index + 2]?.text];
  if (before === 'new') return after === '(' && second !== ')';
  return after === '.' && (second === 'parse' || second === 'UTC');
}

function impureUses(file: SourceFile): readonly string[] {
  return file.tokens.flatMap(({ kind, text, line }, index) => {
    if (kind !== 'word') return [];
    const isMember = file.tokens[index - 1]?.text === '.';
    const isMathRandom = text === 'random' && isMember && file.tokens[index - 2]?.text === 'Math';
    const isImpureWord =
      rules.impureWords.has(text) && !isMember && !(text === 'Date' && isCalendar(file.tokens, index));
    return isMathRandom || isImpureWord ? [`${file.path}:${line} ${text}`] : [];
  });
}

function impureImports(file: SourceFile): readonly string[] {
  return file.imports.flatMap(({ specifier, target, isTypeOnly, line }) => {
    if (isTypeOnly || rules.pureNodeModules.has(specifier)) return [];
    return target !== undefined && isPure(target) ? [] : [`${file.path}:${line} imports ${specifier}`];
  });
}

test('structure: pure files → no clock, timers, randomness, promises or I/O, also not by way of an import', () => {
  const problems = program
    .filter(({ path }) => isPure(path))
    .flatMap((file) => [...impureUses(file), ...impureImports(file)]);
  assertNone(
    problems,
    'Take it as an argument or return it as an effect; a new shell is listed in rules.ts with what it talks to:',
  );
});

test('structure: every listed shell → exists and needs to be one', () => {
  const problems = Object.keys(rules.shells).filter((path) => {
    const file = byPath.get(path);
    return file === undefined || impureUses(file).length + impureImports(file).length === 0;
  });
  assertNone(problems, 'Take these off the list of shells (test/structure/rules.ts): they are gone or pure:');
});

test('structure: length of files → within the limit', (context) => {
  const long = everything.filter(({ lineCount }) => lineCount > rules.linesWanted);
  for (const { path, lineCount } of long) context.diagnostic(`${path} has ${lineCount} lines`);
  const problems = long.filter(({ lineCount }) => lineCount > rules.linesMax);
  assertNone(
    problems.map(({ path, lineCount }) => `${path} has ${lineCount} lines`),
    `Split by subject; the limit is ${rules.linesMax} lines, the aim ${rules.linesWanted}:`,
  );
});

test('structure: names of files → kebab-case', () => {
  const problems = everything.filter(
    ({ path }) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.property)?(\.test|\.e2e|\.chaos|\.node)?\.ts$/.test(basename(path)),
  );
  assertNone(
    problems.map(({ path }) => path),
    'Name the file after what it exports, in kebab-case:',
  );
});

test('structure: files of the repository → no machine paths and no registry hosts', () => {
  const texts = listRepositoryFiles().filter((path) => !/\.(png|gz|zip|cpuprofile|bin)$/.test(path));
  const problems = texts.flatMap((path) => {
    const lines = readFileSync(join(repositoryRoot, path), 'utf8').split('\n');
    return lines.flatMap((line, index) =>
      rules.foreignText
        .filter(({ pattern }) => pattern.test(line))
        .map(({ what }) => `${path}:${index + 1} ${what}: ${line.trim().slice(0, 100)}`),
    );
  });
  assertNone(problems, 'A checkout must work anywhere:');
});
