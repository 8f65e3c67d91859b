/**
 * Feeds monsters to the decoders, in chunks as from a socket, and prints what came of them and what they cost together. A
 * process of its own, so that the peak of its memory is theirs: `node --max-old-space-size=… monsters.ts <name>…`.
 */
import { daemonSetSource, nodeSource, podSource } from '../../src/cache/resources.ts';
import type { ListReader, WatchReader } from '../../src/client/readers.ts';
import { frame, join, message, text, varintBytes } from '../client/protobuf-encoder.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf;stream=watch';
const JSON_TYPE = 'application/json';
const CHUNK_BYTES = 64 * 1024;
const MIB = 1024 * 1024;

/** What a decoder said: usable objects, reasons of those left out, and why the rest was not read. */
export interface Verdict {
  objects: number;
  readonly skipped: string[];
  garbled: string | undefined;
  /** How much was taken before that. */
  bytes: number;
}

export interface MonsterReport {
  readonly verdicts: Readonly<Record<string, Verdict>>;
  readonly peakMb: number;
  readonly cpuMs: number;
}

function feed(reader: ListReader<unknown> | WatchReader<unknown>, parts: Iterable<Uint8Array>): Verdict {
  const verdict: Verdict = { objects: 0, skipped: [], garbled: undefined, bytes: 0 };
  for (const part of parts) {
    for (let at = 0; at < part.length && verdict.garbled === undefined; at += CHUNK_BYTES) {
      const answer = reader.push(part.subarray(at, at + CHUNK_BYTES));
      if (answer !== undefined && 'events' in answer) {
        for (const event of answer.events) {
          if (event.type === 'skipped') verdict.skipped.push(event.message);
          else verdict.objects += 1;
        }
        verdict.garbled = answer.garbled?.message;
      } else verdict.garbled = answer?.message;
      if (verdict.garbled === undefined) verdict.bytes += CHUNK_BYTES;
    }
    if (verdict.garbled !== undefined) return verdict;
  }
  if (!('end' in reader)) return verdict;
  const end = reader.end();
  if (!end.ok) return { ...verdict, garbled: end.message };
  return { ...verdict, objects: end.list.items.length, skipped: end.list.skipped.map(({ message }) => message) };
}

function* times<T>(count: number, value: T): Generator<T> {
  for (let index = 0; index < count; index += 1) yield value;
}

/** The same bytes again and again, without a piece of memory for each. */
function repeated(count: number, part: Uint8Array): Uint8Array {
  return Buffer.alloc(part.length * count, part);
}

/** No two keys are the same: the same key again would leave a map with one entry. */
function labels(count: number): Uint8Array {
  const one = message(11, [text(1, '0000')]);
  const all = repeated(count, one) as Buffer;
  for (let index = 0; index < count; index += 1) {
    all.write(index.toString(36).padStart(4, '-'), (index + 1) * one.length - 4, 'latin1');
  }
  return all;
}

const IDENTITY = [text(1, 'monster'), text(3, 'ns'), text(5, 'uid'), text(6, '1')];
const node = (...parts: Uint8Array[]) => frame('ADDED', 'Node', join([message(1, IDENTITY), ...parts]));
const pod = (...parts: Uint8Array[]) => frame('ADDED', 'Pod', join([message(1, IDENTITY), ...parts]));
const watchNodes = (parts: Iterable<Uint8Array>) => feed(nodeSource().watchReader(PROTOBUF), parts);
const watchPods = (parts: Iterable<Uint8Array>) =>
  feed(podSource({ namespace: '', labelSelector: '' }).watchReader(PROTOBUF), parts);
const daemonSets = () => daemonSetSource({ namespace: '' });
const listDaemonSets = (parts: Iterable<Uint8Array>) => feed(daemonSets().listReader(JSON_TYPE), jsonList(parts));

/** A JSON object of many keys, or a part of one. */
function keys(from: number, count: number): Buffer {
  const entries = Array.from({ length: count }, (_, index) => `"${(from + index).toString(36)}":"",`);
  return Buffer.from(entries.join(''));
}

const METADATA = '"metadata":{"name":"monster","namespace":"ns","uid":"uid","resourceVersion":"1"';

function* jsonList(parts: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield Buffer.from(`{"metadata":{"resourceVersion":"1"},"items":[`);
  yield* parts;
  yield Buffer.from('{}]}');
}

function* annotated(parts: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield Buffer.from(`{${METADATA},"annotations":{`);
  yield* parts;
  yield Buffer.from('"end":""}}},');
}

const MONSTERS: Readonly<Record<string, () => Verdict>> = {
  'a node like any other': () => watchNodes([node(message(1, [labels(9_990)]))]),
  'ten million labels': () => watchNodes(times(30, node(message(1, [labels(350_000)])))),
  'ten million labels in a list': () => {
    const item = message(2, [message(1, [...IDENTITY, labels(350_000)])]);
    const meta = message(1, [text(2, '1')]);
    const head = [Buffer.from('k8s\0'), [0x12], varintBytes(meta.length + 30 * item.length), meta];
    return feed(nodeSource().listReader(PROTOBUF), [
      Buffer.concat(head.map((part) => Buffer.from(part))),
      ...times(30, item),
    ]);
  },
  'many taints': () => watchNodes([node(message(2, [repeated(400_000, message(5, [text(1, 'a')]))]))]),
  'long labels': () =>
    watchNodes([node(message(1, [...times(40, message(11, [text(1, 'k'), text(2, 'v'.repeat(90_000))]))]))]),
  'many annotations': () => watchPods([pod(message(1, [repeated(400_000, message(12, [text(1, 'a')]))]))]),
  'many conditions': () => watchPods([pod(message(3, [repeated(400_000, message(2, [text(1, 'a')]))]))]),
  'many containers': () => watchPods([pod(message(3, [repeated(400_000, message(8, [message(2, [])]))]))]),
  'many owners': () => watchPods([pod(message(1, [repeated(400_000, message(13, [text(4, 'u')]))]))]),
  'a list of 2^53 bytes': () => feed(nodeSource().listReader(PROTOBUF), [Buffer.from('k8s\0'), lengthOf(2n ** 53n)]),
  'a node of 2^53 bytes': () =>
    feed(nodeSource().listReader(PROTOBUF), [Buffer.from('k8s\0'), lengthOf(2n ** 53n), lengthOf(2n ** 52n)]),
  'labels of 2^63 bytes': () => watchNodes([node(lengthOf(2n ** 63n))]),
  'a frame of 12 MB': () => watchNodes([node(message(1, [labels(1_500_000)]))]),
  'a DaemonSet whose annotation is JSON': () => {
    const value = JSON.stringify(`\\"${'[1,2],'.repeat(40_000)}`);
    const line = `{"type":"ADDED","object":{${METADATA},"annotations":{"a":${value}}}}}\n`;
    return feed(daemonSets().watchReader(JSON_TYPE), [Buffer.from(line)]);
  },
  'a line of 100 MB': () => feed(daemonSets().watchReader(JSON_TYPE), times(1600, Buffer.alloc(CHUNK_BYTES, '"'))),
  'a million annotations in lines': () => {
    const head = Buffer.from(`{"type":"ADDED","object":{${METADATA},"annotations":{`);
    const line = Buffer.concat([head, keys(0, 350_000), Buffer.from('"end":""}}}}\n')]);
    return feed(daemonSets().watchReader(JSON_TYPE), times(3, line));
  },
  'half a million annotations in a list': () => {
    const parts = [...annotated([keys(0, 250_000)]), ...annotated([keys(0, 250_000)]), ...annotated([])];
    return listDaemonSets(parts);
  },
  'long annotations in a list': () => {
    const parts = [...annotated([Buffer.from(`"a":"${'v'.repeat(5 * MIB)}",`)]), ...annotated([])];
    return listDaemonSets(parts);
  },
  'two million annotations in a list': () => listDaemonSets(annotated(times(20, keys(0, 100_000)))),
  'ten million empty objects': () => listDaemonSets(times(10, Buffer.from('{},'.repeat(1_000_000)))),
  'a million numbers': () => listDaemonSets(times(10, Buffer.from('0,'.repeat(110_000)))),
  'a list of 40 MB': () => listDaemonSets(times(40, Buffer.alloc(MIB, ' '))),
};

/** Says how many bytes field 2 has; they never come. */
function lengthOf(bytes: bigint): Uint8Array {
  return join([Uint8Array.of(0x12), varintBytes(bytes)]);
}

if (process.argv[1] === import.meta.filename) {
  const verdicts: Record<string, Verdict> = {};
  for (const name of process.argv.slice(2)) {
    const make = MONSTERS[name];
    if (make === undefined) throw new Error(`no such monster: ${name}`);
    verdicts[name] = make();
  }
  const { user, system } = process.cpuUsage();
  const peakMb = Math.round(process.resourceUsage().maxRSS / 1e3);
  const report: MonsterReport = { verdicts, peakMb, cpuMs: Math.round((user + system) / 1e3) };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
