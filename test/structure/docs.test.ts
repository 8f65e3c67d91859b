import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { REASONS } from '../../src/controller/statements.ts';
import { POLICY_ANNOTATIONS } from '../../src/kube/annotations.ts';
import { FAILURE_CAUSES } from '../../src/rollout/explain.ts';
import { counters, gauges, histograms, type MetricDefinition } from '../../src/server/metric-names.ts';
import { flagsIn, helpOf } from '../commands/help.ts';
import { repositoryRoot } from './repository.ts';

// What users type and look for is a contract: the names come from the program and are looked up in the pages, or the other
// way round. Where on which page they stand, and the words around them, are free.

const readText = (path: string) => readFileSync(join(repositoryRoot, path), 'utf8');
const manual = ['README.md', ...globSync('docs/**/*.md', { cwd: repositoryRoot })];
const pages = [...manual, 'CONTRIBUTING.md'];

/** The first cell of every row of the page's tables that begins with code. */
function firstCells(page: string): readonly string[] {
  return readText(page)
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split(/(?<!\\)\|/)[1]?.trim() ?? '');
}

test('docs: README → every flag of run in a table, and no other', async () => {
  const named = firstCells('README.md')
    .filter((cell) => cell.startsWith('`-'))
    .flatMap(flagsIn);
  const offered = flagsIn(await helpOf('run')).filter((flag) => flag !== '--help');
  assert.deepEqual(named.toSorted(), offered);
});

test('docs: README → every command in a table, and no other', async () => {
  const named = firstCells('README.md').flatMap((cell) => /^`([a-z]+)/.exec(cell)?.[1] ?? []);
  const list = (await helpOf()).split('Commands:')[1] ?? '';
  const offered = [...list.matchAll(/^ {2}([a-z]+)/gm)].map((match) => match[1]).filter((name) => name !== 'help');
  assert.deepEqual(named.toSorted(), offered.toSorted());
});

test('docs: every event, cause, annotation and metric with its labels → explained on some page', () => {
  const text = manual.map(readText).join('\n');
  const metrics: MetricDefinition[] = [counters, gauges, histograms].flatMap((table) => Object.values(table));
  const rows = metrics.map(({ name, labels = [] }) => {
    // Said once above each table.
    const others = labels.filter((label) => !['namespace', 'daemonset', 'lane'].includes(label));
    return `${name}${others.length === 0 ? '' : `{${others.join()}}`}`;
  });
  const words = [...Object.values(REASONS), ...FAILURE_CAUSES, ...POLICY_ANNOTATIONS, ...rows];
  assert.ok(rows.length > 0);
  assert.deepEqual(
    words.filter((word) => !text.includes(`\`${word}\``)),
    [],
  );
});

test('docs: every metric that a page names → exists', () => {
  const names = new Set(
    [counters, gauges, histograms].flatMap((table) => Object.values(table).map(({ name }) => name)),
  );
  const problems = manual.flatMap((page) =>
    (readText(page).match(/\b(?:daemonpodupdater|leader_election|workqueue|rest_client)_\w+\b(?!\*)/g) ?? [])
      .filter((name) => !names.has(name))
      .map((name) => `${page}: ${name}`),
  );
  assert.deepEqual(problems, []);
});

test('docs: npm scripts that a page names → exist', () => {
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
