import assert from 'node:assert/strict';
import dns from 'node:dns';
import { createServer as createTcpServer } from 'node:net';
import { test } from 'node:test';
import { clientOf, DELETE, GET } from './api-client.ts';
import { eventually, serve } from './local-server.ts';

test('api: no answer in time → timeout, sent; one that waits for a connection → timeout, not sent', async (t) => {
  const server = await serve(t, () => {});
  const client = clientOf(t, server.url, { connectionsMax: 1 });
  const [sent, waiting] = await Promise.all([
    client.request({ ...GET, timeoutMs: 3000 }),
    client.request({ ...GET, timeoutMs: 50 }),
  ]);
  assert.deepEqual([sent.kind === 'failure' && sent.code, sent.kind === 'failure' && sent.wasSent], ['timeout', true]);
  assert.deepEqual(
    [waiting.kind === 'failure' && waiting.code, waiting.kind === 'failure' && waiting.wasSent],
    ['timeout', false],
  );
  assert.equal(server.requests.length, 1);
});

test('api: connection refused → that code, not sent', async (t) => {
  const server = await serve(t, () => {});
  server.close();
  const response = await clientOf(t, server.url).request(DELETE);
  assert.deepEqual(response.kind === 'failure' && [response.code, response.wasSent], ['connection-refused', false]);
});

test('api: the connection breaks after the request left → connection-lost, sent', async (t) => {
  const server = await serve(t, (request) => request.socket.destroy());
  const response = await clientOf(t, server.url).request(DELETE);
  assert.deepEqual(response.kind === 'failure' && [response.code, response.wasSent], ['connection-lost', true]);
});

test('api: not HTTP → malformed', async (t) => {
  const server = createTcpServer((socket) => socket.on('error', () => {}).end('hello, this is not HTTP\r\n\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const response = await clientOf(t, url).request(GET);
  assert.equal(response.kind === 'failure' && response.code, 'malformed');
});

test('api: a host that does not exist → dns, not sent', async (t) => {
  // The machine's resolver may be slower than the request's time, or not there.
  t.mock.method(dns, 'lookup', (_host: string, _options: object, done: (error: Error) => void) =>
    setImmediate(done, Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })),
  );
  const response = await clientOf(t, 'http://does-not-exist.invalid').request(GET);
  assert.deepEqual(response.kind === 'failure' && [response.code, response.wasSent], ['dns', false]);
});

test('api: the signal aborts → aborted, before and while it is sent', async (t) => {
  const server = await serve(t, () => {});
  const client = clientOf(t, server.url);
  const before = await client.request({ ...GET, signal: AbortSignal.abort() });
  const controller = new AbortController();
  const pending = client.request({ ...GET, signal: controller.signal });
  await eventually('the request arrived', () => server.requests.length === 1);
  controller.abort();
  const during = await pending;
  assert.deepEqual(
    [before.kind === 'failure' && before.code, before.kind === 'failure' && before.wasSent],
    ['aborted', false],
  );
  assert.deepEqual(
    [during.kind === 'failure' && during.code, during.kind === 'failure' && during.wasSent],
    ['aborted', true],
  );
});

test('api: an answer that is larger than allowed → too-large, and no more is read', async (t) => {
  let written = 0;
  const server = await serve(t, (request, response) => {
    const block = Buffer.alloc(1024 * 1024);
    const write = () => {
      while (!request.socket.destroyed && written++ < 500 && response.write(block));
      if (!request.socket.destroyed && written < 500) response.once('drain', write);
    };
    write();
  });
  const response = await clientOf(t, server.url).request({ ...GET, timeoutMs: 20_000 });
  assert.equal(response.kind === 'failure' && response.code, 'too-large');
  // 4 MiB, and what is on its way in sockets and buffers.
  assert.ok(written < 30, `${written} MiB`);
});

test('api: an unwanted answer that never ends → answered by its status', async (t) => {
  const server = await serve(t, (request, response) => {
    const block = Buffer.alloc(256 * 1024);
    const write = () => {
      while (!request.socket.destroyed && response.write(block));
      if (!request.socket.destroyed) response.once('drain', write);
    };
    write();
  });
  const response = await clientOf(t, server.url).request(DELETE);
  assert.equal(response.kind === 'answer' && response.status, 200);
});

test('api: an answer in gzip that nobody asked for → malformed', async (t) => {
  const server = await serve(t, (request, response) => {
    assert.equal(request.headers['accept-encoding'], undefined);
    response.setHeader('content-encoding', 'gzip').end('bomb');
  });
  const response = await clientOf(t, server.url).request(GET);
  assert.equal(response.kind === 'failure' && response.code, 'malformed');
});

test('api: a path that is not one → a failure, not sent', async (t) => {
  const server = await serve(t, (_request, response) => void response.end());
  const response = await clientOf(t, server.url).request({ ...GET, path: '/a b\n' });
  assert.deepEqual(response.kind === 'failure' && response.wasSent, false);
  assert.equal(server.requests.length, 0);
});
