import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { REASONS } from '../../src/controller/statements.ts';
import { POLICY_ANNOTATIONS } from '../../src/kube/annotations.ts';
import { FAILURE_CAUSES } from '../../src/rollout/explain.ts';
import { counters, gauges } from '../../src/server/metric-names.ts';
import { repositoryRoot } from './source-files.ts';

const page = readFileSync(join(repositoryRoot, 'docs/operations.md'), 'utf8');

test('operations: every event, cause and annotation → explained', () => {
  const missing = [...Object.values(REASONS), ...FAILURE_CAUSES, ...POLICY_ANNOTATIONS].filter(
    (word) => !page.includes(`\`${word}\``),
  );
  assert.deepEqual(missing, []);
});

test('operations: every metric of a rollout → explained; every metric that is named → exists', () => {
  const names = [...Object.values(counters), ...Object.values(gauges)].map(({ name }) => name as string);
  const rollout = names.filter((name) => name.startsWith('daemonpodupdater_rollout_'));
  const missing = rollout.filter(
    (name) => !page.includes(name) && !page.includes(name.replace('daemonpodupdater_rollout', '`')),
  );
  assert.deepEqual(missing, []);
  const named = new Set(page.match(/\b(?:daemonpodupdater|leader)_[a-z_]+[a-z]\b/g));
  named.delete('daemonpodupdater_rollout');
  assert.deepEqual(
    [...named].filter((name) => !names.includes(name)),
    [],
  );
});
