import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestReport } from '../../src/client/api.ts';
import { clientOf, DELETE, GET } from './api-client.ts';
import { serve } from './local-server.ts';

test('api: a request → path, query, headers and body as asked for; the answer comes back', async (t) => {
  const seen: unknown[] = [];
  const server = await serve(t, (request, response, body) => {
    const { authorization, accept, 'user-agent': agent, 'content-type': type } = request.headers;
    seen.push({ url: request.url, authorization, accept, agent, type, body });
    response.setHeader('content-type', 'application/json').setHeader('retry-after', '3').end('{"ok":1}');
  });
  const client = clientOf(t, `${server.url}/prefix`);
  const response = await client.request({
    ...GET,
    method: 'POST',
    query: { labelSelector: 'a=b,c in (d)', empty: '' },
    body: 'text',
    contentType: 'text/plain',
  });
  assert.deepEqual(seen, [
    {
      url: '/prefix/api/v1/pods?labelSelector=a%3Db%2Cc%20in%20(d)',
      authorization: 'Bearer planted-secret',
      accept: 'application/json',
      agent: 'test/1',
      type: 'text/plain',
      body: 'text',
    },
  ]);
  assert.equal(response.kind, 'answer');
  assert.ok(response.kind === 'answer');
  assert.equal(response.status, 200);
  assert.equal(response.retryAfterMs, 3000);
  assert.equal(Buffer.from(response.body).toString(), '{"ok":1}');
});

test('api: a refusal of a write → its body is kept although success bodies are not', async (t) => {
  const server = await serve(t, (_request, response) => {
    response.statusCode = 409;
    response.end('{"kind":"Status"}');
  });
  const response = await clientOf(t, server.url).request(DELETE);
  assert.equal(response.kind === 'answer' && Buffer.from(response.body).toString(), '{"kind":"Status"}');
});

test('api: metrics hook and 401 → reported once each', async (t) => {
  const server = await serve(t, (_request, response) => {
    response.statusCode = 401;
    response.end();
  });
  const reports: RequestReport[] = [];
  let refusedCount = 0;
  const client = clientOf(t, server.url, {
    onRequest: (report) => reports.push(report),
    onUnauthorized: () => refusedCount++,
  });
  await client.request(GET);
  assert.deepEqual(
    reports.map(({ verb, resource, code }) => ({ verb, resource, code })),
    [{ verb: 'list', resource: 'pods', code: '401' }],
  );
  assert.equal(refusedCount, 1);
});
