import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { podSource } from '../../src/cache/resources.ts';
import type { ApiRequest } from '../../src/client/api.ts';
import { StreamFailure } from '../../src/client/failure.ts';
import { apiErrorOf, retryAfterMsOf } from '../../src/client/status-error.ts';
import { BOMB, flood, GET, type Hostile, hostile } from './hostile-server.ts';

/** For servers that make one wait. */
const SHORT_GET: ApiRequest = { ...GET, timeoutMs: 400 };
/** For a stream that has to begin, and for what has to come of it, before its time is over. */
const SHORT_STREAM: ApiRequest = { ...GET, timeoutMs: 2_000 };
/** Past this a request hangs: its own time is over, or does not count. */
const HANGS_AFTER_MS = 60_000;

const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

const REPLIES: readonly {
  readonly name: string;
  readonly code: string;
  readonly misbehave: (socket: Socket) => void;
}[] = [
  {
    name: 'headers that never end',
    code: 'too-large',
    misbehave: (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      flood(socket, `x-a: ${'b'.repeat(1000)}\r\n`);
    },
  },
  {
    name: 'one header of 1 MB',
    code: 'too-large',
    misbehave: (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(1e6)}`),
  },
  {
    name: 'early hints without end',
    code: 'timeout',
    misbehave: (socket) => flood(socket, 'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n'),
  },
  {
    name: 'continue without end',
    code: 'connection-lost',
    misbehave: (socket) => flood(socket, 'HTTP/1.1 100 Continue\r\n\r\n'),
  },
  {
    name: 'an upgrade nobody asked for',
    code: 'connection-lost',
    misbehave: (socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
  },
  {
    name: 'a chunk extension without end',
    code: 'timeout',
    misbehave: (socket) => {
      socket.write(`${CHUNKED}1;`);
      flood(socket, 'a'.repeat(10_000));
    },
  },
  {
    name: 'trailers without end',
    code: 'too-large',
    misbehave: (socket) => {
      socket.write(`${CHUNKED}0\r\n`);
      flood(socket, `x-y: ${'a'.repeat(1000)}\r\n`);
    },
  },
  {
    name: 'a negative length',
    code: 'malformed',
    misbehave: (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n'),
  },
  { name: 'a status that is none', code: 'malformed', misbehave: (socket) => socket.end('HTTP/1.1 99999 OK\r\n\r\n') },
  {
    name: 'a zip bomb of 100 MB',
    code: 'malformed',
    misbehave: (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${BOMB.length}\r\n\r\n`);
      socket.end(BOMB);
    },
  },
  {
    name: 'the rest a byte at a time',
    code: 'timeout',
    misbehave: (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n');
      const timer = setInterval(() => (socket.destroyed ? clearInterval(timer) : socket.write('a')), 20);
    },
  },
];

for (const { name, code, misbehave } of REPLIES) {
  const title = `API server: answers with ${name} → ${code}, in time`;
  test(title, { timeout: HANGS_AFTER_MS }, async (t) => {
    const { client, heads } = await hostile(t, misbehave);
    const response = await client.request(code === 'timeout' ? SHORT_GET : GET);
    assert.equal(response.kind === 'failure' ? response.code : response.kind, code);
    assert.ok(response.kind === 'failure' && response.message !== '' && response.message.length < 500);
    assert.doesNotMatch(heads[0] ?? '', /accept-encoding/i, 'it does not ask for compressed answers');
  });
}

for (const status of [301, 302, 303, 307, 308]) {
  test(`API server: ${status} to somebody else → an answer like any refusal, nobody else gets the credentials`, async (t) => {
    const other = await hostile(t, (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'));
    const otherUrl = await urlOf(other);
    const before = other.heads.length;
    const { client, heads } = await hostile(t, (socket) => {
      socket.write(`HTTP/1.1 ${status} Moved\r\nlocation: ${otherUrl}/api/v1/pods\r\ncontent-length: 0\r\n\r\n`);
    });
    const response = await client.request(GET);
    assert.equal(response.kind === 'answer' && response.status, status);
    const stream = await client.stream(GET);
    assert.equal(stream.kind === 'stream' && stream.status, status);
    if (stream.kind === 'stream') stream.abort();
    assert.equal(heads.length, 2);
    assert.equal(other.heads.length, before);
  });
}

/** Where a hostile server listens, told by asking it. */
async function urlOf({ client, heads }: Hostile): Promise<string> {
  await client.request(GET);
  const host = /^host: (\S+)/im.exec(heads[0] ?? '')?.[1];
  assert.ok(host !== undefined);
  return `http://${host}`;
}

/** A list that never ends, of such fields: the envelope announces 2^48 bytes. */
async function endlessList(t: TestContext, field: readonly number[]) {
  const head = Buffer.concat([
    Buffer.from('k8s\0', 'latin1'),
    Buffer.from([0x12, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40]),
  ]);
  const { client } = await hostile(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/vnd.kubernetes.protobuf\r\nconnection: close\r\n\r\n');
    socket.write(head);
    flood(socket, Buffer.alloc(60_000, Buffer.from(field)).toString('latin1'));
  });
  const answer = await client.stream(SHORT_STREAM);
  assert.ok(answer.kind === 'stream');
  return { body: answer.body, reader: podSource({ namespace: '', labelSelector: '' }).listReader(answer.contentType) };
}

test('API server: a list that never ends, of objects that are none → refused after some thousands', async (t) => {
  const { body, reader } = await endlessList(t, [0x12, 0x00]);
  let refused: ReturnType<typeof reader.push>;
  for await (const chunk of body) {
    refused = reader.push(chunk);
    if (refused !== undefined) break;
  }
  assert.match(refused?.message ?? '', /more than 10000 objects are unusable$/);
});

test('API server: a list that never ends, of fields that nobody knows → ends with its time', async (t) => {
  const { body, reader } = await endlessList(t, [0x1a, 0x00]);
  await assert.rejects(async () => {
    for await (const chunk of body) assert.equal(reader.push(chunk), undefined);
  }, StreamFailure);
  assert.equal(reader.end().ok, false);
});

test('API server: a watch a byte at a time → every event arrives, and it ends with its time', async (t) => {
  const line = Buffer.from(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '7' } } })}\n`);
  const { client } = await hostile(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n');
    let at = 0;
    const timer = setInterval(() => {
      if (socket.destroyed) clearInterval(timer);
      else for (let i = 0; i < 5; i += 1) socket.write(line.subarray(at % line.length, (at++ % line.length) + 1));
    }, 5);
  });
  const answer = await client.stream(SHORT_STREAM);
  assert.ok(answer.kind === 'stream');
  const reader = podSource({ namespace: '', labelSelector: '' }).watchReader(answer.contentType);
  let events = 0;
  await assert.rejects(async () => {
    for await (const chunk of answer.body) {
      const read = reader.push(chunk);
      assert.equal(read.garbled, undefined);
      events += read.events.length;
    }
  }, StreamFailure);
  assert.ok(events >= 1);
});

const WAITS: readonly (readonly [header: string | undefined, ms: number])[] = [
  [undefined, 0],
  ['', 0],
  ['0', 0],
  ['1', 1000],
  [' 5 ', 5000],
  ['1000000000', 600_000],
  ['9'.repeat(400), 600_000],
  ['-1', 0],
  ['1e9', 0],
  ['5.5', 0],
  ['0x10', 0],
  ['Wed, 21 Oct 2099 07:28:00 GMT', 0],
  ['NaN', 0],
];

for (const [header, ms] of WAITS) {
  test(`Retry-After: ${JSON.stringify(header)?.slice(0, 40)} → ${ms} ms`, () =>
    assert.equal(retryAfterMsOf(header), ms));
}

test('Retry-After in a Status: any number → from 0 to 10 minutes', () => {
  fc.assert(
    fc.property(fc.oneof(fc.double(), fc.integer(), fc.constant('5'), fc.constant(null)), (retryAfterSeconds) => {
      const body = Buffer.from(JSON.stringify({ kind: 'Status', code: 429, details: { retryAfterSeconds } }));
      const { retryAfterMs } = apiErrorOf({
        httpStatus: 429,
        body,
        retryAfterMs: 0,
        labels: { verb: 'get', resource: 'pods' },
      });
      assert.ok(retryAfterMs >= 0 && retryAfterMs <= 600_000, String(retryAfterMs));
    }),
  );
});

test('API server: all of these answers, in one process → less than 200 MB at its peak', () => {
  const peakMb = process.resourceUsage().maxRSS / 1e3;
  assert.ok(peakMb < 200, `${peakMb} MB`);
});
