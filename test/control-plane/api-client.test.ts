import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ApiClient, type KubeObject } from './api-client.ts';

async function withServer(answer: RequestListener, body: (api: ApiClient) => Promise<void>): Promise<void> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const serverUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const api = new ApiClient({ serverUrl, caPem: '', token: '', userAgent: 'test' });
  try {
    await body(api);
  } finally {
    await api.close();
    server.closeAllConnections();
    server.close();
  }
}

test('test client: aborted while a watch is being opened → the watch ends, though the server goes on', async () => {
  const abort = new AbortController();
  const answer: RequestListener = (_, response) => {
    abort.abort();
    response.writeHead(200).write('{}\n');
  };
  await withServer(answer, async (api) => {
    for await (const event of api.watch<KubeObject>('/', abort.signal)) assert.fail(JSON.stringify(event));
  });
});

test('test client: put off with 429 → asked again', async () => {
  let requests = 0;
  const answer: RequestListener = (_, response) => {
    requests += 1;
    response.writeHead(requests === 1 ? 429 : 200).end('{"metadata":{"name":"a"}}');
  };
  await withServer(answer, async (api) => assert.equal((await api.get('/')).metadata.name, 'a'));
  assert.equal(requests, 2);
});
