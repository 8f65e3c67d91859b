import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { test } from 'node:test';
import { HttpServer, textResponse } from '../../src/server/http-server.ts';

test('server: no file can be opened at the first request → its connection ends and the log says why, the next one is answered', async (t) => {
  const errors: string[] = [];
  const server = new HttpServer({
    address: { host: '127.0.0.1', port: 0 },
    routes: [{ method: 'GET', path: '/healthz', handle: () => textResponse(200, 'ok') }],
    onError: (message) => errors.push(message),
  });
  const { port } = await server.listen();
  t.after(() => server.close());
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      if (specifier === 'hono') throw new Error('EMFILE: too many open files');
      return nextResolve(specifier, context);
    },
  });
  await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`));
  hooks.deregister();
  assert.deepEqual(errors, ['cannot load hono: EMFILE: too many open files']);
  assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
});
