import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { patchConfigMapRequest } from '../../src/client/requests.ts';
import type { Connection } from '../../src/protocol/connection.ts';
import { clientOf, DELETE } from './api-client.ts';
import { makeCertificate } from './certificates.ts';
import { connectionTo, eventually } from './local-server.ts';

const ca = makeCertificate({ name: 'test-ca' });
const server = makeCertificate({ name: 'kubernetes.test', issuer: ca });
const TRUST = { caPem: ca.certPem, serverName: 'kubernetes.test' };

interface Peer {
  readonly port: number;
  /** How connections ended: a reset drops what has not arrived, the polite end does not. */
  readonly endings: ('reset' | 'end')[];
  readonly sockets: Socket[];
  /** What has been read of all connections. */
  bytes: number;
}

interface PeerOptions {
  readonly isTls?: boolean;
  readonly onData?: (socket: Socket) => void;
}

/** Takes whatever comes; what it does with it is up to the test. */
async function peerOf(t: TestContext, { isTls = false, onData = () => {} }: PeerOptions = {}): Promise<Peer> {
  const peer = { port: 0, endings: [] as Peer['endings'], sockets: [] as Socket[], bytes: 0 };
  const take = (socket: Socket): void => {
    peer.sockets.push(socket);
    socket.on('data', (chunk: Buffer) => {
      peer.bytes += chunk.length;
      onData(socket);
    });
    socket.on('end', () => peer.endings.push('end'));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNRESET') peer.endings.push('reset');
    });
  };
  const listener = isTls ? createTlsServer({ cert: server.certPem, key: server.keyPem }, take) : createServer(take);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => {
    listener.close();
    for (const socket of peer.sockets) socket.destroy();
  });
  return Object.assign(peer, { port: (listener.address() as AddressInfo).port });
}

/** An HTTP proxy with a tunnel, which notes how it is left. */
async function proxyTo(t: TestContext, port: number): Promise<Peer> {
  const onward = new Map<Socket, Socket>();
  const proxy = await peerOf(t, {
    onData: (socket) => {
      if (onward.has(socket)) return;
      const next = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.on('data', (chunk: Buffer) => next.write(chunk));
        next.pipe(socket);
      });
      next.on('error', () => {});
      t.after(() => next.destroy());
      onward.set(socket, next);
    },
  });
  return proxy;
}

const ways: readonly { name: string; isTls: boolean; isProxied?: boolean }[] = [
  { name: 'plain HTTP', isTls: false },
  { name: 'TLS', isTls: true },
  { name: 'TLS through a proxy', isTls: true, isProxied: true },
];

for (const { name, isTls, isProxied = false } of ways) {
  async function setUp(t: TestContext) {
    const peer = await peerOf(t, { isTls });
    const left = isProxied ? await proxyTo(t, peer.port) : peer;
    const changes: Partial<Connection> = isProxied ? { ...TRUST, proxyUrl: `http://127.0.0.1:${left.port}` } : TRUST;
    const url = `${isTls ? 'https' : 'http'}://127.0.0.1:${peer.port}`;
    return { peer, left, client: clientOf(t, url, { connection: connectionTo(url, changes) }) };
  }

  test(`trust 18: the time of a write is over, ${name} → the connection is reset`, async (t) => {
    const { peer, left, client } = await setUp(t);
    // Long enough for the connection to be there.
    const response = await client.request({ ...DELETE, timeoutMs: 1_500 });
    assert.ok(response.kind === 'failure' && response.wasSent, JSON.stringify(response));
    assert.ok(peer.bytes > 0);
    await eventually('the connection ends', () => left.endings.length > 0);
    assert.deepEqual(left.endings, ['reset']);
  });

  test(`trust 18: a write is aborted, or the lane ends, ${name} → the connection is reset`, async (t) => {
    const { peer, left, client } = await setUp(t);
    const aborter = new AbortController();
    const aborted = client.request({ ...DELETE, signal: aborter.signal });
    const ended = client.request(DELETE);
    await eventually('both have been sent', () => peer.sockets.length === 2 && peer.bytes > 500);
    aborter.abort();
    assert.equal((await aborted).kind, 'failure');
    await eventually('one connection ends', () => left.endings.length === 1);
    await client.abort();
    assert.equal((await ended).kind, 'failure');
    await eventually('the other connection ends', () => left.endings.length === 2);
    assert.deepEqual(left.endings, ['reset', 'reset']);
  });
}

test('trust 18: the peer takes nothing for a while → what is in the buffers of an aborted write never arrives', async (t) => {
  const peer = await peerOf(t, { onData: (socket) => void socket.pause() });
  const url = `http://127.0.0.1:${peer.port}`;
  const client = clientOf(t, url);
  const sentBytes = 32 * 1024 * 1024;
  const patch = { data: { status: 'x'.repeat(sentBytes) } };
  const request = patchConfigMapRequest({ namespace: 'ns', name: 'c', patch, timeoutMs: 1_500 });
  const response = await client.request(request);
  assert.ok(response.kind === 'failure' && response.wasSent, JSON.stringify(response));
  const [socket] = peer.sockets;
  assert.ok(socket !== undefined);
  socket.removeAllListeners('data').on('data', (chunk: Buffer) => {
    peer.bytes += chunk.length;
  });
  socket.resume();
  await eventually('the connection ends', () => peer.endings.length > 0);
  assert.deepEqual(peer.endings, ['reset']);
  assert.ok(peer.bytes < sentBytes, `${peer.bytes} bytes`);
});

test('client: an answered request, then nothing to do → the connection ends politely', async (t) => {
  const peer = await peerOf(t, {
    onData: (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'),
  });
  const client = clientOf(t, `http://127.0.0.1:${peer.port}`);
  assert.equal((await client.request(DELETE)).kind, 'answer');
  await client.close();
  await eventually('the connection ends', () => peer.endings.length > 0);
  assert.deepEqual(peer.endings, ['end']);
});
