import assert from 'node:assert/strict';
import { Agent, get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { ConnectionLimits } from '../../src/server/connections.ts';
import { HttpServer } from '../../src/server/http-server.ts';
import { healthRoutes, metricsRoute } from '../../src/server/routes.ts';

const METRICS_BYTES = 1_000_000;
/** The server, the crowd and the probes share one event loop, and this machine may be busy: only an answer that waits for a time-out is late. */
const PROBE_TIMEOUT_MS = 30_000;
const NO_TIMEOUT_MS = 10 * PROBE_TIMEOUT_MS;
/** So many of the crowd have lost their connection and come back. */
const RETURNS_MIN = 100;
const HANGS = { timeout: 120_000 };
/** Elsewhere this machine has no second address to ask from. */
const ON_LINUX = { ...HANGS, skip: process.platform !== 'linux' };

interface Target {
  readonly port: number;
  readonly path: string;
  /** The address that is asked from. */
  readonly from?: string;
  readonly agent?: Agent;
}

async function start(
  t: TestContext,
  limits: Partial<ConnectionLimits> = {},
  requestTimeoutMs = NO_TIMEOUT_MS,
): Promise<number> {
  const server = new HttpServer({
    address: { host: '127.0.0.1', port: 0 },
    routes: [
      ...healthRoutes({ live: [], ready: [{ name: 'api-server', problem: () => undefined }] }),
      metricsRoute({ contentType: 'text/plain', text: async () => 'x'.repeat(METRICS_BYTES) }),
    ],
    onError: () => {},
    requestTimeoutMs,
    limits: { answerTimeoutMs: NO_TIMEOUT_MS, ...limits },
  });
  t.after(() => server.close());
  return (await server.listen()).port;
}

/** The status; rejects when the connection ends without one, or in time. */
function ask({ port, path, from, agent }: Target): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, agent: agent ?? false, timeout: PROBE_TIMEOUT_MS };
    const request = get({ ...options, ...(from === undefined ? {} : { localAddress: from }) }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer to ${path} within ${PROBE_TIMEOUT_MS} ms`)));
    request.on('error', reject);
  });
}

/** What each of them writes when its connection is there; all of them stay and come back when they are thrown out. */
const HABITS: readonly ((socket: Socket) => void)[] = [
  () => {},
  (socket) => socket.write('GET /healthz HTT'),
  (socket) => socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\nx-slow: '),
  (socket) => socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n'),
  (socket) => socket.write('PUT /healthz HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nabc'),
  (socket) => socket.write('GET /readyz HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(100)),
  (socket) => socket.pause().write('GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n'),
];

/** Resolves when all have had a connection; whoever loses it opens the next one, which is told. */
async function crowd(
  t: TestContext,
  count: number,
  { port, from }: Omit<Target, 'path'>,
  onReturn: () => void = () => {},
): Promise<void> {
  const sockets = new Set<Socket>();
  const hadOne = new Set<number>();
  let isOver = false;
  const timer = setInterval(() => {
    for (const socket of sockets) if (socket.bytesWritten > 0 && socket.bytesWritten < 200) socket.write('a');
  }, 500);
  t.after(() => {
    isOver = true;
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
  });
  function open(index: number, onOpen: () => void): void {
    if (isOver) return;
    const socket = connect({ port, host: '127.0.0.1', ...(from === undefined ? {} : { localAddress: from }) }, () => {
      HABITS[index % HABITS.length]?.(socket.resume());
      if (hadOne.has(index)) onReturn();
      hadOne.add(index);
      onOpen();
    });
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      // A moment later: all of this is one event loop.
      setTimeout(() => open(index, onOpen), 100).unref();
    });
  }
  await Promise.all(Array.from({ length: count }, (_, index) => new Promise<void>((resolve) => open(index, resolve))));
}

for (const [name, requestTimeoutMs, limits] of [
  // As many as there may be: only those come back whose time is over.
  ['1,000 idle and slow connections', 2_000, {}],
  ['1,000 of them, ten times as many as there may be', NO_TIMEOUT_MS, { connectionsMax: 100 }],
  [
    '1,000 of them, and no more than two answers that nobody reads',
    NO_TIMEOUT_MS,
    { unreadBytesMax: 2 * METRICS_BYTES },
  ],
] as const) {
  test(
    `trust 17: ${name} → every probe and scrape is answered in time, before, while and after they come`,
    HANGS,
    async (t) => {
      const port = await start(t, limits, requestTimeoutMs);
      let returns = 0;
      let hasAll = false;
      void crowd(t, 1000, { port }, () => (returns += 1)).then(() => (hasAll = true));
      for (let probes = 0; !hasAll || returns < RETURNS_MIN; probes += 1) {
        assert.equal(await ask({ port, path: '/healthz' }), 200);
        assert.equal(await ask({ port, path: '/readyz' }), 200);
        if (probes % 10 === 0) assert.equal(await ask({ port, path: '/metrics' }), 200);
      }
    },
  );
}

test(
  'trust 17: one peer has all connections there may be → it loses its own, and not those of others',
  ON_LINUX,
  async (t) => {
    const port = await start(t, { connectionsMax: 50 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    assert.equal(await ask({ port, path: '/healthz', agent }), 200);
    const [kept] = Object.values(agent.freeSockets).flat();
    assert.ok(kept !== undefined);
    await crowd(t, 200, { port, from: '127.0.0.2' });
    // Behind all of them in the line of those that wait to be accepted.
    assert.equal(await ask({ port, path: '/healthz', from: '127.0.0.2' }), 200);
    assert.equal(await ask({ port, path: '/healthz', agent }), 200);
    assert.deepEqual(Object.values(agent.freeSockets).flat(), [kept], 'the connection that was there first');
  },
);

test(
  'trust 17: an answer that nobody reads → its connection ends when the time to read it is over',
  HANGS,
  async (t) => {
    const port = await start(t, { answerTimeoutMs: 500 });
    const socket = connect(port, '127.0.0.1');
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    // More than the kernel holds for a reader that does not read.
    for (let index = 0; index < 8; index += 1) socket.write('GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n');
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    // A paused socket does not notice; one that sends does.
    socket.pause();
    const timer = setInterval(() => socket.write('\r\n'), 50);
    t.after(() => clearInterval(timer));
    await closed;
  },
);

test('trust 17: more answers that nobody reads than there is memory for → the oldest are cut off', HANGS, async (t) => {
  const pageBytes = 20_000_000;
  const server = new HttpServer({
    address: { host: '127.0.0.1', port: 0 },
    routes: [metricsRoute({ contentType: 'text/plain', text: async () => 'x'.repeat(pageBytes) })],
    onError: () => {},
    limits: { unreadBytesMax: 2.5 * pageBytes },
  });
  t.after(() => server.close());
  const { port } = await server.listen();
  const sockets: Socket[] = [];
  for (let index = 0; index < 4; index += 1) {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    socket.write('GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    // The head has come, and the rest is not read.
    await new Promise((resolve) => socket.once('readable', resolve));
  }
  const received = sockets.map(
    (socket) =>
      new Promise<number>((resolve) => {
        let bytes = 0;
        socket.on('data', (part: Buffer) => (bytes += part.length));
        socket.on('close', () => resolve(bytes));
      }),
  );
  const isWhole = (await Promise.all(received)).map((bytes) => bytes > pageBytes);
  assert.deepEqual(isWhole, [false, false, true, true]);
});

test('trust 17: a route that takes its time → its connection is not the one that has to go', HANGS, async (t) => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const server = new HttpServer({
    address: { host: '127.0.0.1', port: 0 },
    routes: [
      {
        method: 'GET',
        path: '/slow',
        handle: async () => {
          asked.resolve();
          await answer.promise;
          return { status: 200, contentType: 'text/plain', body: 'done' };
        },
      },
    ],
    onError: () => {},
    limits: { connectionsMax: 5 },
  });
  t.after(() => server.close());
  const { port } = await server.listen();
  const slow = ask({ port, path: '/slow' });
  await asked.promise;
  await crowd(t, 30, { port });
  // Behind all of them in the line of those that wait to be accepted.
  assert.equal(await ask({ port, path: '/other' }), 404);
  answer.resolve();
  assert.equal(await slow, 200);
});
