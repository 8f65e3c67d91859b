import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { listRepositoryFiles, repositoryRoot } from './repository.ts';

/** Text that ties the repository to one machine or one package host. */
const foreignText: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  { what: 'absolute path of a machine', pattern: /(?<![\w.~/}-])\/(?:root|work|home|Users)\/[\w.-]+/ },
  {
    what: 'registry host',
    pattern:
      /\b(?:registry\.npmjs\.org|registry\.yarnpkg\.com|registry-1\.docker\.io|docker\.io|ghcr\.io|k8s\.gcr\.io|gcr\.io\/|quay\.io|registry\.k8s\.io|proxy\.golang\.org|sum\.golang\.org|mcr\.microsoft\.com)/,
  },
  {
    what: 'loopback or private package host',
    pattern: /\bhttps?:\/\/[\w.:-]+\/(?:npm|artifactory|nexus|repository)\b/,
  },
];

test('structure: files of the repository → no machine paths and no registry hosts', () => {
  const texts = listRepositoryFiles().filter((path) => !/\.(png|gz|zip|cpuprofile|bin)$/.test(path));
  assert.ok(texts.length > 100, `only ${texts.length} files found`);
  const problems = texts.flatMap((path) => {
    const lines = readFileSync(join(repositoryRoot, path), 'utf8').split('\n');
    return lines.flatMap((line, index) =>
      foreignText
        .filter(({ pattern }) => pattern.test(line))
        .map(({ what }) => `${path}:${index + 1} ${what}: ${line.trim().slice(0, 100)}`),
    );
  });
  assert.equal(problems.length, 0, `A checkout must work anywhere:\n  ${problems.join('\n  ')}`);
});
