import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProtobufListReader } from '../../src/client/protobuf/list.ts';
import { readNode } from '../../src/client/protobuf/node.ts';
import { readPod } from '../../src/client/protobuf/pod.ts';
import { ProtobufWatchReader } from '../../src/client/protobuf/watch.ts';
import { WireReader } from '../../src/client/protobuf/wire.ts';
import { chunkSizes, split } from './chunks.ts';
import { nodeBytes } from './node-objects.ts';
import { podBytes } from './pod-objects.ts';
import { bytes, envelope, frame, join, listBytes, message, text, varint } from './protobuf-encoder.ts';
import { statusBytes } from './status-bytes.ts';

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

test('protobuf: 10,000 labels, and 50,000 fields that nobody wants → read, in bounded time', () => {
  const labels = Array.from({ length: 9_990 }, (_, i) => message(11, [text(1, `label-${i}`), text(2, 'x')]));
  const metadata = message(1, [text(1, 'n'), text(5, 'u'), text(6, '1'), ...labels]);
  const empty = Array.from({ length: 50_000 }, () => join([bytes(500, new Uint8Array(0)), varint(501, 1)]));
  const usage = process.cpuUsage();
  const result = readNode(new WireReader(join([metadata, ...empty])));
  assert.equal(result.ok && Object.keys(result.record.labels).length, 9_990);
  const { user, system } = process.cpuUsage(usage);
  assert.ok(user + system < 2e6, `${user + system} µs`);
});
