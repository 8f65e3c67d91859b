import assert from 'node:assert/strict';
import { createServer as createTcpServer } from 'node:net';
import { test } from 'node:test';
import { ApiClient, type ApiClientOptions, type ApiRequest, type RequestReport } from '../../src/client/api.ts';
import { StreamFailure } from '../../src/client/failure.ts';
import { deletePodRequest, markPodRequest } from '../../src/client/requests.ts';
import { makeCertificate } from './certificates.ts';
import { connectionTo, eventually, serve } from './local-server.ts';

type Context = Parameters<typeof serve>[0];

function clientOf(t: Context, url: string, options: Partial<ApiClientOptions> = {}): ApiClient {
  const client = new ApiClient({ connection: connectionTo(url), connectionsMax: 2, ...options });
  t.after(() => client.close());
  return client;
}

const GET: ApiRequest = {
  method: 'GET',
  path: '/api/v1/pods',
  timeoutMs: 5000,
  shouldReadBody: true,
  labels: { verb: 'list', resource: 'pods' },
};
const DELETE = deletePodRequest({ namespace: 'ns', name: 'pod', uid: 'u1', timeoutMs: 5000 });

test('api: a request → path, query, headers and body as asked for; the answer comes back', async (t) => {
  const seen: unknown[] = [];
  const server = await serve(t, (request, response, body) => {
    const { authorization, accept, 'user-agent': agent, 'content-type': type } = request.headers;
    seen.push({ url: request.url, authorization, accept, agent, type, body });
    response.setHeader('content-type', 'application/json').setHeader('retry-after', '3').end('{"ok":1}');
  });
  const client = clientOf(t, `${server.url}/prefix`);
  const response = await client.request({
    ...GET,
    method: 'POST',
    query: { labelSelector: 'a=b,c in (d)', empty: '' },
    body: 'text',
    contentType: 'text/plain',
  });
  assert.deepEqual(seen, [
    {
      url: '/prefix/api/v1/pods?labelSelector=a%3Db%2Cc%20in%20(d)',
      authorization: 'Bearer planted-secret',
      accept: 'application/json',
      agent: 'test/1',
      type: 'text/plain',
      body: 'text',
    },
  ]);
  assert.equal(response.kind, 'answer');
  assert.ok(response.kind === 'answer');
  assert.equal(response.status, 200);
  assert.equal(response.retryAfterMs, 3000);
  assert.equal(Buffer.from(response.body).toString(), '{"ok":1}');
});

test('api: 100 DELETEs with a body → the connection is used again', async (t) => {
  const bodies: string[] = [];
  const server = await serve(t, (_request, response, body) => {
    bodies.push(body);
    response.end('{"kind":"PartialObjectMetadata"}');
  });
  const client = clientOf(t, server.url, { connectionsMax: 1 });
  for (let i = 0; i < 100; i++) {
    const response = await client.request(DELETE);
    assert.equal(response.kind === 'answer' && response.status, 200);
    assert.equal(response.kind === 'answer' && response.body.length, 0);
  }
  assert.equal(server.connectionCount(), 1);
  assert.match(bodies[0] ?? '', /"preconditions":\{"uid":"u1"\}/);
});

test('api: a refusal of a write → its body is kept although success bodies are not', async (t) => {
  const server = await serve(t, (_request, response) => {
    response.statusCode = 409;
    response.end('{"kind":"Status"}');
  });
  const response = await clientOf(t, server.url).request(DELETE);
  assert.equal(response.kind === 'answer' && Buffer.from(response.body).toString(), '{"kind":"Status"}');
});

test('api: more requests than connections → they wait, no more connections', async (t) => {
  const waiting: (() => void)[] = [];
  let waitingMax = 0;
  const server = await serve(t, (_request, response) => {
    waiting.push(() => response.end());
    waitingMax = Math.max(waitingMax, waiting.length);
    if (waiting.length >= 2) for (const end of waiting.splice(0)) end();
  });
  const client = clientOf(t, server.url, { connectionsMax: 2 });
  await Promise.all(Array.from({ length: 50 }, () => client.request(GET)));
  assert.equal(server.connectionCount(), 2);
  assert.equal(waitingMax, 2);
});

test('api: no answer in time → timeout, sent; one that waits for a connection → timeout, not sent', async (t) => {
  const server = await serve(t, () => {});
  const client = clientOf(t, server.url, { connectionsMax: 1 });
  const [sent, waiting] = await Promise.all([
    client.request({ ...GET, timeoutMs: 150 }),
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
      while (!request.socket.destroyed && written < 500 && response.write(block)) written++;
      if (!request.socket.destroyed && written < 500) response.once('drain', write);
    };
    write();
  });
  const response = await clientOf(t, server.url).request({ ...GET, timeoutMs: 20_000 });
  assert.equal(response.kind === 'failure' && response.code, 'too-large');
  assert.ok(written < 300);
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

test('api: metrics hook and 401 → reported once each', async (t) => {
  const server = await serve(t, (_request, response) => {
    response.statusCode = 401;
    response.end();
  });
  const reports: RequestReport[] = [];
  let refusedCount = 0;
  const client = clientOf(t, server.url, {
    onRequest: (report) => reports.push(report),
    onUnauthorized: () => refusedCount++,
  });
  await client.request(GET);
  assert.deepEqual(
    reports.map(({ verb, resource, code }) => ({ verb, resource, code })),
    [{ verb: 'list', resource: 'pods', code: '401' }],
  );
  assert.equal(refusedCount, 1);
});

test('api: new token → used at once, on the same connection', async (t) => {
  const tokens: (string | undefined)[] = [];
  const server = await serve(t, (request, response) => {
    tokens.push(request.headers.authorization);
    response.end();
  });
  const client = clientOf(t, server.url, { connectionsMax: 1 });
  await client.request(GET);
  client.setConnection(connectionTo(server.url, { authorization: 'Bearer new' }));
  await client.request(GET);
  assert.deepEqual(tokens, ['Bearer planted-secret', 'Bearer new']);
  assert.equal(server.connectionCount(), 1);
});

test('api: new endpoint while a request is in flight → that one ends well, the next goes to the new one', async (t) => {
  let release: (() => void) | undefined;
  const old = await serve(t, (_request, response) => {
    release = () => response.end('old');
  });
  const fresh = await serve(t, (_request, response) => void response.end('new'));
  const client = clientOf(t, old.url);
  const first = client.request(GET);
  await eventually('the request arrived', () => release !== undefined);
  client.setConnection(connectionTo(fresh.url));
  const second = await client.request(GET);
  release?.();
  const bodies = [await first, second].map((response) =>
    response.kind === 'answer' ? Buffer.from(response.body).toString() : response.code,
  );
  assert.deepEqual(bodies, ['old', 'new']);
});

test('api: stream → chunks as they come, then the end; requests are not held up by many streams', async (t) => {
  const server = await serve(t, (request, response) => {
    if (request.url === '/quick') return void response.end('quick');
    response.write('one');
    setImmediate(() => response.write('two', () => response.end('three')));
  });
  const client = clientOf(t, server.url, { connectionsMax: 1 });
  const streams = await Promise.all(Array.from({ length: 10 }, () => client.stream(GET)));
  const quick = await client.request({ ...GET, path: '/quick' });
  assert.equal(quick.kind === 'answer' && quick.status, 200);
  for (const stream of streams) {
    assert.ok(stream.kind === 'stream');
    let text = '';
    for await (const chunk of stream.body) text += Buffer.from(chunk).toString();
    assert.equal(text, 'onetwothree');
  }
});

test('api: stream that breaks → the iterator throws its code', async (t) => {
  const server = await serve(t, (request, response) => {
    response.write('one', () => setImmediate(() => request.socket.destroy()));
  });
  const stream = await clientOf(t, server.url).stream(GET);
  assert.ok(stream.kind === 'stream');
  await assert.rejects(
    async () => {
      for await (const _chunk of stream.body);
    },
    (error) => error instanceof StreamFailure && error.code === 'connection-lost',
  );
});

test('api: stream is left or takes too long → the connection is closed', async (t) => {
  let closed = 0;
  const server = await serve(t, (request, response) => {
    request.socket.on('close', () => closed++);
    response.write('one');
  });
  const client = clientOf(t, server.url);
  const left = await client.stream(GET);
  assert.ok(left.kind === 'stream');
  for await (const _chunk of left.body) break;
  const late = await client.stream({ ...GET, timeoutMs: 100 });
  assert.ok(late.kind === 'stream');
  await assert.rejects(
    async () => {
      for await (const _chunk of late.body);
    },
    (error) => error instanceof StreamFailure && error.code === 'timeout',
  );
  await eventually('both are closed', () => closed === 2);
});

test('api: stream with a slow reader → the server is held back', async (t) => {
  let written = 0;
  const server = await serve(t, (request, response) => {
    const block = Buffer.alloc(64 * 1024);
    const write = () => {
      let isFlowing = true;
      while (isFlowing && !request.socket.destroyed && written < 2000) {
        isFlowing = response.write(block);
        written++;
      }
      if (!request.socket.destroyed && written < 2000) response.once('drain', write);
    };
    write();
  });
  const stream = await clientOf(t, server.url).stream(GET);
  assert.ok(stream.kind === 'stream');
  let last = -1;
  let steadyCount = 0;
  await eventually('the server writes no more', () => {
    steadyCount = written === last && written > 0 ? steadyCount + 1 : 0;
    last = written;
    return steadyCount > 30;
  });
  assert.ok(written < 1000, `wrote ${written} blocks`);
  stream.abort();
});

test('api: close while a stream is open → the stream ends as aborted', async (t) => {
  const server = await serve(t, (_request, response) => void response.write('one'));
  const client = new ApiClient({ connection: connectionTo(server.url), connectionsMax: 1 });
  const stream = await client.stream(GET);
  assert.ok(stream.kind === 'stream');
  await client.close();
  await assert.rejects(
    async () => {
      for await (const _chunk of stream.body);
    },
    (error) => error instanceof StreamFailure && error.code === 'aborted',
  );
  const after = await client.request(GET);
  assert.deepEqual(after.kind === 'failure' && [after.code, after.wasSent], ['aborted', false]);
});

test('api: a path that is not one → a failure, not sent', async (t) => {
  const server = await serve(t, (_request, response) => void response.end());
  const response = await clientOf(t, server.url).request({ ...GET, path: '/a b\n' });
  assert.deepEqual(response.kind === 'failure' && response.wasSent, false);
  assert.equal(server.requests.length, 0);
});

const MARK = markPodRequest({
  namespace: 'ns',
  name: 'pod',
  uid: 'u',
  needsUpgrade: true,
  hash: 'abc',
  lastTransitionTime: '2026-08-01T10:00:00Z',
  timeoutMs: 5000,
});

test('api: TLS with CA, server name, client certificate → trusted; without → tls', async (t) => {
  const ca = makeCertificate({ name: 'test-ca' });
  const { certPem, keyPem } = makeCertificate({ name: 'kubernetes.test', issuer: ca });
  const caPem = ca.certPem;
  const tls = { cert: certPem, key: keyPem, ca: caPem, requestCert: true, rejectUnauthorized: true };
  const server = await serve(t, (_request, response) => void response.end('{}'), tls);
  const own = { caPem, certPem, keyPem, serverName: 'kubernetes.test' };
  const ask = async (changes: object) => {
    const client = clientOf(t, server.url, { connection: connectionTo(server.url, changes) });
    const response = await client.request(MARK);
    return response.kind === 'answer' ? response.status : response.code;
  };
  assert.equal(await ask(own), 200);
  assert.equal(await ask({ ...own, serverName: undefined }), 'tls');
  assert.equal(await ask({ ...own, caPem: undefined }), 'tls');
  assert.equal(await ask({ ...own, serverName: undefined, caPem: undefined, isTlsVerified: false }), 200);
});

test('api: proxy → the request goes through it', async (t) => {
  const server = await serve(t, (_request, response) => void response.end('{}'));
  const proxy = await serve(t, (_request, response) => void response.end('from the proxy'));
  const connection = connectionTo(server.url, { proxyUrl: proxy.url });
  const response = await clientOf(t, server.url, { connection }).request(GET);
  assert.equal(response.kind === 'answer' && Buffer.from(response.body).toString(), 'from the proxy');
  assert.deepEqual(server.requests, []);
  assert.deepEqual(proxy.requests, [`GET ${server.url}/api/v1/pods`]);
});
