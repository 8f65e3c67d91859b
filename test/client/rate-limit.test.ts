import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest } from '../../src/client/api.ts';
import { monotonicMs } from '../../src/clock.ts';
import { rateLimit, TokenBucket } from '../../src/protocol/token-bucket.ts';
import { clientOf } from './api-client.ts';
import { serve } from './local-server.ts';

const GET: ApiRequest = {
  method: 'GET',
  path: '/x',
  timeoutMs: 30_000,
  shouldReadBody: true,
  labels: { verb: 'get', resource: 'x' },
};

/** A server that writes down when it was asked, and a client with such a limit. */
async function limited(t: Parameters<typeof serve>[0], qps: number, burst: number) {
  const server = await serve(t, (_request, response) => response.end('{}'));
  const limit = rateLimit(qps, burst);
  const options = { rateLimit: limit, connectionsMax: 100 };
  return { server, limit, client: clientOf(t, server.url, options), other: clientOf(t, server.url, options) };
}

test('trust 20: requests and streams of two clients with one limit → all of them within it', async (t) => {
  const { client, other } = await limited(t, 100, 10);
  const startedMs = monotonicMs();
  const all = Array.from({ length: 20 }, () => [client.request(GET), other.request(GET), client.stream(GET)]).flat();
  const answers = await Promise.all(all);
  for (const answer of answers) if (answer.kind === 'stream') answer.abort();
  assert.deepEqual([...new Set(answers.map(({ kind }) => kind))].sort(), ['answer', 'stream']);
  // 10 at once and 50 at 100 a second; timers round.
  assert.ok(monotonicMs() - startedMs >= 490, `${monotonicMs() - startedMs} ms`);
});

test('trust 20: a request of the election → leaves at once, and the next one waits the longer', async (t) => {
  const { client, limit } = await limited(t, 10, 1);
  const bucket = new TokenBucket(limit.qps, limit.burst, limit.memory);
  await client.request(GET);
  const startedMs = monotonicMs();
  for (let count = 0; count < 5; count += 1) await client.request({ ...GET, rate: 'charged' });
  const waitMs = bucket.nextAtMs(monotonicMs()) - startedMs;
  assert.ok(waitMs >= 490, `${waitMs} ms for 6 tokens`);
});

test('trust 20: what waits for the limit is not wanted any more → ends at once, and takes no place', async (t) => {
  const { client, server, limit } = await limited(t, 1, 1);
  await client.request(GET);
  const abort = new AbortController();
  const waiting = [client.request({ ...GET, signal: abort.signal }), client.stream({ ...GET, signal: abort.signal })];
  abort.abort();
  for (const answer of await Promise.all(waiting)) assert.equal(answer.kind === 'failure' && answer.code, 'aborted');
  assert.equal(server.requests.length, 1);
  const bucket = new TokenBucket(limit.qps, limit.burst, limit.memory);
  assert.ok(bucket.nextAtMs(monotonicMs()) - monotonicMs() < 2500, 'no more than the one who asked first has reserved');
});

test('trust 20: a long wait for the limit → is no time-out', async (t) => {
  const { client } = await limited(t, 0.4, 1);
  await client.request(GET);
  const answer = await client.request({ ...GET, timeoutMs: 2_000 });
  assert.equal(answer.kind, 'answer', JSON.stringify(answer));
});

test('trust 20: the client is closed → what waits leaves now', async (t) => {
  const { client } = await limited(t, 1, 1);
  await client.request(GET);
  const startedMs = monotonicMs();
  const waiting = Array.from({ length: 30 }, () => client.request(GET));
  await client.close();
  await Promise.all(waiting);
  assert.ok(monotonicMs() - startedMs < 15_000, 'it does not wait for its turn');
});
