import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodObject } from '../../src/simulator/objects.ts';
import { encodeList, encodeMessage, encodeWatchFrame, envelop } from '../../src/simulator/protobuf-encoder.ts';
import { bytesAt, readFields, textAt, unwrap } from '../conformance/wire-format.ts';

const POD: PodObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'a',
    namespace: 'n',
    uid: 'u',
    resourceVersion: '5',
    creationTimestamp: '2026-01-02T03:04:05Z',
    generation: 300,
    labels: { one: '1', two: '2' },
    finalizers: ['f', 'g'],
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'd', uid: 'o', controller: true }],
  },
  spec: {
    containers: [{ name: 'main', image: 'i', resources: { requests: { cpu: '50m' } } }],
    tolerations: [{ operator: 'Exists' }, { key: 'k', tolerationSeconds: -1 }],
    hostNetwork: false,
  },
  status: {
    phase: 'Running',
    conditions: [
      { type: 'First', status: 'True', lastProbeTime: null },
      { type: 'Second', status: 'False', lastTransitionTime: '2026-01-02T03:04:05.5Z' },
    ],
  },
};

function all(message: Buffer, ...path: number[]): Buffer[] {
  const last = path.at(-1) ?? 0;
  const parent = bytesAt(message, ...path.slice(0, -1)) ?? Buffer.alloc(0);
  return readFields(parent)
    .filter((field) => field.number === last)
    .map((field) => field.bytes);
}

test('protobuf: a pod → every field in its place, lists and maps in their order', () => {
  const message = encodeMessage(POD);
  assert.deepEqual(
    all(message, 1, 11).map((entry) => [textAt(entry, 1), textAt(entry, 2)]),
    [
      ['one', '1'],
      ['two', '2'],
    ],
  );
  assert.deepEqual(all(message, 1, 14).map(String), ['f', 'g']);
  assert.equal(readFields(bytesAt(message, 1) ?? Buffer.alloc(0)).find((field) => field.number === 7)?.value, 300);
  const [owner = Buffer.alloc(0)] = all(message, 1, 13);
  assert.deepEqual(
    [1, 3, 4, 5].map((number) => textAt(owner, number)),
    ['DaemonSet', 'd', 'o', 'apps/v1'],
  );
  assert.equal(readFields(owner).find((field) => field.number === 6)?.value, 1);
  assert.equal(textAt(message, 2, 2, 8, 2, 2, 1), '50m');
  assert.deepEqual(
    all(message, 2, 22).map((item) => [textAt(item, 1), textAt(item, 2)]),
    [
      [undefined, 'Exists'],
      ['k', undefined],
    ],
  );
  assert.deepEqual(
    all(message, 3, 2).map((item) => textAt(item, 1)),
    ['First', 'Second'],
  );
  const [, second = Buffer.alloc(0)] = all(message, 3, 2);
  const time = readFields(bytesAt(second, 4) ?? Buffer.alloc(0)).map(({ number, value }) => [number, value]);
  assert.deepEqual(time, [
    [1, Date.parse('2026-01-02T03:04:05Z') / 1000],
    [2, 500_000_000],
  ]);
});

test('protobuf: a list and a watch frame → items in order, each frame with its length', () => {
  const message = encodeMessage(POD);
  const renamed: PodObject = { ...POD, metadata: { ...POD.metadata, name: 'b' } };
  const other = encodeMessage(renamed);
  const head = { apiVersion: 'v1', kind: 'PodList', metadata: { resourceVersion: '9' } };
  const list = unwrap(encodeList(head, [message, other]));
  assert.deepEqual([list.kind, textAt(list.message, 1, 2)], ['PodList', '9']);
  assert.deepEqual(
    all(list.message, 2).map((item) => textAt(item, 1, 1)),
    ['a', 'b'],
  );
  const frame = encodeWatchFrame('ADDED', envelop(POD, message));
  assert.equal(frame.readUInt32BE(0), frame.length - 4);
  const event = frame.subarray(4);
  assert.equal(textAt(event, 1), 'ADDED');
  assert.deepEqual(unwrap(bytesAt(event, 2, 1) ?? Buffer.alloc(0)).message, message);
});

test('protobuf: a kind without a schema → an error that names it', () => {
  assert.throws(() => encodeMessage({ apiVersion: 'v1', kind: 'Secret' }), /no protobuf encoding of Secret/);
});
