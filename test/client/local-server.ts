import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { type Connection, plainConnection } from '../../src/protocol/connection.ts';

export interface LocalServer {
  readonly url: string;
  readonly connectionCount: () => number;
  /** What was asked so far: `METHOD /path?query`. */
  readonly requests: string[];
  /** Cuts every connection. */
  cut(): void;
  close(): void;
}

export type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** An HTTP server on loopback that ends with the test. */
export async function serve(t: TestContext, handler: Handler, tls?: ServerOptions): Promise<LocalServer> {
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  let connections = 0;
  const listener: RequestListener = (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => handler(request, response, Buffer.concat(chunks).toString('utf8')));
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const close = () => {
    server.close();
    cut();
  };
  t.after(close);
  const { port } = server.address() as AddressInfo;
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  return { url, connectionCount: () => connections, requests, cut, close };
}

export function connectionTo(serverUrl: string, changes: Partial<Connection> = {}): Connection {
  return plainConnection(serverUrl, { authorization: 'Bearer planted-secret', userAgent: 'test/1', ...changes });
}

/** Waits until the condition holds; fails after the deadline. */
export async function eventually(what: string, condition: () => boolean, deadlineMs = 120_000): Promise<void> {
  const endsMs = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > endsMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
