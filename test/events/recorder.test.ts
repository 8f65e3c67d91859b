import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest, ApiResponse } from '../../src/client/api.ts';
import type { DaemonSetEvent } from '../../src/controller/ports.ts';
import type { PodEvent, RecordedEvent } from '../../src/events/event-correlator.ts';
import { EventRecorder } from '../../src/events/recorder.ts';
import { daemonSetKey } from '../../src/protocol/slot.ts';

const EVENT: DaemonSetEvent = {
  daemonSet: daemonSetKey('edge', 'agent'),
  uid: 'uid-1',
  type: 'Warning',
  reason: 'RolloutStuck',
  action: 'Rollout',
  message: 'node-7 does not become ready',
};

function answer(status: number): ApiResponse {
  return { kind: 'answer', status, retryAfterMs: 0, contentType: '', body: new TextEncoder().encode('said no') };
}

async function run(
  respond: (request: ApiRequest, index: number) => Promise<ApiResponse>,
  events: readonly RecordedEvent[],
): Promise<{ requests: ApiRequest[]; dropped: string[] }> {
  const requests: ApiRequest[] = [];
  const dropped: string[] = [];
  const recorder = new EventRecorder({
    reporter: { controller: 'daemonpodupdater', instance: 'pod-1' },
    post: (request) => {
      requests.push(request);
      return respond(request, requests.length - 1);
    },
    onDropped: (message) => dropped.push(message),
  });
  for (const event of events) recorder.record(event);
  await recorder.close(20_000);
  return { requests, dropped };
}

test('recorder: two of the same → a create, then a patch of it', async () => {
  const { requests, dropped } = await run(async () => answer(201), [EVENT, EVENT]);
  assert.deepEqual(
    requests.map(({ method }) => method),
    ['POST', 'PATCH'],
  );
  assert.match(requests[1]?.path ?? '', /^\/apis\/events.k8s.io\/v1\/namespaces\/edge\/events\/agent\./);
  assert.deepEqual(dropped, []);
});

test('recorder: about the pod that this runs in → an Event in its namespace that regards the pod', async () => {
  const event: PodEvent = {
    pod: 'system/updater-1',
    uid: 'uid-p',
    type: 'Warning',
    reason: 'InvalidSetting',
    action: 'Configure',
    message: 'no',
  };
  const { requests, dropped } = await run(async () => answer(201), [event]);
  assert.deepEqual(dropped, []);
  assert.equal(requests[0]?.path, '/apis/events.k8s.io/v1/namespaces/system/events');
  const object = JSON.parse(String(requests[0]?.body));
  assert.match(object.metadata.name, /^updater-1\./);
  assert.deepEqual(object.regarding, {
    apiVersion: 'v1',
    kind: 'Pod',
    namespace: 'system',
    name: 'updater-1',
    uid: 'uid-p',
  });
});

test('recorder: refused for good → told once, not tried again, the next one makes the Event anew', async () => {
  const { requests, dropped } = await run(async () => answer(403), [EVENT]);
  assert.equal(requests.length, 1);
  assert.deepEqual(dropped, ['HTTP 403 said no']);
});

test('recorder: the API server does not answer at the end → close gives up in time', { timeout: 60_000 }, async () => {
  const recorder = new EventRecorder({
    reporter: { controller: 'daemonpodupdater', instance: 'pod-1' },
    post: () => new Promise(() => {}),
    onDropped: () => {},
  });
  recorder.record(EVENT);
  await recorder.close(20);
});

test('recorder: more than 1024 wait → the rest is dropped and told', async () => {
  const events = Array.from({ length: 1100 }, (_, index) => ({ ...EVENT, uid: `uid-${index}` }));
  const { requests, dropped } = await run(async () => answer(201), events);
  // The first is on its way when the queue fills.
  assert.equal(requests.length, 1025);
  assert.equal(dropped.length, 75);
});

test('trust 13: a warning comes when 1024 Normal events wait → it is written next, and the oldest of those is dropped and told', async () => {
  const normal = { ...EVENT, type: 'Normal' } as const;
  const events = Array.from({ length: 1025 }, (_, index) => ({ ...normal, uid: `uid-${index}` }));
  const { requests, dropped } = await run(async () => answer(201), [...events, EVENT]);
  assert.equal(dropped.length, 1);
  const written = requests.map(({ body }) => JSON.parse(String(body)));
  assert.deepEqual(
    written.slice(0, 3).map(({ type, regarding }) => `${type} ${regarding.uid}`),
    ['Normal uid-0', 'Warning uid-1', 'Normal uid-2'],
  );
});

test('trust 13: more Normal events than an object may have → those kept back are told one by one', async () => {
  const suppressed: string[] = [];
  const recorder = new EventRecorder({
    reporter: { controller: 'daemonpodupdater', instance: 'pod-1' },
    post: async () => answer(201),
    onDropped: (message) => assert.fail(message),
    onSuppressed: ({ type }) => suppressed.push(type),
  });
  for (let index = 0; index < 30; index++) recorder.record({ ...EVENT, type: 'Normal', topic: `${index}` });
  recorder.record(EVENT);
  await recorder.close(20_000);
  assert.deepEqual(
    suppressed,
    Array.from({ length: 5 }, () => 'Normal'),
  );
});

test('recorder: the API server is overloaded for a while → tried again until it is written', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const statuses = [503, 429, 201];
  let requestCount = 0;
  const recorder = new EventRecorder({
    reporter: { controller: 'daemonpodupdater', instance: 'pod-1' },
    post: async () => answer(statuses[requestCount++] ?? 0),
    onDropped: (message) => assert.fail(message),
  });
  recorder.record(EVENT);
  for (let turn = 0; turn < 20 && requestCount < 3; turn++) {
    await new Promise(setImmediate);
    context.mock.timers.tick(5000);
  }
  assert.equal(requestCount, 3);
  await recorder.close(1000);
});

test('recorder: a patch finds no Event any more → told, and the next one makes a new Event', async () => {
  const methods: string[] = [];
  const recorder = new EventRecorder({
    reporter: { controller: 'daemonpodupdater', instance: 'pod-1' },
    post: async ({ method }) => {
      methods.push(method);
      return answer(method === 'PATCH' ? 404 : 201);
    },
    onDropped: () => {},
  });
  for (const count of [1, 2, 3]) {
    recorder.record(EVENT);
    for (let turn = 0; turn < 20 && methods.length < count; turn++) await new Promise(setImmediate);
    await new Promise(setImmediate);
  }
  await recorder.close(1000);
  assert.deepEqual(methods, ['POST', 'PATCH', 'POST']);
});

test('trust 18: the wall clock has been corrected since the start → events and their series have the right times', async () => {
  const bodies: unknown[] = [];
  const correctedMs = Date.parse('2026-11-23T10:00:00.000Z');
  const recorder = new EventRecorder({
    reporter: { controller: 'daemonpodupdater', instance: 'pod-1' },
    now: () => 5_000,
    wallOf: (ms) => correctedMs + ms,
    post: async ({ body }) => {
      bodies.push(JSON.parse(String(body)));
      return { kind: 'answer', status: 201, retryAfterMs: 0, contentType: 'application/json', body: new Uint8Array() };
    },
    onDropped: (message) => assert.fail(message),
  });
  recorder.record(EVENT);
  recorder.record(EVENT);
  await recorder.close(1_000);
  const [created, patched] = bodies as [{ eventTime: string }, { series: { lastObservedTime: string } }];
  assert.equal(created.eventTime, '2026-11-23T10:00:05.000000Z');
  assert.equal(patched.series.lastObservedTime, '2026-11-23T10:00:05.000000Z');
});

test('recorder: the API server is away while 200 events come → it tries for two minutes, then none is left', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 0;
  const dropped: string[] = [];
  const subjects = new Set<unknown>();
  const recorder = new EventRecorder({
    reporter: { controller: 'daemonpodupdater', instance: 'pod-1' },
    now: () => nowMs,
    post: async ({ body }) => {
      nowMs += 10_000;
      subjects.add(JSON.parse(String(body)).regarding.uid);
      return { kind: 'failure', code: 'timeout', wasSent: true, message: 'no answer' };
    },
    onDropped: (message) => dropped.push(message),
  });
  for (let index = 0; index < 200; index++) recorder.record({ ...EVENT, uid: `uid-${index}` });
  for (let turn = 0; turn < 100 && dropped.length < 200; turn++) {
    await new Promise(setImmediate);
    context.mock.timers.tick(5000);
  }
  assert.equal(dropped.length, 200);
  assert.equal(subjects.size, 5, 'three tries of ten seconds each');
  assert.equal(dropped.filter((message) => message === 'it waited for more than 120 s').length, 195);
  await recorder.close(1000);
});
