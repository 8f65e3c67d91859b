import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { daemonSetSource, nodeSource } from '../../src/cache/resources.ts';
import { answer, PODS, PROTOBUF, pod, setUp } from '../cache/reflector-setup.ts';
import { eventually } from '../client/local-server.ts';
import { frame, listBytes } from '../client/protobuf-encoder.ts';
import { BOMB, flood, GET, hostile } from './hostile-server.ts';

const WATCH = `${PROTOBUF};stream=watch`;
const LIST = listBytes('PodList', { items: [pod('a')], resourceVersion: '10' });

function compressed(response: ServerResponse, type: string, body: Uint8Array): void {
  response.setHeader('content-type', type).setHeader('content-encoding', 'gzip').end(body);
}

for (const encoding of ['gzip', 'x-gzip', 'deflate', 'br', 'zstd', 'gzip, gzip', 'anything']) {
  test(`stream: a zip bomb without end, encoded as ${encoding} → refused by its header, connection closed`, async (t) => {
    const { client, heads, sockets } = await hostile(t, (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: ${encoding}\r\nconnection: close\r\n\r\n`);
      flood(socket, BOMB);
    });
    const stream = await client.stream(GET);
    assert.ok(stream.kind === 'failure', stream.kind);
    assert.deepEqual([stream.code, stream.message], ['malformed', `the answer is encoded as ${encoding}`]);
    assert.doesNotMatch(heads[0] ?? '', /accept-encoding/i);
    await eventually('nobody reads on', () => sockets.size === 0, 15_000);
  });
}

test('reflector: lists are compressed though nobody asked → told, nothing believed; then plain → synced', async (t) => {
  let lists = 0;
  const { problems, order, reflector } = await setUp(t, PODS, (_query, response) => {
    lists += 1;
    if (lists === 1) compressed(response, PROTOBUF, BOMB);
    else if (lists === 2) compressed(response, PROTOBUF, gzipSync(LIST));
    else answer(response, LIST);
  });
  await eventually('synced', () => order.includes('synced'), 20_000);
  assert.equal(problems.length, 2);
  for (const { message } of problems) assert.match(message, /the answer is encoded as gzip/);
  assert.equal(reflector.store.size, 1);
});

test('reflector: a watch is compressed though nobody asked → told, and what is known stays', async (t) => {
  let watches = 0;
  const refuseWatch = (response: ServerResponse): boolean => {
    watches += 1;
    if (watches === 1) compressed(response, WATCH, BOMB);
    else response.setHeader('content-type', WATCH).write(frame('ADDED', 'Pod', pod('b', '11')));
    return true;
  };
  const list = (_query: URLSearchParams, response: ServerResponse): void => answer(response, LIST);
  const { problems, reflector, deltas } = await setUp(t, PODS, list, { refuseWatch });
  await eventually('the next watch tells of b', () => deltas.some(({ object }) => object.name === 'b'), 20_000);
  assert.equal(problems.length, 1);
  assert.match(problems[0]?.message ?? '', /the answer is encoded as gzip/);
  assert.equal(reflector.store.size, 2);
});

const FORMS = [
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['brotli', brotliCompressSync],
  ['zstd', zstdCompressSync],
] as const;

for (const [name, compress] of FORMS) {
  test(`decoders: bytes in ${name} that no header announces → malformed, never unpacked`, () => {
    for (const source of [nodeSource(), daemonSetSource({ namespace: '' })]) {
      for (const type of [PROTOBUF, 'application/json']) {
        for (const body of [compress(LIST), BOMB]) {
          const list = source.listReader(type);
          const end = list.push(body) ?? list.end();
          assert.equal('code' in end && end.code, 'malformed', `list as ${type}`);
          const watch = source.watchReader(type);
          const { events, garbled } = watch.push(Buffer.concat([body, Buffer.from('\n')]));
          assert.deepEqual(events, []);
          assert.ok(garbled !== undefined || watch.pendingBytes > 0, `watch as ${type}`);
        }
      }
    }
  });
}

test('decoders and streams: all of these bombs, in one process → less than 200 MB at its peak', () => {
  const peakMb = process.resourceUsage().maxRSS / 1e3;
  assert.ok(peakMb < 200, `${peakMb} MB`);
});
