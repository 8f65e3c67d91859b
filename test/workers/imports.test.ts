import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

/** Packages and files that a module loads, followed through this project's own files; type-only imports load nothing. */
function loadedBy(entry: URL, seen = new Set<string>()): Set<string> {
  if (seen.has(entry.href)) return seen;
  seen.add(entry.href);
  for (const [, specifier = ''] of readFileSync(entry, 'utf8').matchAll(
    /^(?:import|export) (?!type )[^;]*?'([^']+)';/gms,
  )) {
    if (specifier.startsWith('.')) loadedBy(new URL(specifier, entry), seen);
    else seen.add(specifier);
  }
  return seen;
}

test('workers: what a lane loads → never @kubernetes/client-node, piscina or the dispatcher (megabytes and time in every thread)', () => {
  const loaded = [...loadedBy(new URL('../../workers/lane.ts', import.meta.url))];
  assert.ok(loaded.includes('comlink') && loaded.some((file) => file.endsWith('src/client/api.ts')), `${loaded}`);
  const unwanted = loaded.filter((name) =>
    /client-node|^piscina|prom-client|^pino|src\/(dispatch|rollout|cache)\//.test(name),
  );
  assert.deepEqual(unwanted, []);
});
