import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { REASONS } from '../../src/controller/statements.ts';
import { POLICY_ANNOTATIONS } from '../../src/kube/annotations.ts';
import { FAILURE_CAUSES } from '../../src/rollout/explain.ts';
import { counters, gauges, histograms, type MetricDefinition } from '../../src/server/metric-names.ts';
import { repositoryRoot } from './source-files.ts';

const page = readFileSync(join(repositoryRoot, 'docs/operations.md'), 'utf8');

test('operations: every event, cause and annotation → explained', () => {
  const missing = [...Object.values(REASONS), ...FAILURE_CAUSES, ...POLICY_ANNOTATIONS].filter(
    (word) => !page.includes(`\`${word}\``),
  );
  assert.deepEqual(missing, []);
});

test('operations: every metric → explained, with its labels; every metric that a page names → exists', () => {
  const metrics: MetricDefinition[] = [counters, gauges, histograms].flatMap((table) => Object.values(table));
  const rows = metrics.map(({ name, labels = [] }) => {
    // Said once above each table.
    const others = labels.filter((label) => !['namespace', 'daemonset', 'lane'].includes(label));
    return `| \`${name}${others.length === 0 ? '' : `{${others.join()}}`}\` |`;
  });
  assert.deepEqual(
    rows.filter((row) => !page.includes(row)),
    [],
  );
  const names = new Set(metrics.map(({ name }) => name));
  const pages = ['README.md', ...globSync('docs/**/*.md', { cwd: repositoryRoot })];
  const unknown = pages.flatMap((file) => {
    const text = readFileSync(join(repositoryRoot, file), 'utf8');
    const named = text.match(/\b(?:daemonpodupdater|leader_election|workqueue|rest_client)_\w+\b(?!\*)/g) ?? [];
    return named.filter((name) => !names.has(name)).map((name) => `${file}: ${name}`);
  });
  assert.deepEqual(unknown, []);
});
