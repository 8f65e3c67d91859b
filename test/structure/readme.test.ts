import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from './source-files.ts';

const readText = (path: string) => readFileSync(join(repositoryRoot, path), 'utf8');
const readme = readText('README.md');
const pages = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/**/*.md', { cwd: repositoryRoot })];

function help(...command: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['src/main.ts', ...command, '--help'], {
    cwd: repositoryRoot,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

const flagsIn = (text: string) => [...new Set(text.match(/(?<![\w-])--[a-z][a-z-]*/g))].sort();

test('readme: flags table of run → exactly the flags of the program', () => {
  const table = readme.split('### Flags of `run`')[1]?.split('\n## ')[0] ?? '';
  const rows = table.split('\n').filter((line) => line.startsWith('| `-'));
  const named = rows.flatMap((row) => flagsIn(row.split(/(?<!\\)\|/)[1] ?? ''));
  assert.ok(rows.length > 0, 'no table under "### Flags of `run`"');
  assert.deepEqual(
    [...new Set(named)].sort(),
    flagsIn(help('run')).filter((flag) => flag !== '--help'),
  );
});

test('readme: commands table → the commands of the program', () => {
  const table = readme.split('## Commands')[1]?.split('\n### ')[0] ?? '';
  const named = [...table.matchAll(/^\| `([a-z]+)/gm)].map((match) => match[1] ?? '');
  const offered = [...(help().split('Commands:')[1] ?? '').matchAll(/^ {2}([a-z]+)/gm)].map((match) => match[1] ?? '');
  assert.deepEqual(named.sort(), offered.filter((command) => command !== 'help').sort());
});

test('docs: npm scripts that are named → exist', () => {
  const { scripts } = JSON.parse(readText('package.json'));
  const problems = pages.flatMap((page) =>
    [...readText(page).matchAll(/npm (?:run (?:-s )?([a-z][a-z0-9:-]*)|(test|start)\b)/g)]
      .map((match) => match[1] ?? match[2] ?? '')
      .filter((name) => !(name in scripts))
      .map((name) => `${page}: npm run ${name}`),
  );
  assert.deepEqual(problems, []);
});

test('docs: links to files → lead to a file', () => {
  const problems = pages.flatMap((page) =>
    [...readText(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !existsSync(join(repositoryRoot, dirname(page), target)))
      .map((target) => `${page} → ${target}`),
  );
  assert.deepEqual(problems, []);
});
