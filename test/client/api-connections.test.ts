import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clientOf, DELETE, GET } from './api-client.ts';
import { makeCertificate } from './certificates.ts';
import { connectionTo, eventually, serve } from './local-server.ts';
import { markPodRequest } from './pod-requests.ts';

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

test('api: fewer connections are to be used → no more at once, none is opened beside; more again → as many', async (t) => {
  const held: (() => void)[] = [];
  let isHolding = false;
  const server = await serve(t, (_request, response) => {
    if (isHolding) held.push(() => response.end('{}'));
    else setImmediate(() => response.end('{}'));
  });
  const client = clientOf(t, server.url, { connectionsMax: 8 });
  client.useConnections(3);
  await Promise.all(Array.from({ length: 300 }, () => client.request(GET)));
  assert.equal(server.connectionCount(), 3);
  isHolding = true;
  const requests = Promise.all(Array.from({ length: 10 }, () => client.request(GET)));
  client.useConnections(9);
  await eventually('as many as there may be are under way', () => held.length === 8);
  client.useConnections(1);
  for (let ended = 0; ended < 10; ended++) {
    await eventually('the next one is under way', () => held.length > 0);
    assert.equal(held.length, Math.max(1, 8 - ended));
    held.shift()?.();
  }
  await requests;
});

test('api: closed while requests wait for a connection → they are sent all the same', async (t) => {
  const server = await serve(t, (_request, response) => void setImmediate(() => response.end('{}')));
  const client = clientOf(t, server.url, { connectionsMax: 8 });
  client.useConnections(1);
  const requests = Array.from({ length: 5 }, () => client.request(GET));
  await client.close();
  assert.deepEqual(
    (await Promise.all(requests)).map(({ kind }) => kind),
    Array(5).fill('answer'),
  );
});

test('api: the time of a request ends while it waits for a connection → never sent, and the next one is', async (t) => {
  const held: (() => void)[] = [];
  const server = await serve(t, (_request, response) => held.push(() => response.end('{}')));
  const client = clientOf(t, server.url, { connectionsMax: 8 });
  client.useConnections(1);
  const first = client.request(GET);
  await eventually('the first one arrived', () => held.length === 1);
  const late = await client.request({ ...GET, path: '/late', timeoutMs: 20 });
  assert.ok(late.kind === 'failure' && late.code === 'timeout' && !late.wasSent);
  const next = client.request(GET);
  held.shift()?.();
  await first;
  await eventually('the next one arrived', () => held.length === 1);
  held.shift()?.();
  await next;
  assert.deepEqual(server.requests, ['GET /api/v1/pods', 'GET /api/v1/pods']);
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
