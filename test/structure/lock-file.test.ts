import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from './repository.ts';

interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
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

const installed = entries.filter(([path]) => path !== '');

test('package-lock.json: every package → one version from the registry, with its SHA-512', () => {
  const problems = installed.filter(
    ([, { version = '', integrity = '' }]) =>
      !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version) || !/^sha512-[\w+/]{86}==$/.test(integrity),
  );
  assert.deepEqual(
    problems.map(([path]) => path),
    [],
  );
});

test('package-lock.json: scripts that run at the installation → none', () => {
  const scripts = installed.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path);
  assert.deepEqual(scripts, [], 'the image is built without them (deploy/Dockerfile): take another package');
});

test('package.json: every direct dependency → one exact version', () => {
  const root = lock.packages[''];
  const direct = { ...root?.dependencies, ...root?.devDependencies, ...root?.optionalDependencies };
  assert.ok(Object.keys(direct).length > 0);
  const ranges = Object.entries(direct).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
  assert.deepEqual(ranges, []);
});

test('package.json: dependencies of the program → all in a table of docs/security.md, and no other', () => {
  const page = readFileSync(join(repositoryRoot, 'docs/security.md'), 'utf8');
  const listed = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);
  const direct = Object.keys(lock.packages['']?.dependencies ?? {});
  assert.deepEqual(listed.toSorted(), direct.toSorted());
});
