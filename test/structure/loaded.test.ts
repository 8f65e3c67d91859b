import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { test } from 'node:test';

// Megabytes and time in every thread.
const never = [
  ...['@kubernetes/client-node', 'piscina', 'prom-client', 'pino', 'pino-pretty'].map(
    (name) => `/node_modules/${name}/`,
  ),
  ...['dispatch', 'rollout', 'cache'].map((room) => `/src/${room}/`),
];

test('structure: what a thread loads → no library and no room of the main thread', async () => {
  const loaded: string[] = [];
  const hooks = registerHooks({
    load(url, context, nextLoad) {
      loaded.push(url);
      return nextLoad(url, context);
    },
  });
  await import('../../workers/lane.ts');
  hooks.deregister();
  assert.ok(
    loaded.some((url) => url.endsWith('/src/client/api.ts')),
    `loaded: ${loaded.join('\n')}`,
  );
  assert.deepEqual(
    loaded.filter((url) => never.some((part) => url.includes(part))),
    [],
  );
});
