import assert from 'node:assert/strict';
import { test } from 'node:test';
import { daemonSetSource, type ResourceSource, revisionSource } from '../../src/cache/resources.ts';
import type { ObjectRecord, PodRecord } from '../../src/kube/records.ts';
import { eventually } from '../client/local-server.ts';
import { podJson } from '../client/pod-objects.ts';
import { frame, listBytes } from '../client/protobuf-encoder.ts';
import { statusBytes } from '../client/status-bytes.ts';
import { answer, PODS, pod, setUp } from './reflector-setup.ts';

test('reflector shell: pages, watch, events → deltas in order; the requests are what they should be', async (t) => {
  const setup = await setUp(t, PODS, (query, response) => {
    const isFirst = query.get('continue') === null;
    answer(
      response,
      listBytes('PodList', {
        items: [isFirst ? pod('a') : pod('b')],
        resourceVersion: '10',
        continueToken: isFirst ? 'next' : '',
      }),
    );
  });
  await eventually('watching', () => setup.watches.length === 1);
  setup.watches[0]?.write(frame('ADDED', 'Pod', pod('c', '11')));
  setup.watches[0]?.write(frame('DELETED', 'Pod', pod('a', '12')));
  await eventually('all deltas', () => setup.deltas.length === 4);
  assert.deepEqual(setup.order, ['added a', 'added b', 'synced', 'added c', 'deleted a']);
  assert.equal(setup.reflector.hasSynced, true);
  assert.deepEqual(
    [...setup.reflector.store.values()].map(({ name }) => name),
    ['b', 'c'],
  );
  const base = 'GET /api/v1/namespaces/kube-system/pods?';
  assert.deepEqual(setup.server.requests, [
    `${base}labelSelector=app%3Dagent&limit=500`,
    `${base}labelSelector=app%3Dagent&limit=500&continue=next`,
    `${base}watch=true&labelSelector=app%3Dagent&resourceVersion=10&allowWatchBookmarks=true&timeoutSeconds=300`,
  ]);
  assert.deepEqual(setup.problems, []);
});

test('reflector shell: the connection is cut in the middle of an event → resumed from the last whole one', async (t) => {
  const setup = await setUp(t, PODS, (_query, response) =>
    answer(response, listBytes('PodList', { items: [], resourceVersion: '10' })),
  );
  await eventually('watching', () => setup.watches.length === 1);
  const whole = frame('ADDED', 'Pod', pod('a', '11'));
  setup.watches[0]?.write(Buffer.concat([whole, whole.subarray(0, 50)]));
  await eventually('the first event', () => setup.deltas.length === 1);
  setup.server.cut();
  await eventually('watching again', () => setup.watches.length === 2);
  assert.match(setup.server.requests.at(-1) ?? '', /resourceVersion=11&/);
  setup.watches[1]?.write(frame('MODIFIED', 'Pod', pod('a', '12', { phase: 'Failed' })));
  await eventually('the second event', () => setup.deltas.length === 2);
});

test('reflector shell: the server ends the watch in the middle of an event → cut, not ended', async (t) => {
  const setup = await setUp(t, PODS, (_query, response) =>
    answer(response, listBytes('PodList', { items: [], resourceVersion: '10' })),
  );
  await eventually('watching', () => setup.watches.length === 1);
  const whole = frame('ADDED', 'Pod', pod('a', '11'));
  setup.watches[0]?.end(Buffer.concat([whole, whole.subarray(0, 50)]));
  await eventually('watching again', () => setup.watches.length === 2);
  assert.equal(setup.problems[0]?.code, 'connection-lost');
});

test('reflector shell: 410 in an ERROR event → listed again, with the deletions that were missed', async (t) => {
  let lists = 0;
  const setup = await setUp(t, PODS, (_query, response) => {
    const items = lists++ === 0 ? [pod('a'), pod('b')] : [pod('b')];
    answer(response, listBytes('PodList', { items, resourceVersion: String(lists * 10) }));
  });
  await eventually('watching', () => setup.watches.length === 1);
  setup.watches[0]?.write(frame('ERROR', 'Status', statusBytes({ reason: 'Expired', message: 'too old', code: 410 })));
  await eventually('watching again', () => setup.watches.length === 2);
  assert.deepEqual(setup.order, ['added a', 'added b', 'synced', 'deleted a']);
  assert.equal(setup.problems[0]?.code, 'gone');
  assert.equal(
    setup.server.requests.at(-2),
    'GET /api/v1/namespaces/kube-system/pods?labelSelector=app%3Dagent&resourceVersion=10',
  );
});

test('reflector shell: a garbled frame → that stream starts again, nothing is listed', async (t) => {
  const setup = await setUp(t, PODS, (_query, response) =>
    answer(response, listBytes('PodList', { items: [], resourceVersion: '10' })),
  );
  await eventually('watching', () => setup.watches.length === 1);
  setup.watches[0]?.write(
    Buffer.concat([frame('ADDED', 'Pod', pod('a', '11')), Buffer.from([0, 0, 0, 3, 0xff, 0xff, 0xff])]),
  );
  await eventually('watching again', () => setup.watches.length === 2);
  assert.equal(setup.problems[0]?.code, 'malformed');
  assert.equal(setup.server.requests.filter((request) => !request.includes('watch=true')).length, 1);
  assert.match(setup.server.requests.at(-1) ?? '', /resourceVersion=11&/);
});

test('reflector shell: refused with 403 → the problem names verb and resource, and it is tried again', async (t) => {
  let lists = 0;
  const setup = await setUp(t, PODS, (_query, response) => {
    if (lists++ > 0) return answer(response, listBytes('PodList', { items: [pod('a')], resourceVersion: '10' }));
    response.statusCode = 403;
    response.end('{"kind":"Status","reason":"Forbidden","message":"no"}');
  });
  await eventually('synced', () => setup.order.includes('synced'));
  assert.equal(setup.problems[0]?.code, 'forbidden');
  assert.match(setup.problems[0]?.message ?? '', /list pods/);
});

test('reflector shell: an object without a name in a list → reported, the others are there', async (t) => {
  const setup = await setUp(t, PODS, (_query, response) =>
    answer(response, listBytes('PodList', { items: [pod('x/y'), pod('a')], resourceVersion: '10' })),
  );
  await eventually('synced', () => setup.order.includes('synced'));
  assert.deepEqual(setup.order, ['added a', 'synced']);
  assert.equal(setup.problems[0]?.phase, 'object');
});

test('reflector shell: stop while a watch is open → resolves, and nothing comes any more', async (t) => {
  const setup = await setUp(t, PODS, (_query, response) =>
    answer(response, listBytes('PodList', { items: [], resourceVersion: '10' })),
  );
  await eventually('watching', () => setup.watches.length === 1);
  let isClosed = false;
  setup.watches[0]?.on('close', () => {
    isClosed = true;
  });
  await setup.reflector.stop();
  await eventually('the watch is closed', () => isClosed);
  assert.deepEqual(setup.problems, []);
  assert.equal(setup.server.requests.length, 2);
});

test('reflector shell: stop while it waits to try again → resolves at once', async (t) => {
  const setup = await setUp(t, PODS, (_query, response) => {
    response.statusCode = 503;
    response.setHeader('retry-after', '300').end();
  });
  await eventually('refused', () => setup.problems.length === 1);
  await setup.reflector.stop();
});

test('reflector shell: an API server that only speaks JSON → pods all the same', async (t) => {
  const setup = await setUp<PodRecord>(t, PODS, (_query, response) => {
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ kind: 'PodList', metadata: { resourceVersion: '10' }, items: [podJson({ name: 'a' })] }));
  });
  await eventually('synced', () => setup.order.includes('synced'));
  assert.deepEqual(setup.order, ['added a', 'synced']);
});

const METADATA = { name: 'agent', namespace: 'edge', uid: 'u1', resourceVersion: '5' };

test('reflector shell: DaemonSets and ControllerRevisions in JSON → lists and events', async (t) => {
  const list = { metadata: { resourceVersion: '10' }, items: [{ metadata: METADATA, revision: 1 }] };
  for (const source of [
    daemonSetSource({ namespace: '' }),
    revisionSource({ namespace: 'edge', labelSelector: 'a=b' }),
  ]) {
    const setup = await setUp<ObjectRecord>(t, source as ResourceSource<ObjectRecord>, (_query, response) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify(list)),
    );
    await eventually('watching', () => setup.watches.length === 1);
    const event = { type: 'DELETED', object: { metadata: { ...METADATA, resourceVersion: '11' } } };
    setup.watches[0]?.write(`${JSON.stringify(event)}\n`);
    await eventually('the event', () => setup.order.length === 3);
    assert.deepEqual(setup.order, ['added agent', 'synced', 'deleted agent']);
    assert.match(setup.server.requests[0] ?? '', /limit=100/);
  }
});

test('reflector shell: 10,000 pods → the event loop is never held for long', async (t) => {
  const items = Array.from({ length: 10_000 }, (_, i) => pod(`p${i}`));
  const body = listBytes('PodList', { items, resourceVersion: '10' });
  let longestMs = 0;
  let totalMs = 0;
  // The processor's time: others may hold the machine.
  let last: NodeJS.CpuUsage | undefined;
  const setup = await setUp(t, PODS, (_query, response) => {
    answer(response, body);
    last = process.cpuUsage();
  });
  const timer = setInterval(() => {
    if (last === undefined) return;
    const { user, system } = process.cpuUsage(last);
    longestMs = Math.max(longestMs, (user + system) / 1e3);
    totalMs += (user + system) / 1e3;
    last = process.cpuUsage();
  }, 1);
  t.after(() => clearInterval(timer));
  await eventually('synced', () => setup.order.includes('synced'), 20_000);
  assert.equal(setup.reflector.store.size, 10_000);
  // A share: how long it takes in all depends on the machine.
  assert.ok(longestMs < totalMs / 3, `held for ${longestMs} of ${totalMs} ms`);
});
