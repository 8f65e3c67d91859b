import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { parseBindAddress } from '../../src/server/bind-address.ts';
import { HttpServer, textResponse } from '../../src/server/http-server.ts';
import { healthRoutes, metricsRoute } from '../../src/server/routes.ts';

let problem: string | undefined;
const errors: string[] = [];
const server = new HttpServer({
  address: { host: '127.0.0.1', port: 0 },
  routes: [
    ...healthRoutes({
      live: [{ name: 'lanes', problem: () => undefined }],
      ready: [
        { name: 'lanes', problem: () => undefined },
        { name: 'caches', problem: () => problem },
      ],
    }),
    metricsRoute({ contentType: 'text/plain; version=0.0.4; charset=utf-8', text: async () => 'up 1\n' }),
    {
      method: 'GET',
      path: '/broken',
      handle: () => {
        throw new Error('secret detail');
      },
    },
    { method: 'GET', path: '/query', handle: ({ query }) => textResponse(200, query.get('a') ?? '') },
    { method: 'PUT', path: '/query', handle: () => textResponse(200, 'put') },
  ],
  onError: (message) => errors.push(message),
});
let base = '';
let port = 0;

before(async () => {
  ({ port } = await server.listen());
  base = `http://127.0.0.1:${port}`;
});
after(() => server.close());

async function get(path: string, init?: RequestInit): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await fetch(base + path, init);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

const pages: readonly { method?: string; path: string; status: number; text: string }[] = [
  { path: '/healthz', status: 200, text: 'ok\n' },
  { path: '/livez', status: 200, text: 'ok\n' },
  { path: '/healthz?verbose', status: 200, text: '[+]lanes ok\nhealthz check passed\n' },
  { path: '/livez?verbose', status: 200, text: '[+]lanes ok\nlivez check passed\n' },
  { path: '/readyz', status: 200, text: 'ok\n' },
  { path: '/metrics', status: 200, text: 'up 1\n' },
  { path: '/query?a=b', status: 200, text: 'b\n' },
  { method: 'PUT', path: '/query', status: 200, text: 'put\n' },
  { method: 'HEAD', path: '/healthz', status: 200, text: '' },
  { path: '/', status: 404, text: 'no such page\n' },
  { path: '/healthz/', status: 404, text: 'no such page\n' },
  { method: 'POST', path: '/metrics', status: 405, text: 'use GET\n' },
  { method: 'DELETE', path: '/query', status: 405, text: 'use GET, PUT\n' },
  { path: `/healthz?${'a'.repeat(2048)}`, status: 414, text: 'the URL is too long\n' },
];
for (const { method = 'GET', path, status, text } of pages) {
  test(`server: ${method} ${path.slice(0, 40)} → ${status}`, async () => {
    const response = await get(path, { method });
    assert.equal(response.status, status);
    assert.equal(response.text, text);
  });
}

test('server: a check fails → 503, and each check says what is so', async () => {
  problem = 'pods of edge/agent are not listed yet';
  const response = await get('/readyz');
  const alive = await get('/healthz');
  problem = undefined;
  assert.equal(response.status, 503);
  assert.equal(alive.status, 200, 'not ready is no reason to restart');
  assert.equal(
    response.text,
    '[+]lanes ok\n[-]caches failed: pods of edge/agent are not listed yet\nreadyz check failed\n',
  );
});

test('server: 405 → names what is allowed', async () => {
  assert.equal((await get('/query', { method: 'POST' })).headers.get('allow'), 'GET, PUT');
});

test('server: a route throws → 500 without the detail, which goes to the log', async () => {
  const response = await get('/broken');
  assert.equal(response.status, 500);
  assert.doesNotMatch(response.text, /secret/);
  assert.deepEqual(errors, ['GET /broken: secret detail']);
});

test('server: headers beyond 8 KiB → 431', async () => {
  assert.equal((await get('/healthz', { headers: { long: 'a'.repeat(9000) } })).status, 431);
});

function say(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => (received += chunk));
    socket.on('close', () => resolve(received));
    socket.on('error', reject);
  });
}

test('server: HTTP/1.0 without a Host, as simple probes ask → the page', async () => {
  assert.match(await say('GET /healthz HTTP/1.0\r\n\r\n'), /^HTTP\/1.1 200 [\s\S]*\r\n\r\nok\n$/);
});

test('server: HEAD → the length of the page, no bytes of it', async () => {
  const text = await say('HEAD /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  assert.match(text, /content-length: 3\r\n[\s\S]*\r\n\r\n$/i);
});

test('server: another spelling of a path → no such page', async () => {
  for (const path of ['/%68ealthz', '/./healthz', '//healthz', '/healthz#a', '/healthz%20'])
    assert.match(await say(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`), /^HTTP\/1.1 404 /, path);
});

test('server: garbage on the line → 400, and it goes on', async () => {
  const text = await say('\x16\x03\x01 not http\r\n\r\n');
  assert.match(text, /^HTTP\/1.1 400/);
  assert.equal((await get('/healthz')).status, 200);
});

test('server: the port is taken → an error that names the address', async () => {
  const second = new HttpServer({ address: { host: '127.0.0.1', port }, routes: [], onError: () => {} });
  await assert.rejects(second.listen(), { message: `cannot listen on 127.0.0.1:${port}: EADDRINUSE` });
});

const addresses: readonly { text: string; expected: unknown }[] = [
  { text: ':8080', expected: { host: '', port: 8080 } },
  { text: '127.0.0.1:0', expected: { host: '127.0.0.1', port: 0 } },
  { text: 'localhost:8081', expected: { host: 'localhost', port: 8081 } },
  { text: '[::1]:8081', expected: { host: '::1', port: 8081 } },
  { text: '0', expected: undefined },
  { text: '8080', expected: /"8080" is not an address: use host:port/ },
  { text: '', expected: /is not an address/ },
  { text: 'http://x:80', expected: /is not an address/ },
  { text: '::1:80', expected: /is not an address/ },
  { text: ':65536', expected: /port 65536 of ":65536" is not from 0 to 65535/ },
  { text: ':-1', expected: /is not an address/ },
];
for (const { text, expected } of addresses) {
  test(`bind address: "${text}" → ${expected instanceof RegExp ? 'refused' : 'read'}`, () => {
    const result = parseBindAddress(text);
    if (result.code === 'valid') assert.deepEqual(result.address, expected);
    else assert.match(result.message, expected instanceof RegExp ? expected : /never/);
  });
}
