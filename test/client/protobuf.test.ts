import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseNode } from '../../src/client/json/node.ts';
import { parsePod } from '../../src/client/json/pod.ts';
import { StringTable } from '../../src/client/protobuf/intern.ts';
import { readNode } from '../../src/client/protobuf/node.ts';
import { readPod } from '../../src/client/protobuf/pod.ts';
import { WireError, WireReader } from '../../src/client/protobuf/wire.ts';
import { nodeBytes, nodeJson } from './node-objects.ts';
import { type PodChoice, podBytes, podJson } from './pod-objects.ts';
import { bytes, join, text, varintBytes } from './protobuf-encoder.ts';

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
  'refused by its kubelet': { phase: 'Failed', reason: 'OutOfcpu', message: 'not enough resource: cpu' },
  'text that is not ASCII': { labels: { 'controller-revision-hash': 'häsch-✓' }, phase: 'Zuständ' },
};

for (const [name, choice] of Object.entries(pods)) {
  test(`protobuf: pod, ${name} → the same record as from JSON`, () => {
    const fromProtobuf = readPod(new WireReader(podBytes(choice)));
    assert.deepEqual(fromProtobuf, parsePod(podJson(choice)));
    assert.equal(fromProtobuf.ok, true);
  });
}

const DIED = { containers: [{ terminated: { exitCode: 137, reason: 'Error' } }] };
const KUBELET_WORDS: readonly (readonly [choice: PodChoice, trouble: string | undefined, message?: string])[] = [
  [{ phase: 'Failed', reason: 'OutOfcpu', message: 'Pod was rejected: cpu' }, 'OutOfcpu', 'Pod was rejected: cpu'],
  [{ phase: 'Failed', reason: 'Evicted', message: 'low on memory', ...DIED }, 'Evicted', 'low on memory'],
  [{ phase: 'Failed', reason: 'UnexpectedAdmissionError' }, 'UnexpectedAdmissionError'],
  [
    { phase: 'Failed', reason: 'Terminated', message: `a\nb ${'x'.repeat(500)}` },
    'Terminated',
    `a b ${'x'.repeat(156)}…`,
  ],
  [{ phase: 'Failed', message: 'of nobody', ...DIED }, 'Error (exit code 137)'],
  [{ phase: 'Failed' }, 'Failed'],
  [{ phase: 'Unknown', reason: 'NodeLost', message: 'Node n1 is unresponsive' }, 'NodeLost'],
  [{ phase: 'Running', reason: 'NodeLost', ...DIED }, 'Error (exit code 137)'],
  [{ phase: 'Running' }, undefined],
];
for (const [choice, trouble, message] of KUBELET_WORDS) {
  test(`trust 14: pod ${JSON.stringify(choice).slice(0, 80)} → its trouble is ${trouble}, from both encodings`, () => {
    for (const result of [readPod(new WireReader(podBytes(choice))), parsePod(podJson(choice))]) {
      assert.deepEqual(result.ok && [result.record.trouble, result.record.troubleMessage], [trouble, message]);
    }
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
