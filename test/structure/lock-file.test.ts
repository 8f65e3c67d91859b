import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from './source-files.ts';

interface LockEntry {
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lock: { readonly packages: Readonly<Record<string, LockEntry>> } = JSON.parse(
  readFileSync(join(repositoryRoot, 'package-lock.json'), 'utf8'),
);
const entries = Object.entries(lock.packages);

/** As Node looks for it: in the package's own node_modules, then in those of each package around it. */
function isLocked(dependency: string, from: string): boolean {
  if (`${from === '' ? '' : `${from}/`}node_modules/${dependency}` in lock.packages) return true;
  if (from === '') return false;
  return isLocked(dependency, from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))));
}

test('package-lock.json: entries → name no host', () => {
  const problems = entries.filter(([, entry]) => entry.resolved !== undefined).map(([path]) => path);
  assert.deepEqual(problems, [], 'install again with omit-lockfile-registry-resolved=true, as .npmrc has it');
});

test('package-lock.json: every dependency, those for other platforms too → is locked, or `npm ci` refuses to work', () => {
  const problems = entries.flatMap(([path, entry]) =>
    Object.keys({ ...entry.dependencies, ...entry.devDependencies, ...entry.optionalDependencies })
      .filter((dependency) => !isLocked(dependency, path))
      .map((dependency) => `${dependency}, needed by ${path || 'package.json'}`),
  );
  assert.deepEqual(problems, []);
});
