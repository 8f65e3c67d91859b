import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseNode } from '../../src/client/json/node.ts';
import { parsePod } from '../../src/client/json/pod.ts';
import { StringTable } from '../../src/client/protobuf/intern.ts';
import { ProtobufListReader } from '../../src/client/protobuf/list.ts';
import { readNode } from '../../src/client/protobuf/node.ts';
import { readPod } from '../../src/client/protobuf/pod.ts';
import { ProtobufWatchReader } from '../../src/client/protobuf/watch.ts';
import { WireError, WireReader } from '../../src/client/protobuf/wire.ts';
import { nodeBytes, nodeJson } from './node-objects.ts';
import { type PodChoice, podBytes, podJson } from './pod-objects.ts';
import { bytes, envelope, frame, join, listBytes, message, text, varint, varintBytes } from './protobuf-encoder.ts';
import { statusBytes } from './status-bytes.ts';

const AT = '2026-08-02T11:00:00Z';

const pods: Readonly<Record<string, PodChoice>> = {
  'a running pod': {},
  'not scheduled: the node comes from the affinity': { nodeName: '', affinityNode: 'edge-7' },
  terminating: { deletedAt: '2026-08-01T11:00:00Z' },
  'not ready': { conditions: [{ type: 'Ready', status: 'False', at: '2026-08-01T11:00:00Z' }] },
  'no conditions': { conditions: [] },
  'no labels': { labels: {} },
  'deletion cost': { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-17', other: 'x' } },
  'malformed deletion cost': { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '1e3' } },
  'deletion cost out of range': { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '2147483648' } },
  'to be upgraded': {
    conditions: [{ type: 'PodNeedUpgrade', status: 'True', at: AT, message: 'controllerrevision: 5f887fbb94' }],
  },
  'image pull': { containers: [{}, { waiting: 'ImagePullBackOff' }] },
  'being created': { containers: [{ waiting: 'ContainerCreating' }] },
  'crash loop': { containers: [{ waiting: 'CrashLoopBackOff', lastExitCode: 137 }] },
  'init container first': {
    initContainers: [{ waiting: 'ErrImagePull' }],
    containers: [{ waiting: 'CrashLoopBackOff' }],
  },
  terminated: { containers: [{ terminated: { exitCode: 2, reason: 'Error' } }] },
  completed: { containers: [{ terminated: { exitCode: 0, reason: 'Completed' } }] },
  unschedulable: { conditions: [{ type: 'PodScheduled', status: 'False', at: AT, reason: 'Unschedulable' }] },
  evicted: { phase: 'Failed', reason: 'Evicted' },
  'text that is not ASCII': { labels: { 'controller-revision-hash': 'häsch-✓' }, phase: 'Zuständ' },
};

for (const [name, choice] of Object.entries(pods)) {
  test(`protobuf: pod, ${name} → the same record as from JSON`, () => {
    const fromProtobuf = readPod(new WireReader(podBytes(choice)));
    assert.deepEqual(fromProtobuf, parsePod(podJson(choice)));
    assert.equal(fromProtobuf.ok, true);
  });
}

test('protobuf: pod, every field of the record → what the object says', () => {
  const result = readPod(
    new WireReader(
      podBytes({
        deletedAt: '2026-08-01T11:00:00Z',
        annotations: { 'controller.kubernetes.io/pod-deletion-cost': '5' },
        conditions: [
          { type: 'Ready', status: 'True', at: '2026-08-01T10:00:30Z' },
          { type: 'PodNeedUpgrade', status: 'False', at: AT, message: 'controllerrevision: abc' },
        ],
        containers: [{ waiting: 'CrashLoopBackOff', lastExitCode: 1 }],
      }),
    ),
  );
  assert.deepEqual(result.ok && result.record, {
    namespace: 'kube-system',
    name: 'agent-x2x9q',
    uid: '5d1ff0c0-7b3f-4e8e-9a52-2f3b0a6f1c11',
    resourceVersion: '123456',
    ownerUid: '9c0a1b7e-0000-4000-8000-1234567890ab',
    nodeName: 'edge-0001',
    revisionHash: '5f887fbb94',
    templateGeneration: '3',
    deletionCost: 5,
    phase: 'Running',
    createdAtMs: Date.parse('2026-08-01T10:00:00Z'),
    isTerminating: true,
    deletionAtMs: Date.parse('2026-08-01T11:00:00Z'),
    deletionGraceMs: 30_000,
    isReady: true,
    readyChangedAtMs: Date.parse('2026-08-01T10:00:30Z'),
    needUpgrade: { status: 'False', message: 'controllerrevision: abc' },
    trouble: 'CrashLoopBackOff (exit code 1)',
  });
});

for (const [name, choice] of Object.entries({
  ready: {},
  'not ready': { ready: 'Unknown' },
  'no taints, no labels': { taints: [], labels: {} },
})) {
  test(`protobuf: node, ${name} → the same record as from JSON`, () => {
    const fromProtobuf = readNode(new WireReader(nodeBytes(choice)));
    assert.deepEqual(fromProtobuf, parseNode(nodeJson(choice)));
    assert.equal(fromProtobuf.ok && fromProtobuf.record.isReady, name === 'ready' || name === 'no taints, no labels');
  });
}

for (const [name, choice, field] of [
  ['no name', { name: '' }, 'metadata.name is missing'],
  ["a '/' in the name", { name: 'a/b' }, "metadata.name holds a '/'"],
  ["a '/' in the node's name", { nodeName: 'a/b' }, "spec.nodeName holds a '/'"],
  ['no UID', { uid: '' }, 'metadata.uid is missing'],
  ['no namespace', { namespace: '' }, 'metadata.namespace is missing'],
  ['no resourceVersion', { resourceVersion: '' }, 'metadata.resourceVersion is missing'],
] as const) {
  test(`protobuf: pod with ${name} → malformed, and the field is named`, () => {
    const result = readPod(new WireReader(podBytes(choice)));
    assert.equal(result.ok, false);
    assert.match(result.ok ? '' : result.message, new RegExp(field));
    assert.deepEqual(result, parsePod(podJson(choice)));
  });
}

test('protobuf: varints → what protobuf says, signed 64-bit values included', () => {
  for (const value of [0, 1, 127, 128, 300, 2 ** 31, 2 ** 32, 2 ** 40 + 5, 2 ** 53 - 1, -1, -62135596800]) {
    assert.equal(new WireReader(varintBytes(value)).varint(), value);
  }
  assert.throws(() => new WireReader(new Uint8Array(11).fill(0xff)).varint(), WireError);
});

function split(body: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (let i = 0; at < body.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length] ?? 1);
    chunks.push(body.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

const chunkSizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 });

test('protobuf: a value that reaches over the end of its message → malformed, although the bytes are there', () => {
  const metadata = join([text(1, 'name'), varintBytes((5 << 3) | 2), varintBytes(20)]);
  const pod = join([bytes(1, metadata), text(9, 'x'.repeat(100))]);
  assert.throws(() => readPod(new WireReader(pod)), WireError);
});

test('protobuf: string table → every string as it is, collisions and common beginnings included', () => {
  const table = new StringTable();
  const read = (value: string) => table.slice(Buffer.from(value), 0, Buffer.byteLength(value));
  for (let i = 0; i < 12_000; i++) {
    const short = `label-${i % 7}`;
    assert.equal(read(`${short}${i}`), `${short}${i}`);
    assert.equal(read(short), short);
  }
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (value) => assert.equal(read(value), value)));
});

test('protobuf: list, cut anywhere into chunks → the same records and list metadata', () => {
  const names = ['a', 'b', 'c', 'd'];
  const body = listBytes('PodList', {
    items: names.map((name) => podBytes({ name })),
    resourceVersion: '77',
    continueToken: 'next',
  });
  fc.assert(
    fc.property(chunkSizes, (sizes) => {
      const reader = new ProtobufListReader(readPod);
      for (const chunk of split(body, sizes)) assert.equal(reader.push(chunk), undefined);
      const end = reader.end();
      assert.ok(end.ok);
      assert.deepEqual(
        end.list.items.map((pod) => pod.name),
        names,
      );
      assert.equal(end.list.resourceVersion, '77');
      assert.equal(end.list.continueToken, 'next');
    }),
  );
});

test('protobuf: list, cut short anywhere → malformed, never a shorter list', () => {
  const body = listBytes('PodList', { items: [podBytes({ name: 'a' }), podBytes({ name: 'b' })] });
  // The envelope's two empty fields at the end may be missing, but not in part.
  const complete = [body.length - 4, body.length - 2];
  for (let length = 0; length < body.length; length++) {
    if (complete.includes(length)) continue;
    const reader = new ProtobufListReader(readPod);
    const garbled = reader.push(body.subarray(0, length));
    assert.equal(garbled === undefined && reader.end().ok, false, `cut at ${length}`);
  }
});

test('protobuf: list with an unusable object → left out and reported, the rest is there', () => {
  const reader = new ProtobufListReader(readPod);
  assert.equal(reader.push(listBytes('PodList', { items: [podBytes({ name: 'a/b' }), podBytes()] })), undefined);
  const end = reader.end();
  assert.ok(end.ok);
  assert.equal(end.list.items.length, 1);
  assert.match(end.list.skipped.join(), /holds a '\/'/);
});

test('protobuf: list that claims an object of 100 MB → malformed at once', () => {
  const header = join([varintBytes((2 << 3) | 2), varintBytes(100 * 1024 * 1024)]);
  const body = join([Buffer.from('k8s\0'), varintBytes((2 << 3) | 2), varintBytes(200 * 1024 * 1024), header]);
  const reader = new ProtobufListReader(readPod);
  assert.match(reader.push(join([body, new Uint8Array(100)]))?.message ?? '', /104857600 bytes/);
});

test('protobuf: watch, cut anywhere into chunks → the same events in order', () => {
  const status = statusBytes({ reason: 'Expired', message: 'too old resource version', code: 410 });
  const body = join([
    frame('ADDED', 'Pod', podBytes({ name: 'a' })),
    frame('MODIFIED', 'Pod', podBytes({ name: 'a', resourceVersion: '2' })),
    frame('DELETED', 'Pod', podBytes({ name: 'a', resourceVersion: '3' })),
    frame('BOOKMARK', 'Pod', message(1, [text(6, '4')])),
    frame('ADDED', 'Pod', podBytes({ name: 'x/y' })),
    frame('ERROR', 'Status', status),
  ]);
  fc.assert(
    fc.property(chunkSizes, (sizes) => {
      const reader = new ProtobufWatchReader(readPod);
      const events = split(body, sizes).flatMap((chunk) => {
        const { events, garbled } = reader.push(chunk);
        assert.equal(garbled, undefined);
        return events;
      });
      assert.equal(reader.pendingBytes, 0);
      assert.deepEqual(
        events.map((event) => {
          switch (event.type) {
            case 'bookmark':
              return ['bookmark', event.resourceVersion];
            case 'error':
              return ['error', event.error.code];
            case 'skipped':
              return ['skipped'];
            default:
              return [event.type, event.object.resourceVersion];
          }
        }),
        [['added', '123456'], ['modified', '2'], ['deleted', '3'], ['bookmark', '4'], ['skipped'], ['error', 'gone']],
      );
    }),
  );
});

test('protobuf: watch with a garbled frame → the events before it count, then malformed', () => {
  const good = frame('ADDED', 'Pod', podBytes());
  const bad = Buffer.from(good);
  bad.fill(0xff, 30, 60);
  const { events, garbled } = new ProtobufWatchReader(readPod).push(join([good, bad, good]));
  assert.equal(events.length, 1);
  assert.equal(garbled?.code, 'malformed');
});

test('protobuf: watch frame with a length of 2 GB → malformed at once', () => {
  const { garbled } = new ProtobufWatchReader(readPod).push(Buffer.from([0x7f, 0xff, 0xff, 0xff]));
  assert.match(garbled?.message ?? '', /bytes/);
});

function outcomeOfAnything(body: Uint8Array, sizes: readonly number[]): void {
  const list = new ProtobufListReader(readPod);
  const watch = new ProtobufWatchReader(readPod);
  const nodes = new ProtobufListReader(readNode);
  let isListFine = true;
  let isWatchFine = true;
  for (const chunk of split(Buffer.from(body), sizes)) {
    if (isListFine) isListFine = list.push(chunk) === undefined && nodes.push(chunk) === undefined;
    if (isWatchFine) isWatchFine = watch.push(chunk).garbled === undefined;
  }
  list.end();
  nodes.end();
}

test('protobuf: any bytes → a value or malformed, never an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), chunkSizes, (body, sizes) => {
      outcomeOfAnything(body, sizes);
      outcomeOfAnything(envelope('PodList', body), sizes);
      outcomeOfAnything(listBytes('PodList', { items: [body, podBytes()] }), sizes);
      outcomeOfAnything(frame('MODIFIED', 'Pod', body), sizes);
    }),
    { numRuns: 300 },
  );
});

test('protobuf: a valid list or event with some bytes changed → a value or malformed, never an exception', () => {
  const bodies = [
    listBytes('PodList', { items: [podBytes(), podBytes({ name: 'b' })] }),
    listBytes('NodeList', { items: [nodeBytes(), nodeBytes({ name: 'b' })] }),
    join([
      frame('ADDED', 'Pod', podBytes()),
      frame('ERROR', 'Status', statusBytes({ reason: '', message: '', code: 1 })),
    ]),
  ];
  const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(
      fc.constantFrom(...bodies),
      fc.array(change, { minLength: 1, maxLength: 5 }),
      chunkSizes,
      (body, changes, sizes) => {
        const changed = Buffer.from(body);
        for (const [at, value] of changes) changed[at % changed.length] = value;
        outcomeOfAnything(changed, sizes);
      },
    ),
    { numRuns: 500 },
  );
});

test('protobuf: 50,000 empty fields and 100,000 labels → bounded time', () => {
  const labels = Array.from({ length: 100_000 }, (_, i) => message(11, [text(1, `label-${i}`), text(2, 'x')]));
  const metadata = message(1, [text(1, 'n'), text(5, 'u'), text(6, '1'), ...labels]);
  const empty = Array.from({ length: 50_000 }, () => join([bytes(500, new Uint8Array(0)), varint(501, 1)]));
  const startedMs = performance.now();
  const result = readNode(new WireReader(join([metadata, ...empty])));
  assert.equal(result.ok && Object.keys(result.record.labels).length, 100_000);
  assert.ok(performance.now() - startedMs < 15_000);
});
