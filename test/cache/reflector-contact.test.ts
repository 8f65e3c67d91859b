import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { eventually } from '../client/local-server.ts';
import { frame, listBytes } from '../client/protobuf-encoder.ts';
import { answer, PODS, pod, setUp } from './reflector-setup.ts';

/** Longer than `eventually` waits. */
const WAITS_LONG = 100;

function nothingYet(_query: URLSearchParams, response: ServerResponse): void {
  answer(response, listBytes('PodList', { items: [], resourceVersion: '10' }));
}

test('reflector shell: a watch that brings nothing any more → asked again from the last event, and its connection is closed', async (t) => {
  const setup = await setUp(t, PODS, nothingYet, { streamSilenceMs: 1000 });
  await eventually('watching', () => setup.watches.length === 1);
  setup.watches[0]?.write(frame('ADDED', 'Pod', pod('a', '11')));
  await eventually('watching again', () => setup.watches.length >= 2);
  assert.match(setup.server.requests[2] ?? '', /watch=true.*resourceVersion=11&/);
  await eventually('the silent connection is given up', () => setup.watches[0]?.closed === true);
  assert.deepEqual(setup.problems, [], 'it may have been quiet');
});

function refuse(response: ServerResponse): boolean {
  response.statusCode = 401;
  response.end('{"kind":"Status","reason":"Unauthorized","message":"expired"}');
  return true;
}

test('reflector shell: told that the way is free while it waits → tries at once', async (t) => {
  let isRefused = true;
  const options = {
    random: () => WAITS_LONG,
    refuseWatch: (response: ServerResponse) => isRefused && refuse(response),
  };
  const setup = await setUp(t, PODS, nothingYet, options);
  await eventually('refused', () => setup.problems.length === 1);
  isRefused = false;
  setup.reflector.retryNow();
  await eventually('watching', () => setup.watches.length === 1);
});

test('reflector shell: told that the way is free while a request is under way that is refused → tries once more at once', async (t) => {
  const held: ServerResponse[] = [];
  const options = { random: () => WAITS_LONG, refuseWatch: (response: ServerResponse) => held.push(response) === 1 };
  const setup = await setUp(t, PODS, nothingYet, options);
  await eventually('asked', () => held.length === 1);
  setup.reflector.retryNow();
  for (const response of held) refuse(response);
  await eventually('watching', () => setup.watches.length === 1);
});

test('reflector shell: refused after the first list → says since when and why; accepted → in contact again', async (t) => {
  let isRefused = false;
  const setup = await setUp(t, PODS, nothingYet, { refuseWatch: (response) => isRefused && refuse(response) });
  await eventually('watching', () => setup.watches.length === 1);
  assert.equal(setup.reflector.contact().reason, '');
  isRefused = true;
  setup.watches[0]?.end();
  await eventually('refused', () => setup.problems.length > 0);
  await eventually('it says why', () => /credentials \(asked to watch pods\)/.test(setup.reflector.contact().reason));
  isRefused = false;
  setup.reflector.retryNow();
  await eventually('watching again', () => setup.watches.length === 2);
  const beforeMs = performance.now();
  setup.watches[1]?.write(frame('ADDED', 'Pod', pod('a', '11')));
  await eventually('the event', () => setup.deltas.length === 1);
  const { failingMs, silentMs } = setup.reflector.contact();
  assert.equal(failingMs, 0);
  assert.ok(silentMs <= performance.now() - beforeMs, 'since the event and no longer');
});
