import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProtobufListReader } from '../../src/client/protobuf/list.ts';
import { readPod } from '../../src/client/protobuf/pod.ts';
import { ProtobufWatchReader } from '../../src/client/protobuf/watch.ts';
import { chunkSizes, split } from './chunks.ts';
import { podBytes } from './pod-objects.ts';
import { frame, join, listBytes, message, text, varintBytes } from './protobuf-encoder.ts';
import { statusBytes } from './status-bytes.ts';

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
  assert.match(end.list.skipped[0]?.message ?? '', /holds a '\/'/);
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
