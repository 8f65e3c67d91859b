import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { adminRoutes } from '../../src/server/admin-routes.ts';
import { debugRoutes } from '../../src/server/debug-routes.ts';
import { HttpServer } from '../../src/server/http-server.ts';
import { healthRoutes, metricsRoute } from '../../src/server/routes.ts';

const METRICS_BYTES = 200_000;
/** Past a pause of the machine: the well-behaved are held to it, too. */
const REQUEST_TIMEOUT_MS = 2_000;
const changes: string[] = [];
const errors: string[] = [];
const server = new HttpServer({
  address: { host: '127.0.0.1', port: 0 },
  requestTimeoutMs: REQUEST_TIMEOUT_MS,
  onError: (message) => errors.push(message),
  routes: [
    ...healthRoutes({ live: [], ready: [] }),
    metricsRoute({ contentType: 'text/plain', text: async () => 'x'.repeat(METRICS_BYTES) }),
    ...adminRoutes({
      workers: () => ({ setting: 1, source: 'flag', wanted: 1, actual: 1, reason: 'set', cpus: 1, decisions: [] }),
      setWorkers: (value) => {
        changes.push(value);
        return undefined;
      },
      status: () => ({}),
    }),
    ...debugRoutes({ threads: () => ['main'], profile: async () => '{}' }),
  ],
});
let port = 0;

before(async () => {
  ({ port } = await server.listen());
});
after(() => server.close());

/** Past this the server has forgotten the connection. */
const HANGS = { timeout: 60_000 };

interface Exchange {
  readonly text: string;
}

/** Writes bytes and reads until the server closes, or for so long. */
function talk(bytes: string | Uint8Array, { waitMs = 50_000, isEnding = true } = {}): Promise<Exchange> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1');
    const parts: Buffer[] = [];
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text: Buffer.concat(parts).toString('latin1') });
    };
    const timer = setTimeout(end, waitMs);
    socket.on('data', (part: Buffer) => parts.push(part));
    socket.on('close', end);
    socket.on('error', () => {});
    socket.on('connect', () => (isEnding ? socket.end(bytes) : socket.write(bytes)));
  });
}

async function assertAlive(): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/healthz`);
  assert.equal(response.status, 200);
  await response.text();
}

function ask(line: string, headers: readonly string[] = ['host: localhost']): string {
  return `${[line, ...headers, 'connection: close'].join('\r\n')}\r\n\r\n`;
}

test('endpoints: any bytes → an answer or a closed connection, and the next request is answered', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
      const { text } = await talk(bytes);
      assert.ok(text === '' || text.startsWith('HTTP/1.1 '), text.slice(0, 80));
    }),
    { numRuns: 60 },
  );
  await assertAlive();
});

const WORDS = ['GET', 'PUT', 'POST', 'HEAD', 'CONNECT', 'OPTIONS', 'TRACE', 'get', 'PRI', ''];
const TARGETS = [
  '/healthz',
  '/metrics',
  '/admin/workers',
  '//',
  '*',
  '/..',
  '/%00',
  'http://evil/healthz',
  '/healthz#x',
  '?',
];
const HEADERS = [
  'host: localhost',
  'host: evil.example',
  'host:',
  'content-length: 5',
  'content-length: -1',
  'transfer-encoding: chunked',
  'expect: 100-continue',
  'upgrade: websocket',
  'connection: upgrade',
  'x-forwarded-for: 10.0.0.1',
  'x-daemonpodupdater-admin: 1',
  ': no name',
  'no colon',
];

test('endpoints: any request from a bag of bad parts → an answer or a closed connection; no change without its header', async () => {
  changes.length = 0;
  const request = fc.record({
    word: fc.constantFrom(...WORDS),
    target: fc.constantFrom(...TARGETS),
    version: fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9', ''),
    headers: fc.subarray(HEADERS),
    body: fc.constantFrom('', 'hello', '5\r\nhello\r\n0\r\n\r\n', 'GET /metrics HTTP/1.1\r\n\r\n'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 3 }), async (requests) => {
      const bytes = requests
        .map(
          ({ word, target, version, headers, body }) =>
            `${word} ${target} ${version}\r\n${headers.join('\r\n')}\r\n\r\n${body}`,
        )
        .join('');
      const { text } = await talk(bytes);
      assert.ok(text === '' || text.startsWith('HTTP/1.1 '), text.slice(0, 80));
    }),
    { numRuns: 100 },
  );
  assert.deepEqual(changes, [], 'none of them says what to change');
  assert.deepEqual(errors, []);
  await assertAlive();
});

test(
  'endpoints: a header that comes a byte at a time → 408 and closed when its time is over, others are served meanwhile',
  HANGS,
  async (t) => {
    const sockets: Socket[] = [];
    t.after(() => {
      for (const socket of sockets) socket.destroy();
    });
    const closed: Promise<void>[] = [];
    for (let index = 0; index < 100; index += 1) {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      socket.on('error', () => {});
      socket.resume();
      const timer = setInterval(() => socket.write('a'), 50);
      closed.push(
        new Promise((resolve) =>
          socket.on('close', () => {
            clearInterval(timer);
            resolve();
          }),
        ),
      );
      socket.write('GET /healthz HTTP/1.1\r\nx-slow: ');
    }
    await assertAlive();
    await Promise.all(closed);
  },
);

test('endpoints: a body that never ends → closed when its time is over', HANGS, async () => {
  const { text } = await talk('PUT /metrics HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\nabc', {
    waitMs: 2 * HANGS.timeout,
    isEnding: false,
  });
  assert.match(text, /^HTTP\/1\.1 405 /);
});

for (const [name, bytes, status] of [
  [
    '10,000 headers',
    ask(
      'GET /healthz HTTP/1.1',
      Array.from({ length: 10_000 }, (_, i) => `x-${i}: a`),
    ),
    431,
  ],
  ['one header of 1 MB', ask('GET /healthz HTTP/1.1', [`x: ${'a'.repeat(1_000_000)}`]), 431],
  ['a URL of 1 MB', ask(`GET /${'a'.repeat(1_000_000)} HTTP/1.1`), 431],
  ['an absolute URL', ask('GET http://127.0.0.1/healthz HTTP/1.1'), 404],
  ['two Host headers', ask('GET /admin/status HTTP/1.1', ['host: localhost', 'host: evil.example']), 400],
  ['no Host header', ask('GET /admin/status HTTP/1.1', []), 400],
  [
    'length and chunks',
    ask('PUT /healthz HTTP/1.1', ['host: a', 'content-length: 3', 'transfer-encoding: chunked']),
    400,
  ],
  ['a NUL in the path', ask('GET /heal\0thz HTTP/1.1'), 400],
  ['a bare line feed', 'GET /healthz HTTP/1.1\nhost: a\n\n', 400],
] as const) {
  test(`endpoints: ${name} → ${status}`, async () => {
    const { text } = await talk(bytes);
    // The kernel may drop the answer when the server closes with bytes unread.
    if (bytes.length < 100_000 || text !== '') assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
    await assertAlive();
  });
}

test('endpoints: 5,000 requests for a large page on one connection, nothing read → bounded memory, connection ends', async () => {
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.on('error', () => {});
  socket.write('GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(5000));
  await new Promise((resolve) => setTimeout(resolve, 500));
  // The whole process at its peak: 5,000 answers would be half a gigabyte.
  const peakMb = process.resourceUsage().maxRSS / 1e3;
  socket.destroy();
  assert.ok(peakMb < 250, `${peakMb} MB with answers that nobody reads`);
  await assertAlive();
});

// What a web page can make a browser send, and what a proxy hands on.
const FOREIGN = [
  ['a name that was pointed at 127.0.0.1', ['host: evil.example']],
  ['the same with a port', ['host: evil.example:8080']],
  ['a name that begins well', ['host: localhost.evil.example']],
  ['an address that only looks local', ['host: 127.0.0.1.evil.example']],
  ['another spelling of loopback', ['host: 2130706433']],
  ['user information', ['host: localhost@evil.example']],
  ['X-Forwarded-For', ['host: localhost', 'x-forwarded-for: 127.0.0.1']],
  ['X-Forwarded-Host', ['host: localhost', 'x-forwarded-host: localhost']],
  ['Forwarded', ['host: localhost', 'forwarded: for=127.0.0.1']],
  ['Via', ['host: localhost', 'via: 1.1 proxy']],
] as const;

for (const [name, headers] of FOREIGN) {
  test(`admin and debug: ${name} → 403 everywhere, nothing changes`, async () => {
    changes.length = 0;
    const lines = [
      'GET /admin/workers',
      'GET /admin/status',
      'PUT /admin/workers?value=64',
      'GET /debug/pprof/profile?seconds=1',
      'GET /debug/pprof/heap?seconds=1',
    ];
    for (const line of lines) {
      const { text } = await talk(ask(`${line} HTTP/1.1`, [...headers, 'x-daemonpodupdater-admin: 1']));
      assert.match(text, /^HTTP\/1\.1 403 /, line);
    }
    assert.deepEqual(changes, []);
  });
}

test('admin: a form of another page (no own header) → 403, and no permission to ask across origins', async () => {
  changes.length = 0;
  const { text } = await talk(
    ask('PUT /admin/workers?value=64 HTTP/1.1', ['host: localhost', 'origin: http://evil.example']),
  );
  assert.match(text, /^HTTP\/1\.1 403 /);
  assert.doesNotMatch(text, /access-control/i);
  const preflight = ['host: localhost', 'origin: http://evil.example', 'access-control-request-method: PUT'];
  const asked = await talk(ask('OPTIONS /admin/workers HTTP/1.1', preflight));
  assert.match(asked.text, /^HTTP\/1\.1 405 /);
  assert.doesNotMatch(asked.text, /access-control/i);
  assert.deepEqual(changes, []);
});

test('admin: the value of a change holds anything → handed on as text, the answer is JSON', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 60 }), async (value) => {
      changes.length = 0;
      const response = await fetch(
        `http://127.0.0.1:${port}/admin/workers?value=${encodeURIComponent(value.toWellFormed())}`,
        {
          method: 'PUT',
          headers: { 'x-daemonpodupdater-admin': '1' },
        },
      );
      JSON.parse(await response.text());
      assert.deepEqual(changes, [value.toWellFormed()]);
    }),
    { numRuns: 50 },
  );
});
