import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ApiClient, type ApiRequest } from '../../src/client/api.ts';
import { connectionTo } from '../client/local-server.ts';

/** Does not end in these tests, however busy the machine is. */
export const GET: ApiRequest = {
  method: 'GET',
  path: '/api/v1/pods',
  timeoutMs: 20_000,
  shouldReadBody: true,
  labels: { verb: 'list', resource: 'pods' },
};

const PART = gzipSync(Buffer.alloc(1_000_000));
/** 100 MB when it is unpacked: gzip allows one stream after the other. */
export const BOMB = Buffer.alloc(PART.length * 100, PART);

export interface Hostile {
  readonly client: ApiClient;
  /** The heads of the requests that came in. */
  readonly heads: string[];
  /** Connections that are open. */
  readonly sockets: ReadonlySet<Socket>;
}

/** A server that does with the connection what it likes, once a request has come in. */
export async function hostile(t: TestContext, misbehave: (socket: Socket) => void): Promise<Hostile> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    let head = '';
    socket.on('error', () => {});
    socket.on('data', (part: Buffer) => {
      head += part.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      heads.push(head);
      head = '';
      misbehave(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const client = new ApiClient({ connection: connectionTo(`http://127.0.0.1:${address.port}`), connectionsMax: 1 });
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await client.close();
  });
  return { client, heads, sockets };
}

/** Writes again and again, as fast as the peer reads, until the connection is gone. */
export function flood(socket: Socket, text: string | Uint8Array): void {
  const timer = setInterval(() => {
    if (socket.destroyed) clearInterval(timer);
    else if (socket.writableLength < 1e6) socket.write(text);
  }, 1);
  socket.once('close', () => clearInterval(timer));
}
