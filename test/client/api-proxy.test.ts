import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { clientOf, GET } from './api-client.ts';
import { makeCertificate } from './certificates.ts';
import { connectionTo, serve } from './local-server.ts';

/** An HTTP proxy that opens tunnels for whoever has the right password, and answers others with `refusal`. */
async function tunnelProxy(t: TestContext, refusal?: number) {
  const tunnels: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer();
  const keep = (socket: Socket): void => {
    sockets.add(socket.on('error', () => {}));
  };
  server.on('connection', keep);
  server.on('connect', (request, socket: Socket, head) => {
    tunnels.push(`${request.url} ${request.headers['proxy-authorization'] ?? 'nobody'}`);
    if (refusal !== undefined) return void socket.end(`HTTP/1.1 ${refusal} No\r\n\r\n`);
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    keep(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, tunnels };
}

async function tlsServer(t: TestContext) {
  const ca = makeCertificate({ name: 'test-ca' });
  const { certPem, keyPem } = makeCertificate({ name: 'kubernetes.test', issuer: ca });
  const server = await serve(t, (_request, response) => void response.end('{}'), { cert: certPem, key: keyPem });
  return { server, trust: { caPem: ca.certPem, serverName: 'kubernetes.test' } };
}

test('api: TLS through a proxy → tunnelled, requests and streams, with its password and the API server verified', async (t) => {
  const { server, trust } = await tlsServer(t);
  const proxy = await tunnelProxy(t);
  const keepAlive = t.mock.method(Socket.prototype, 'setKeepAlive');
  const proxyUrl = `http://me:pass%20word@127.0.0.1:${proxy.port}`;
  const client = clientOf(t, server.url, { connection: connectionTo(server.url, { ...trust, proxyUrl }) });
  const response = await client.request(GET);
  assert.equal(response.kind === 'answer' && response.status, 200, JSON.stringify(response));
  const stream = await client.stream(GET);
  assert.equal(stream.kind === 'stream' && stream.status, 200);
  if (stream.kind === 'stream') stream.abort();
  const tunnel = `${new URL(server.url).host} Basic ${Buffer.from('me:pass word').toString('base64')}`;
  assert.deepEqual(proxy.tunnels, [tunnel, tunnel]);
  assert.deepEqual(server.requests, ['GET /api/v1/pods', 'GET /api/v1/pods']);
  const delays = keepAlive.mock.calls.flatMap((call) => (call.arguments[0] === true ? [call.arguments[1]] : []));
  assert.ok(delays.includes(30_000), `a dead proxy is noticed: ${delays}`);

  const untrusted = clientOf(t, server.url, { connection: connectionTo(server.url, { proxyUrl }) });
  const refused = await untrusted.request(GET);
  assert.equal(refused.kind === 'failure' && refused.code, 'tls');
});

for (const refusal of [403, 407, 502]) {
  test(`api: the proxy answers ${refusal} instead of a tunnel → proxy, saying so`, async (t) => {
    const { server, trust } = await tlsServer(t);
    const proxy = await tunnelProxy(t, refusal);
    const proxyUrl = `http://127.0.0.1:${proxy.port}`;
    const client = clientOf(t, server.url, { connection: connectionTo(server.url, { ...trust, proxyUrl }) });
    for (const answer of [await client.request(GET), await client.stream(GET)]) {
      assert.equal(answer.kind === 'failure' && answer.code, 'proxy');
      assert.match(
        answer.kind === 'failure' ? answer.message : '',
        new RegExp(`proxy does not let through.*${refusal}`),
      );
    }
  });
}

test('api: direct connections → TCP asks after 30 s of silence whether the peer is there', async (t) => {
  const keepAlive = t.mock.method(Socket.prototype, 'setKeepAlive');
  const server = await serve(t, (_request, response) => void response.end('{}'));
  await clientOf(t, server.url).request(GET);
  assert.ok(keepAlive.mock.calls.some((call) => call.arguments[0] === true && call.arguments[1] === 30_000));
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
