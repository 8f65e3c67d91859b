import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSourceFile } from './source-files.ts';
import { tokenize } from './tokenize.ts';

const words = (source: string) =>
  tokenize(source)
    .filter((token) => token.kind === 'word')
    .map((token) => token.text);

const wordRows: readonly { name: string; source: string; expected: readonly string[] }[] = [
  { name: 'line comment', source: 'a // Date\nb', expected: ['a', 'b'] },
  { name: 'block comment', source: 'a /* Date\n */ b', expected: ['a', 'b'] },
  { name: 'comment marker in a string', source: "a = '// no'; b", expected: ['a', 'b'] },
  { name: 'escaped quote', source: "a = 'it\\'s Date'; b", expected: ['a', 'b'] },
  { name: 'template text', source: 'a = `Date`; b', expected: ['a', 'b'] },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the source under test
  { name: 'template interpolation is code', source: 'a = `Date ${f({ c })} Date`; b', expected: ['a', 'f', 'c', 'b'] },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the source under test
  { name: 'nested template', source: 'a = `x ${`Date ${c}`} Date`; b', expected: ['a', 'c', 'b'] },
  { name: 'regular expression with a quote', source: "a = /['Date]/u; b", expected: ['a', 'b'] },
  { name: 'division is no regular expression', source: 'a / b / Date', expected: ['a', 'b', 'Date'] },
];

for (const { name, source, expected } of wordRows) {
  test(`tokenize: ${name} → only code words`, () => assert.deepEqual(words(source), expected));
}

test('tokenize: words after comments and templates of several lines → counted lines', () => {
  const token = tokenize('/*\n*/ `\n`\nx').find((candidate) => candidate.text === 'x');
  assert.equal(token?.line, 4);
});

test('parseSourceFile: every form of import → specifier, target and kind', () => {
  const source = [
    "import { a, type B } from '../kube/a.ts';",
    "import type { C } from './c.ts';",
    "import 'undici';",
    "import d, * as e from 'yaml';",
    "export { f } from './f.ts';",
    "export * from './g.ts';",
    "export type { H } from './h.ts';",
    "const i = await import('node:fs');",
    "export const j = { from: 'nowhere' };",
    "export type K = { from: 'nowhere' };",
    'export const l = import.meta.url;',
  ].join('\n');
  const found = parseSourceFile('src/x/y.ts', source).imports.map((one) => [
    one.specifier,
    one.target,
    one.isTypeOnly,
    one.isReExport,
    one.line,
  ]);
  assert.deepEqual(found, [
    ['../kube/a.ts', 'src/kube/a.ts', false, false, 1],
    ['./c.ts', 'src/x/c.ts', true, false, 2],
    ['undici', undefined, false, false, 3],
    ['yaml', undefined, false, false, 4],
    ['./f.ts', 'src/x/f.ts', false, true, 5],
    ['./g.ts', 'src/x/g.ts', false, true, 6],
    ['./h.ts', 'src/x/h.ts', true, true, 7],
    ['node:fs', undefined, false, false, 8],
  ]);
});
