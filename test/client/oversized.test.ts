import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDaemonSet } from '../../src/client/json/daemon-set.ts';
import { JsonListReader } from '../../src/client/json/list.ts';
import { parsePod } from '../../src/client/json/pod.ts';
import { JsonWatchReader } from '../../src/client/json/watch.ts';
import { ProtobufListReader } from '../../src/client/protobuf/list.ts';
import { readNode } from '../../src/client/protobuf/node.ts';
import { objectIn, oversized } from '../../src/client/protobuf/oversized.ts';
import { readPod } from '../../src/client/protobuf/pod.ts';
import { ProtobufWatchReader } from '../../src/client/protobuf/watch.ts';
import { WireError } from '../../src/client/protobuf/wire.ts';
import type { ListReader, WatchEvent, WatchReader } from '../../src/client/readers.ts';
import { podBytes } from './pod-objects.ts';
import { frame, join, listBytes, message, text } from './protobuf-encoder.ts';

const HUGE_BYTES = 5 * 1024 * 1024;
const PADDING = message(2, [text(999, 'x'.repeat(HUGE_BYTES))]);
const HUGE_POD = join([podBytes({ name: 'agent-7', namespace: 'edge' }), PADDING]);
const HUGE_NODE = join([message(1, [text(1, 'node-7'), text(2, ''), text(3, '')]), PADDING]);
const SAYS = new RegExp(`has ${'\\d'.repeat(7)} bytes, more than 4194304(?:; make it smaller or delete it)?$`);

/** In chunks as from a socket. */
function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 64 * 1024) yield bytes.subarray(at, at + 64 * 1024);
}

function listOf<T>(reader: ListReader<T>, bytes: Uint8Array) {
  for (const chunk of chunksOf(Buffer.from(bytes))) assert.equal(reader.push(chunk), undefined);
  const end = reader.end();
  assert.ok(end.ok);
  return end.list;
}

function eventsOf<T>(reader: WatchReader<T>, bytes: Uint8Array): readonly WatchEvent<T>[] {
  return [...chunksOf(Buffer.from(bytes))].flatMap((chunk) => {
    const { events, garbled } = reader.push(chunk);
    assert.equal(garbled, undefined);
    return events;
  });
}

test('oversized: a pod of 5 MiB in a list → left out and named, the others are read', () => {
  const items = [podBytes({ name: 'a' }), HUGE_POD, podBytes({ name: 'b' })];
  const list = listOf(new ProtobufListReader(readPod), listBytes('PodList', { items }));
  assert.deepEqual(
    list.items.map(({ name }) => name),
    ['a', 'b'],
  );
  assert.deepEqual(
    list.skipped.map(({ object }) => object),
    [{ namespace: 'edge', name: 'agent-7' }],
  );
  assert.match(list.skipped[0]?.message ?? '', /^object edge\/agent-7 has .*; make it smaller or delete it$/);
  assert.match(list.skipped[0]?.message ?? '', SAYS);
});

test('oversized: a pod of 5 MiB in an event → left out and named, deleted or not; the events after it are read', () => {
  const reader = new ProtobufWatchReader(readPod);
  const types = ['MODIFIED', 'DELETED'].map((type) => frame(type, 'Pod', HUGE_POD));
  const events = eventsOf(
    reader,
    join([frame('ADDED', 'Pod', podBytes()), ...types, frame('ADDED', 'Pod', podBytes())]),
  );
  assert.deepEqual(
    events.map((event) => (event.type === 'skipped' ? [event.object?.name, event.isDeleted] : event.type)),
    ['added', ['agent-7', false], ['agent-7', true], 'added'],
  );
  assert.equal(reader.pendingBytes, 0);
});

test('oversized: an event is cut while its bytes are dropped → known to be cut', () => {
  const reader = new ProtobufWatchReader(readPod);
  const [event] = reader.push(frame('MODIFIED', 'Pod', HUGE_POD).subarray(0, 1024 * 1024)).events;
  assert.equal(event?.type, 'skipped');
  assert.ok(reader.pendingBytes > 4 * 1024 * 1024);
});

test('oversized: a node → named without a namespace', () => {
  const list = listOf(new ProtobufListReader(readNode), listBytes('NodeList', { items: [HUGE_NODE] }));
  assert.deepEqual(list.skipped[0]?.object, { namespace: '', name: 'node-7' });
  assert.match(list.skipped[0]?.message ?? '', /^object node-7 has /);
});

test('oversized: it has no name, or one that is none → all is refused, because nobody knows what is missing', () => {
  for (const metadata of [[], [text(1, 'a\u001b[2J\nb')], [text(1, 'a/b')]]) {
    const body = listBytes('PodList', { items: [join([message(1, metadata), PADDING])] });
    const garbled = new ProtobufListReader(readPod).push(body);
    assert.match(garbled?.message ?? '', / has \d{7} bytes/);
    assert.doesNotMatch(garbled?.message ?? '', /\p{Cc}/u);
  }
});

test('oversized: objects with more values than are decoded → left out, and named', () => {
  const labels = Array.from({ length: 31_000 }, (_, index) => message(12, [text(1, `k${index}`), text(2, 'v')]));
  const pod = message(1, [text(1, 'agent-7'), text(3, 'edge'), ...labels, ...labels]);
  const [event] = new ProtobufWatchReader(readPod).push(frame('MODIFIED', 'Pod', pod)).events;
  const problem = 'pod edge/agent-7: it has more than 30000 values';
  const object = { namespace: 'edge', name: 'agent-7' };
  assert.deepEqual(event, { type: 'skipped', isDeleted: false, message: problem, object });
  const values = Array.from({ length: 31_000 }, (_, index) => message(11, [text(1, `k${index}`), text(2, 'v')]));
  const node = message(1, [text(1, 'node-7'), ...values]);
  const [nodeEvent] = new ProtobufWatchReader(readNode).push(frame('DELETED', 'Node', node)).events;
  const nodeProblem = {
    message: 'node node-7: it has more than 30000 values',
    object: { namespace: '', name: 'node-7' },
  };
  assert.deepEqual(nodeEvent, { type: 'skipped', isDeleted: true, ...nodeProblem });
});

test('oversized: a DaemonSet with more values than are parsed, in an event → left out, and named; without a name → refused', () => {
  const values = Object.fromEntries(Array.from({ length: 101_000 }, (_, index) => [`k${index}`, '']));
  for (const [type, names] of [
    ['MODIFIED', { name: 'agent', namespace: 'edge' }],
    ['DELETED', { name: 'agent', generateName: 'a', namespace: 'edge' }],
  ] as const) {
    const object = { kind: 'DaemonSet', apiVersion: 'apps/v1', metadata: { ...names, annotations: values } };
    const { events } = new JsonWatchReader(parseDaemonSet).push(Buffer.from(`${JSON.stringify({ type, object })}\n`));
    const [event] = events;
    assert.ok(event?.type === 'skipped');
    assert.deepEqual([event.object, event.isDeleted], [{ name: 'agent', namespace: 'edge' }, type === 'DELETED']);
    assert.match(event.message, /it has more than 100000 values$/);
  }
  const nameless = { type: 'MODIFIED', object: { metadata: { annotations: values } } };
  const { events, garbled } = new JsonWatchReader(parseDaemonSet).push(Buffer.from(`${JSON.stringify(nameless)}\n`));
  assert.deepEqual([events, garbled?.code], [[], 'malformed']);
});

test('oversized: any bytes → a message, or a refusal with the same, never another exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isEvent) => {
      const beginning = Buffer.from(isEvent ? join([Buffer.from('k8s\0'), bytes]) : bytes);
      try {
        assert.match(oversized(isEvent ? objectIn(beginning) : beginning, HUGE_BYTES).message, SAYS);
      } catch (error) {
        assert.ok(error instanceof WireError);
        assert.match(error.message, SAYS);
      }
    }),
  );
});

function line(value: string): Buffer {
  const metadata = { name: 'agent', namespace: 'edge', uid: 'u', resourceVersion: '5', annotations: { value } };
  const object = { kind: 'DaemonSet', apiVersion: 'apps/v1', metadata, spec: { selector: {}, template: { spec: {} } } };
  // As Go's encoder writes it.
  return Buffer.from(`${JSON.stringify({ type: 'MODIFIED', object }).replaceAll('<', '\\u003c')}\n`);
}

test('oversized: a DaemonSet with 1 MiB of "<", 6 MiB in JSON → read; one of more than 10 MiB → refused, and named', () => {
  const large = new JsonWatchReader(parseDaemonSet).push(line('<'.repeat(1024 * 1024)));
  assert.equal(large.garbled, undefined);
  assert.deepEqual(
    large.events.map(({ type }) => type),
    ['modified'],
  );
  const { events, garbled } = new JsonWatchReader(parseDaemonSet).push(line('<'.repeat(2 * 1024 * 1024)));
  assert.deepEqual(events, []);
  assert.match(
    garbled?.message ?? '',
    /^garbled JSON event: event .*"name":"agent","namespace":"edge".* has more than 10485760 bytes$/,
  );
});

const UNUSABLE_MAX = 10_000;

for (const [what, objectOf, told] of [
  ['with names', (index: number) => ({ name: `p${index}`, namespace: 'edge' }), UNUSABLE_MAX],
  ['without names', () => ({ name: '', namespace: 'edge' }), 10],
  [
    'half of them without names',
    (index: number) => ({ name: index < 5000 ? `p${index}` : '', namespace: 'edge' }),
    5010,
  ],
] as const) {
  test(`oversized: 10,000 objects of a list are unusable, ${what} → left out, ${told} are told; one more → the list is refused, as protobuf and as JSON`, () => {
    const objects = Array.from({ length: UNUSABLE_MAX + 1 }, (_, index) => objectOf(index));
    const protobuf = (count: number) => {
      const items = objects
        .slice(0, count)
        .map(({ name, namespace }) => message(1, [...(name === '' ? [] : [text(1, name)]), text(3, namespace)]));
      const reader = new ProtobufListReader(readPod);
      return reader.push(listBytes('PodList', { items })) ?? reader.end();
    };
    const json = (count: number) => {
      const items = objects.slice(0, count).map((metadata) => ({ metadata }));
      const reader = new JsonListReader(parsePod);
      return reader.push(Buffer.from(JSON.stringify({ metadata: {}, items }))) ?? reader.end();
    };
    for (const read of [protobuf, json]) {
      const most = read(UNUSABLE_MAX);
      assert.ok('list' in most);
      assert.equal(most.list.skipped.length, told);
      const refused = read(UNUSABLE_MAX + 1);
      assert.ok('message' in refused);
      assert.match(refused.message, /more than 10000 objects are unusable$/);
    }
  });
}
