import assert from 'node:assert/strict';
import type { Case } from './suite.ts';
import { type Json, PROTOBUF, type Wire } from './target.ts';
import { WatchReader } from './watching.ts';
import { bytesAt, readFields, textAt, unwrap } from './wire-format.ts';

const METADATA = { name: 1, namespace: 3, uid: 5, resourceVersion: 6, creationTimestamp: 8, labels: 11 } as const;
const NODE_NAME_OF_SPEC = 10;
const PHASE_OF_STATUS = 1;

function assertPod(message: Buffer, pod: Json): void {
  assert.equal(textAt(message, 1, METADATA.name), pod.metadata.name);
  assert.equal(textAt(message, 1, METADATA.namespace), pod.metadata.namespace);
  assert.equal(textAt(message, 1, METADATA.uid), pod.metadata.uid);
  assert.equal(textAt(message, 1, METADATA.resourceVersion), pod.metadata.resourceVersion);
  const created = bytesAt(message, 1, METADATA.creationTimestamp) ?? Buffer.alloc(0);
  const seconds = readFields(created).find((field) => field.number === 1)?.value;
  assert.equal(seconds, Date.parse(pod.metadata.creationTimestamp) / 1000);
  const labels = readFields(bytesAt(message, 1) ?? Buffer.alloc(0))
    .filter((field) => field.number === METADATA.labels)
    .map((field) => [textAt(field.bytes, 1), textAt(field.bytes, 2)]);
  assert.deepEqual(Object.fromEntries(labels), pod.metadata.labels);
  assert.equal(textAt(message, 2, NODE_NAME_OF_SPEC) ?? '', pod.spec.nodeName ?? '');
  assert.equal(textAt(message, 3, PHASE_OF_STATUS), pod.status.phase);
}

async function twoPods(wire: Wire): Promise<{ mark: string; pods: Json[] }> {
  const mark = wire.unique('encoded');
  return { mark, pods: [await wire.createPod({ labels: { mark } }), await wire.createPod({ labels: { mark } })] };
}

export const ENCODING_CASES: readonly Case[] = [
  {
    title: 'protobuf: a list → envelope, list metadata, items that hold what JSON holds',
    run: async (wire) => {
      const { mark, pods } = await twoPods(wire);
      const path = wire.pods('', `labelSelector=mark%3D${mark}`);
      const answer = await wire.send({ path, accept: PROTOBUF });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['content-type'], PROTOBUF);
      const { kind, apiVersion, message } = unwrap(answer.bytes);
      assert.deepEqual([apiVersion, kind], ['v1', 'PodList']);
      assert.ok(Number(textAt(message, 1, 2)) >= Number(pods[1].metadata.resourceVersion));
      const items = readFields(message).filter((field) => field.number === 2);
      assert.equal(items.length, 2);
      for (const [index, item] of items.entries()) assertPod(item.bytes, pods[index]);
      await Promise.all(pods.map((pod) => wire.removePod(pod.metadata.name)));
    },
  },
  {
    title: 'protobuf: a watch → length-prefixed events, each object in its envelope',
    run: async (wire) => {
      const { mark, pods } = await twoPods(wire);
      const path = wire.pods('', `watch=true&labelSelector=mark%3D${mark}&resourceVersion=0`);
      const watch = await WatchReader.open(wire, path, PROTOBUF);
      assert.equal(watch.contentType, `${PROTOBUF};stream=watch`);
      for (const pod of pods) {
        const event = (await watch.nextBytes()) ?? Buffer.alloc(0);
        assert.equal(textAt(event, 1), 'ADDED');
        const { kind, message } = unwrap(bytesAt(event, 2, 1) ?? Buffer.alloc(0));
        assert.equal(kind, 'Pod');
        assertPod(message, pod);
      }
      watch.close();
      await Promise.all(pods.map((pod) => wire.removePod(pod.metadata.name)));
    },
  },
  {
    title: 'protobuf: a node → taints and conditions in their fields',
    run: async (wire) => {
      const path = `/api/v1/nodes/${wire.nodeName}`;
      const { kind, message } = unwrap((await wire.send({ path, accept: PROTOBUF })).bytes);
      assert.equal(kind, 'Node');
      assert.equal(textAt(message, 1, METADATA.name), wire.nodeName);
      const conditions = readFields(bytesAt(message, 3) ?? Buffer.alloc(0)).filter((field) => field.number === 4);
      const ready = conditions.find((condition) => textAt(condition.bytes, 1) === 'Ready');
      assert.equal(ready && textAt(ready.bytes, 2), 'True');
    },
  },
  {
    title: 'protobuf: PartialObjectMetadata and a refusal → in protobuf, too',
    run: async (wire) => {
      const { pods } = await twoPods(wire);
      const accept = `${PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`;
      const path = wire.pods(pods[0].metadata.name);
      const partial = unwrap((await wire.send({ path, accept })).bytes);
      assert.equal(partial.kind, 'PartialObjectMetadata');
      assert.equal(textAt(partial.message, 1, METADATA.uid), pods[0].metadata.uid);
      const refused = await wire.send({ path: wire.pods('missing'), accept: PROTOBUF });
      const status = unwrap(refused.bytes);
      assert.equal(status.kind, 'Status');
      assert.equal(textAt(status.message, 4), 'NotFound');
      assert.equal(readFields(status.message).find((field) => field.number === 6)?.value, 404);
      await Promise.all(pods.map((pod) => wire.removePod(pod.metadata.name)));
    },
  },
];
