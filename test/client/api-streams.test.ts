import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiClient } from '../../src/client/api.ts';
import { StreamFailure } from '../../src/client/failure.ts';
import { clientOf, GET } from './api-client.ts';
import { connectionTo, eventually, serve } from './local-server.ts';

test('api: stream → chunks as they come, then the end; requests are not held up by many streams', async (t) => {
  const server = await serve(t, (request, response) => {
    if (request.url === '/quick') return void response.end('quick');
    response.write('one');
    setImmediate(() => response.write('two', () => response.end('three')));
  });
  const client = clientOf(t, server.url, { connectionsMax: 1 });
  const streams = await Promise.all(Array.from({ length: 10 }, () => client.stream(GET)));
  const quick = await client.request({ ...GET, path: '/quick' });
  assert.equal(quick.kind === 'answer' && quick.status, 200);
  for (const stream of streams) {
    assert.ok(stream.kind === 'stream');
    let text = '';
    for await (const chunk of stream.body) text += Buffer.from(chunk).toString();
    assert.equal(text, 'onetwothree');
  }
});

test('api: stream that breaks → the iterator throws its code', async (t) => {
  const server = await serve(t, (request, response) => {
    response.write('one', () => setImmediate(() => request.socket.destroy()));
  });
  const stream = await clientOf(t, server.url).stream(GET);
  assert.ok(stream.kind === 'stream');
  await assert.rejects(
    async () => {
      for await (const _chunk of stream.body);
    },
    (error) => error instanceof StreamFailure && error.code === 'connection-lost',
  );
});

test('api: stream is left or takes too long → the connection is closed', async (t) => {
  let closed = 0;
  const server = await serve(t, (request, response) => {
    request.socket.on('close', () => closed++);
    response.write('one');
  });
  const client = clientOf(t, server.url);
  const left = await client.stream(GET);
  assert.ok(left.kind === 'stream');
  for await (const _chunk of left.body) break;
  const late = await client.stream({ ...GET, timeoutMs: 3000 });
  assert.ok(late.kind === 'stream');
  await assert.rejects(
    async () => {
      for await (const _chunk of late.body);
    },
    (error) => error instanceof StreamFailure && error.code === 'timeout',
  );
  await eventually('both are closed', () => closed === 2);
});

test('api: stream with a slow reader → the server is held back', async (t) => {
  let written = 0;
  const server = await serve(t, (request, response) => {
    const block = Buffer.alloc(64 * 1024);
    const write = () => {
      let isFlowing = true;
      while (isFlowing && !request.socket.destroyed && written < 2000) {
        isFlowing = response.write(block);
        written++;
      }
      if (!request.socket.destroyed && written < 2000) response.once('drain', write);
    };
    write();
  });
  const stream = await clientOf(t, server.url).stream(GET);
  assert.ok(stream.kind === 'stream');
  let last = -1;
  let steadyCount = 0;
  await eventually('the server writes no more', () => {
    steadyCount = written === last && written > 0 ? steadyCount + 1 : 0;
    last = written;
    return steadyCount > 30;
  });
  assert.ok(written < 1000, `wrote ${written} blocks`);
  stream.abort();
});

test('api: close while a stream is open → the stream ends as aborted', async (t) => {
  const server = await serve(t, (_request, response) => void response.write('one'));
  const client = new ApiClient({ connection: connectionTo(server.url), connectionsMax: 1 });
  const stream = await client.stream(GET);
  assert.ok(stream.kind === 'stream');
  await client.close();
  await assert.rejects(
    async () => {
      for await (const _chunk of stream.body);
    },
    (error) => error instanceof StreamFailure && error.code === 'aborted',
  );
  const after = await client.request(GET);
  assert.deepEqual(after.kind === 'failure' && [after.code, after.wasSent], ['aborted', false]);
});
