import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiResponse } from '../../src/client/api.ts';
import { NOTE_EVERY_MS, NOTE_LOOK_MS } from '../../src/manager/note-keeper.ts';
import { type Leader, leaderOn, NAME, pass, Server } from './note-server.ts';

const MINUTE_MS = 60_000;

async function leading(server = new Server()): Promise<{ server: Server; leader: Leader }> {
  const leader = leaderOn(server);
  assert.ok(await leader.keeper.takeOver());
  return { server, leader };
}

test('trust 21: something changes after a quiet time → told at the next look', async () => {
  const { server, leader } = await leading();
  await pass(server, leader, MINUTE_MS);
  leader.status = () => '{"a":2}';
  await pass(server, leader, NOTE_LOOK_MS);
  assert.equal(server.data.status, '{"a":2}');
  assert.equal(server.data.writtenAt, new Date(server.nowMs).toISOString());
});

test('trust 21: it has not read the cluster yet → it tells nothing, but for ten seconds at most', async () => {
  const { server, leader } = await leading();
  leader.isReady = false;
  await pass(server, leader, NOTE_EVERY_MS - NOTE_LOOK_MS);
  assert.deepEqual(server.writes, []);
  await pass(server, leader, NOTE_LOOK_MS);
  assert.equal(server.writes.length, 1);
});

test('trust 5: a memory → read by the next leader before it begins, and kept until that one changes it', async () => {
  const { server, leader } = await leading();
  leader.memories = new Map([['uid-1', '{"failed":["n1"]}']]);
  await pass(server, leader, NOTE_EVERY_MS);
  leader.keeper.standBy();
  const next = leaderOn(server);
  assert.ok(await next.keeper.takeOver());
  assert.deepEqual(next.told, [leader.memories]);
  next.memories = leader.memories;
  next.status = () => '{"a":2}';
  await pass(server, next, NOTE_EVERY_MS);
  assert.equal(server.data.status, '{"a":2}');
  const third = leaderOn(server);
  await third.keeper.takeOver();
  assert.deepEqual(third.told, [leader.memories]);
});

test('trust 5: a memory changes → stored within ten seconds and a look, though it has just been written', async () => {
  const { server, leader } = await leading();
  await pass(server, leader, NOTE_LOOK_MS);
  assert.equal(server.writes.length, 1);
  leader.memories = new Map([['uid-1', 'two failed']]);
  await pass(server, leader, NOTE_EVERY_MS);
  assert.match(server.data.memory ?? '', /two failed/);
  const [, second] = server.writes;
  assert.ok(second !== undefined && second.sentBytes < second.storedBytes);
  leader.status = () => '{"a":2}';
  await pass(server, leader, NOTE_EVERY_MS);
  assert.equal(server.data.status, '{"a":2}');
  assert.match(server.data.memory ?? '', /two failed/, 'it stays though it is not sent again');
});

test('trust 5: a memory changes and the leader ends → stored before it gives the lease up', async () => {
  const { server, leader } = await leading();
  await pass(server, leader, NOTE_LOOK_MS);
  leader.memories = new Map([['uid-1', 'two failed']]);
  await leader.keeper.flush();
  assert.match(server.data.memory ?? '', /two failed/);
});

test('trust 18: a leader that has been followed by another one → its late write is refused, and not tried again', async () => {
  const { server, leader } = await leading();
  await pass(server, leader, NOTE_EVERY_MS);
  const next = leaderOn(server);
  await next.keeper.takeOver();
  next.memories = new Map([['uid-1', 'of the next one']]);
  await pass(server, next, NOTE_EVERY_MS);
  const stored = server.data;
  // It stood still, and learns of the refusal only what time it is.
  leader.memories = new Map([['uid-1', 'late']]);
  server.instead = ({ method }) => {
    if (method === 'GET') leader.mayWrite = false;
    return undefined;
  };
  await pass(server, leader, NOTE_EVERY_MS);
  assert.deepEqual(server.data, stored);
});

test('trust 18: the right to write is over → nothing is written until it is renewed', async () => {
  const { server, leader } = await leading();
  leader.mayWrite = false;
  await pass(server, leader, MINUTE_MS);
  assert.deepEqual(server.writes, []);
  leader.mayWrite = true;
  await pass(server, leader, NOTE_EVERY_MS);
  assert.equal(server.writes.length, 1);
});

test('note keeper: somebody else wrote or deleted the object → read again, and written at once', async () => {
  const { server, leader } = await leading();
  await pass(server, leader, NOTE_EVERY_MS);
  const path = `/api/v1/namespaces/default/configmaps/${NAME}`;
  const headers = { 'content-type': 'application/merge-patch+json' };
  const patched = server.cluster.handle(
    { method: 'PATCH', url: path, headers, body: '{"data":{"mine":"stays","memory":"{"}}' },
    server.nowMs,
  );
  assert.equal(patched.status, 200);
  leader.status = () => '{"a":2}';
  await pass(server, leader, NOTE_EVERY_MS);
  assert.deepEqual([server.data.status, server.data.mine], ['{"a":2}', 'stays']);
  assert.equal(server.data.memory, '', 'nonsense is replaced by what this leader knows');
  server.cluster.handle({ method: 'DELETE', url: path, headers: {}, body: undefined }, server.nowMs);
  leader.status = () => '{"a":3}';
  leader.memories = new Map([['uid-1', 'again']]);
  await pass(server, leader, NOTE_EVERY_MS);
  assert.equal(server.data.status, '{"a":3}');
  assert.match(server.data.memory ?? '', /again/);
});

const FORBIDDEN: ApiResponse = {
  kind: 'answer',
  status: 403,
  retryAfterMs: 0,
  contentType: 'application/json',
  body: new TextEncoder().encode(JSON.stringify({ kind: 'Status', reason: 'Forbidden', message: 'no' })),
};
const LOST: ApiResponse = { kind: 'failure', code: 'timeout', wasSent: true, message: 'no answer within 5000 ms' };

test('trust 5: no right to read what the leader before remembered → it goes on without, and says so once', async () => {
  const server = new Server();
  server.instead = () => FORBIDDEN;
  const { leader } = await leading(server);
  await pass(server, leader, MINUTE_MS - NOTE_EVERY_MS);
  assert.deepEqual(leader.told, []);
  assert.equal(leader.logs.length, 1);
  assert.match(
    leader.logs[0] ?? '',
    /^warn what the leader before remembered is not read HTTP 403: not allowed to get/,
  );
  server.instead = () => undefined;
  await pass(server, leader, 2 * MINUTE_MS);
  assert.equal(server.writes.length, 1, 'a right that is granted later is found');
});

test('trust 21: the answer to a write is lost → read and written again ten seconds later, said once', async () => {
  const { server, leader } = await leading();
  server.instead = ({ method }) => (method === 'GET' ? undefined : LOST);
  await pass(server, leader, 3 * NOTE_EVERY_MS);
  assert.equal(leader.logs.length, 1);
  assert.match(leader.logs[0] ?? '', /^warn what the leader tells and remembers is not written no answer/);
  server.instead = () => undefined;
  await pass(server, leader, NOTE_EVERY_MS);
  assert.equal(server.data.status, '{"a":1}');
  assert.match(leader.logs[1] ?? '', /^info what the leader tells and remembers is written again/);
});

test('trust 21: what is told cannot be made, or what was remembered is of no use → what has to be remembered is stored all the same', async () => {
  const { server, leader } = await leading();
  leader.status = () => {
    throw new RangeError('too deep');
  };
  leader.memories = new Map([['uid-1', 'two failed']]);
  await pass(server, leader, NOTE_EVERY_MS);
  assert.match(server.data.memory ?? '', /two failed/);
  assert.deepEqual(leader.logs, ['warn what the leader tells cannot be made RangeError: too deep']);
});

test('trust 5: memories with no room → said, and the others are stored', async () => {
  const { server, leader } = await leading();
  leader.memories = new Map([
    ['uid-1', 'x'.repeat(70_000)],
    ['uid-2', 'small'],
  ]);
  await pass(server, leader, NOTE_EVERY_MS);
  assert.match(server.data.memory ?? '', /small/);
  assert.match(
    leader.logs[0] ?? '',
    /^warn memories are left out: a restart forgets them .*1 DaemonSets, first of UID uid-1/,
  );
});

test('trust 5: the leader before cannot be read at once → asked again before anything is decided; lost meanwhile → nothing is told', async () => {
  const server = new Server();
  let asked = 0;
  server.instead = () => (asked++ === 0 ? LOST : undefined);
  const leader = leaderOn(server);
  assert.ok(await leader.keeper.takeOver());
  assert.equal(asked, 2);
  server.instead = () => {
    leader.keeper.standBy();
    return LOST;
  };
  assert.equal(await leader.keeper.takeOver(), false);
});
