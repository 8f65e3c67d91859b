import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDaemonSet } from '../../src/client/json/daemon-set.ts';
import { JsonWatchReader } from '../../src/client/json/watch.ts';
import { ProtobufListReader } from '../../src/client/protobuf/list.ts';
import { readNode } from '../../src/client/protobuf/node.ts';
import { objectIn, oversized } from '../../src/client/protobuf/oversized.ts';
import { readPod } from '../../src/client/protobuf/pod.ts';
import { ProtobufWatchReader } from '../../src/client/protobuf/watch.ts';
import { podBytes } from './pod-objects.ts';
import { frame, join, listBytes, message, text } from './protobuf-encoder.ts';

const HUGE_BYTES = 5 * 1024 * 1024;
const PADDING = message(2, [text(999, 'x'.repeat(HUGE_BYTES))]);
const HUGE_POD = join([podBytes({ name: 'agent-7', namespace: 'edge' }), PADDING]);
const HUGE_NODE = join([message(1, [text(1, 'node-7'), text(2, ''), text(3, '')]), PADDING]);
const SAYS = new RegExp(`has ${'\\d'.repeat(7)} bytes, more than 4194304(?:; make it smaller or delete it)?$`);

test('oversized: a pod of 5 MiB in a list or an event → all of it is refused, and the pod is named', () => {
  const list = new ProtobufListReader(readPod).push(listBytes('PodList', { items: [podBytes(), HUGE_POD] }));
  assert.match(list?.message ?? '', /^garbled protobuf: object edge\/agent-7 has /);
  assert.match(list?.message ?? '', SAYS);
  const before = frame('ADDED', 'Pod', podBytes());
  const watch = new ProtobufWatchReader(readPod).push(join([before, frame('MODIFIED', 'Pod', HUGE_POD)]));
  assert.equal(watch.events.length, 1);
  assert.match(watch.garbled?.message ?? '', /^garbled protobuf: object edge\/agent-7 has /);
  assert.match(watch.garbled?.message ?? '', SAYS);
});

test('oversized: a node → named without a namespace', () => {
  const list = new ProtobufListReader(readNode).push(listBytes('NodeList', { items: [HUGE_NODE] }));
  assert.match(list?.message ?? '', /object node-7 has .*; make it smaller or delete it$/);
});

test('oversized: its name has not arrived, or is none → refused all the same', () => {
  const body = listBytes('PodList', { items: [HUGE_POD] });
  const start = body.indexOf('agent-7');
  for (const length of [start, start + 3]) {
    const garbled = new ProtobufListReader(readPod).push(body.subarray(0, length));
    assert.match(garbled?.message ?? '', /: an object has /);
    assert.match(garbled?.message ?? '', SAYS);
  }
  assert.doesNotMatch(oversized(join([message(1, [text(1, 'a\u001b[2J\nb')])]), HUGE_BYTES).message, /\p{Cc}/u);
});

test('oversized: a pod with more values than are decoded, in an event → left out, and nothing is known of it; a node → what was known holds', () => {
  const labels = Array.from({ length: 31_000 }, (_, index) => message(12, [text(1, `k${index}`), text(2, 'v')]));
  const pod = message(1, [text(1, 'agent-7'), text(3, 'edge'), ...labels, ...labels]);
  const [event] = new ProtobufWatchReader(readPod).push(frame('MODIFIED', 'Pod', pod)).events;
  const problem = 'pod edge/agent-7: it has more than 30000 values';
  assert.deepEqual(event, { type: 'skipped', message: problem, lost: { namespace: 'edge', name: 'agent-7' } });
  const values = Array.from({ length: 31_000 }, (_, index) => message(11, [text(1, `k${index}`), text(2, 'v')]));
  const node = message(1, [text(1, 'node-7'), ...values]);
  const [nodeEvent] = new ProtobufWatchReader(readNode).push(frame('MODIFIED', 'Node', node)).events;
  assert.deepEqual(nodeEvent, { type: 'skipped', message: 'node node-7: it has more than 30000 values' });
});

test('oversized: any bytes → a message, never another exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isEvent) => {
      const beginning = Buffer.from(isEvent ? join([Buffer.from('k8s\0'), bytes]) : bytes);
      assert.match(oversized(isEvent ? objectIn(beginning) : beginning, HUGE_BYTES).message, SAYS);
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
