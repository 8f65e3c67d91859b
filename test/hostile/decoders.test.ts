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

/** The processor's time, and not the clock's: others may be at work on this machine. */
function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e3;
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

test('protobuf: messages nested 100,000 deep, in every field → no deeper than the tables, in less than a second of CPU', () => {
  for (const number of [1, 2, 3, 10, 11, 12, 13, 18]) {
    const bytes = nestedMessage(100_000, number);
    const cpuMs = cpuMsOf(() => {
      for (const source of SOURCES.slice(0, 2)) {
        feed(source.watchReader(PROTOBUF), frame('ADDED', bytes), []);
        feed(source.listReader(PROTOBUF), envelope(field(2, bytes)), []);
      }
    });
    assert.ok(cpuMs < 1000, `${cpuMs} ms for field ${number}`);
  }
});

test('protobuf: lengths and field numbers up to 2^64 in every place → malformed or nothing, with little work', () => {
  const huge = [2 ** 24, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 48, 2 ** 53].map((value) => varint(value));
  huge.push([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], new Array<number>(40).fill(0xff));
  const cpuMs = cpuMsOf(() => {
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
  assert.ok(cpuMs < 1000, `${cpuMs} ms`);
});

for (const count of [90_000, 2_000_000]) {
  test(`json: ${count} brackets, closed or not → skipped or malformed`, () => {
    const reader = () => podSource({ namespace: '', labelSelector: '' }).watchReader(JSON_TYPE);
    const open = '['.repeat(count);
    const broken = reader().push(Buffer.from(`${open}\n`));
    assert.equal(broken.garbled?.code, 'malformed');
    const { events, garbled } = reader().push(Buffer.from(`{"type":"ADDED","object":${open}${']'.repeat(count)}}\n`));
    // What is too large is not parsed, so nobody knows which object it is.
    if (count < 100_000) assert.equal(events[0]?.type, 'skipped');
    else assert.equal(garbled?.code, 'malformed');
  });
}
