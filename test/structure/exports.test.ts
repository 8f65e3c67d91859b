import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportedNames, importedNames } from './exports.ts';
import { calledByName } from './rules.ts';
import { parseSourceFile, readSourceFiles, type SourceFile } from './source-files.ts';

/** `path name` with the line of what is exported for nobody. */
function needless(files: readonly SourceFile[], importers: readonly SourceFile[]): readonly string[] {
  const imported = importedNames(importers);
  return files.flatMap((file) =>
    exportedNames(file)
      .filter(({ name, isType }) => {
        if (imported.has(`${file.path} ${name}`) || imported.has(`${file.path} *`)) return false;
        // A type that its own file names is part of what it exports: whoever reads a signature may look it up.
        const isNamed = file.tokens.filter(({ kind, text }) => kind === 'word' && text === name).length > 1;
        return !(isType && isNamed) && !(`${file.path} ${name}` in calledByName);
      })
      .map(({ name, line }) => `${file.path}:${line} ${name}`),
  );
}

// Tests count as importers: they check parts by themselves, and share limits instead of writing them again.
test('exports: every name that src and workers export → is imported by somebody', () => {
  const program = readSourceFiles(['src', 'workers']);
  const problems = needless(program, [...program, ...readSourceFiles(['test', 'bench'])]);
  assert.equal(
    problems.length,
    0,
    `Nobody imports these: remove \`export\` if the file uses it itself, else delete it (called by name: rules.ts):\n  ${problems.join('\n  ')}`,
  );
});

test('exports: every exception → is exported still', () => {
  const names = readSourceFiles(['src', 'workers']).flatMap((file) =>
    exportedNames(file).map(({ name }) => `${file.path} ${name}`),
  );
  assert.deepEqual(
    Object.keys(calledByName).filter((name) => !names.includes(name)),
    [],
  );
});

const source = [
  'export const kept = 1;',
  'export async function* dropped() {}',
  'export abstract class Renamed {}',
  'export interface Answer {}',
  'export type Lost = 1;',
  'export function ask(): Answer {}',
  'export default 1;',
].join('\n');

const importRows: readonly { name: string; text: string; expected: readonly string[] }[] = [
  { name: 'nobody', text: '', expected: ['1 kept', '2 dropped', '3 Renamed', '5 Lost', '6 ask'] },
  {
    name: 'some, one under another name',
    text: "import { ask, kept, type Renamed as Other } from './a.ts';",
    expected: ['2 dropped', '5 Lost'],
  },
  {
    name: 'types',
    text: "import type { Lost, Renamed } from './a.ts';",
    expected: ['1 kept', '2 dropped', '6 ask'],
  },
  { name: 'all', text: "import * as a from './a.ts';", expected: [] },
  { name: 'all at run time', text: "const { kept } = await import('./a.ts');", expected: [] },
  {
    name: 'another file of that name',
    text: "import { kept } from '../a.ts';",
    expected: ['1 kept', '2 dropped', '3 Renamed', '5 Lost', '6 ask'],
  },
];

for (const { name, text, expected } of importRows) {
  test(`exports: imported by ${name} → the others are found`, () => {
    const found = needless([parseSourceFile('src/x/a.ts', source)], [parseSourceFile('src/x/b.ts', text)]);
    assert.deepEqual(
      found,
      expected.map((one) => `src/x/a.ts:${one}`),
    );
  });
}
