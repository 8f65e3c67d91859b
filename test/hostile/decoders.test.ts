import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { daemonSetSource, nodeSource, podSource, revisionSource } from '../../src/cache/resources.ts';
import type { ListReader, WatchReader } from '../../src/client/readers.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf;stream=watch';
const JSON_TYPE = 'application/json';
const SOURCES = [
  podSource({ namespace: '', labelSelector: '' }),
  nodeSource(),
  daemonSetSource({ namespace: '' }),
  revisionSource({ namespace: '', labelSelector: '' }),
];

interface Cost {
  readonly ms: number;
  readonly mb: number;
}

function costOf(work: () => void): Cost {
  const rss = process.memoryUsage().rss;
  const startedMs = performance.now();
  work();
  return { ms: performance.now() - startedMs, mb: (process.memoryUsage().rss - rss) / 1e6 };
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  bytes.push(rest);
  return bytes;
}

function field(number: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(content.length)]), content]);
}

function envelope(object: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('k8s\0', 'latin1'), field(2, object)]);
}

function frame(type: string, object: Uint8Array): Buffer {
  const event = Buffer.concat([field(1, Buffer.from(type)), field(2, field(1, envelope(object)))]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}

/** A message in a message in a message. */
function nestedMessage(depth: number, number: number): Buffer {
  let head: number[] = [];
  const heads: number[][] = [];
  let length = 0;
  for (let level = 0; level < depth; level += 1) {
    head = [...varint(number * 8 + 2), ...varint(length)];
    heads.push(head);
    length += head.length;
  }
  return Buffer.from(heads.reverse().flat());
}

function feed(reader: ListReader<unknown> | WatchReader<unknown>, bytes: Uint8Array, cuts: readonly number[]): void {
  let start = 0;
  for (const cut of [...cuts, bytes.length].map((at) => Math.min(at, bytes.length)).sort((a, b) => a - b)) {
    const answer = reader.push(bytes.subarray(start, cut));
    start = cut;
    if (answer === undefined) continue;
    const garbled = 'events' in answer ? answer.garbled : answer;
    if (garbled === undefined) continue;
    assert.equal(garbled.code, 'malformed');
    assert.ok(garbled.message.length > 0 && garbled.message.length < 400);
    return;
  }
  if (!('end' in reader)) return;
  const end = reader.end();
  if (!end.ok) assert.ok(end.message.length < 400);
}

test('decoders: any bytes, cut anywhere, in every form of every resource → a value or malformed', () => {
  const begin = fc.constantFrom(
    '',
    'k8s\0',
    '{',
    '{"type":"ADDED","object":',
    '\0\0\0\u0010',
    '{"metadata":{},"items":[',
  );
  fc.assert(
    fc.property(begin, fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(300)), (start, bytes, cuts) => {
      const all = Buffer.concat([Buffer.from(start, 'latin1'), bytes]);
      for (const source of SOURCES) {
        for (const type of [PROTOBUF, JSON_TYPE, '', 'text/html']) {
          feed(source.listReader(type), all, cuts);
          feed(source.watchReader(type), all, cuts);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('decoders: any JSON as list, event or object → a value or malformed', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.jsonValue(), (text, value) => {
      for (const source of SOURCES) {
        feed(source.listReader(JSON_TYPE), Buffer.from(text), []);
        feed(source.listReader(JSON_TYPE), Buffer.from(JSON.stringify({ metadata: {}, items: [value] })), []);
        feed(source.watchReader(JSON_TYPE), Buffer.from(`${JSON.stringify({ type: 'ADDED', object: value })}\n`), []);
        feed(source.watchReader(JSON_TYPE), Buffer.from(`${JSON.stringify({ type: 'ERROR', object: value })}\n`), []);
        feed(
          source.watchReader(JSON_TYPE),
          Buffer.from(`${JSON.stringify({ type: 'BOOKMARK', object: value })}\n`),
          [],
        );
      }
    }),
    { numRuns: 200 },
  );
});

test('protobuf: messages nested 100,000 deep, in every field → no deeper than the tables, in no time', () => {
  for (const number of [1, 2, 3, 10, 11, 12, 13, 18]) {
    const bytes = nestedMessage(100_000, number);
    const { ms } = costOf(() => {
      for (const source of SOURCES.slice(0, 2)) {
        feed(source.watchReader(PROTOBUF), frame('ADDED', bytes), []);
        feed(source.listReader(PROTOBUF), envelope(field(2, bytes)), []);
      }
    });
    assert.ok(ms < 1000, `${ms} ms for field ${number}`);
  }
});

test('protobuf: lengths and field numbers up to 2^64 in every place → malformed or nothing, never memory', () => {
  const huge = [2 ** 24, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 48, 2 ** 53].map((value) => varint(value));
  huge.push([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], new Array<number>(40).fill(0xff));
  const { mb, ms } = costOf(() => {
    for (const length of huge) {
      for (const number of [1, 2, 3, 15]) {
        const bytes = Buffer.from([...varint(number * 8 + 2), ...length]);
        for (const source of SOURCES.slice(0, 2)) {
          feed(source.listReader(PROTOBUF), Buffer.concat([Buffer.from('k8s\0', 'latin1'), bytes]), []);
          feed(source.listReader(PROTOBUF), envelope(bytes), []);
          feed(source.listReader(PROTOBUF), envelope(field(2, bytes)), []);
          feed(source.watchReader(PROTOBUF), frame('ADDED', bytes), []);
          feed(source.watchReader(PROTOBUF), Buffer.concat([Buffer.from([0, 0, 0, 20]), bytes]), []);
        }
      }
    }
  });
  assert.ok(mb < 100 && ms < 1000, `${mb} MB, ${ms} ms`);
});

test('protobuf: ten million labels in frames of 16 MB → decoded or refused, a node at a time, in bounded memory', () => {
  const label = field(11, field(1, Buffer.from('a')));
  const metadata = Buffer.concat([
    field(1, Buffer.from('n1')),
    field(5, Buffer.from('u1')),
    field(6, Buffer.from('1')),
    Buffer.alloc(label.length * 2_500_000, label),
  ]);
  const bytes = frame('ADDED', field(1, metadata));
  assert.ok(bytes.length < 16 * 1024 * 1024);
  const reader = nodeSource().watchReader(PROTOBUF);
  let events = 0;
  const { mb, ms } = costOf(() => {
    for (let index = 0; index < 4; index += 1) events += reader.push(bytes).events.length;
  });
  assert.equal(events, 4);
  assert.ok(mb < 200 && ms < 10_000, `${mb} MB, ${ms} ms`);
});

test('protobuf: a frame of 100 MB → refused by its length, before it is there', () => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(100 * 1024 * 1024);
  const { garbled } = nodeSource().watchReader(PROTOBUF).push(head);
  assert.match(garbled?.message ?? '', /a frame has 104857600 bytes/);
});

test('json: a line of 100 MB, in chunks of 64 KiB → refused at 16 MiB', () => {
  const reader = daemonSetSource({ namespace: '' }).watchReader(JSON_TYPE);
  const chunk = Buffer.alloc(64 * 1024, '"');
  let chunks = 0;
  const { mb } = costOf(() => {
    while (chunks < 1600 && reader.push(chunk).garbled === undefined) chunks += 1;
  });
  assert.ok(chunks * chunk.length <= 16 * 1024 * 1024 && mb < 200, `${chunks} chunks, ${mb} MB`);
});

test('json: 4 million brackets, closed or not → skipped or malformed', () => {
  const reader = () => podSource({ namespace: '', labelSelector: '' }).watchReader(JSON_TYPE);
  const open = '['.repeat(4_000_000);
  assert.equal(reader().push(Buffer.from(`${open}\n`)).garbled?.code, 'malformed');
  const { events } = reader().push(Buffer.from(`{"type":"ADDED","object":${open}${']'.repeat(4_000_000)}}\n`));
  assert.equal(events[0]?.type, 'skipped');
});

for (const [name, item, count, message] of [
  ['20 million empty objects', '{}', 20_000_000, /more than 8000000 values/],
  ['2 million empty objects', '{}', 2_000_000, /more than 1000000 items/],
  ['100,000 empty objects', '{}', 100_000, /more than 10000 objects are unusable/],
] as const) {
  test(`json: a list of ${name} → refused with the reason, in a few seconds and hundred MB`, () => {
    const reader = daemonSetSource({ namespace: '' }).listReader(JSON_TYPE);
    const part = Buffer.from(`${item},`.repeat(count / 10));
    const { ms, mb } = costOf(() => {
      reader.push(Buffer.from('{"metadata":{},"items":['));
      for (let index = 0; index < 10; index += 1) reader.push(part);
      reader.push(Buffer.from(`${item}]}`));
      const end = reader.end();
      assert.ok(!end.ok);
      assert.match(end.message, message);
    });
    assert.ok(ms < 8000 && mb < 600, `${ms} ms, ${mb} MB`);
  });
}

test('json: a list of more than 64 MB → refused while it arrives, nothing is kept', () => {
  const reader = daemonSetSource({ namespace: '' }).listReader(JSON_TYPE);
  const chunk = Buffer.alloc(1024 * 1024, ' ');
  let count = 0;
  while (count < 200 && reader.push(chunk) === undefined) count += 1;
  assert.equal(count, 64);
});
