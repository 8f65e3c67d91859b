/**
 * What a pod costs from the wire to a record: `node bench/decode.ts [pods]`. Prints µs a pod for a list and for watch
 * events, JSON against protobuf, with machine and Node version.
 */
import { cpus } from 'node:os';
import { JsonListReader } from '../src/client/json/list.ts';
import { parsePod } from '../src/client/json/pod.ts';
import { JsonWatchReader } from '../src/client/json/watch.ts';
import { ProtobufListReader } from '../src/client/protobuf/list.ts';
import { readPod } from '../src/client/protobuf/pod.ts';
import { ProtobufWatchReader } from '../src/client/protobuf/watch.ts';
import { podBytes, podJson } from '../test/client/pod-objects.ts';
import { frame, listBytes } from '../test/client/protobuf-encoder.ts';

const podCount = Number(process.argv[2] ?? 2000);
const CHUNK_BYTES = 65_536;
const ROUNDS = 7;

const choices = Array.from({ length: podCount }, (_, i) => ({
  name: `agent-${i}`,
  uid: `5d1ff0c0-7b3f-4e8e-9a52-${String(i).padStart(12, '0')}`,
  resourceVersion: String(1_000_000 + i),
  nodeName: `edge-${i}`,
  affinityNode: `edge-${i}`,
}));

function chunksOf(body: Buffer): readonly Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; at += CHUNK_BYTES) chunks.push(body.subarray(at, at + CHUNK_BYTES));
  return chunks;
}

/** The best of several rounds: everything slower is somebody else's work. */
function microsecondsAPod(run: () => number): number {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const startedMs = performance.now();
    const count = run();
    bestMs = Math.min(bestMs, performance.now() - startedMs);
    if (count !== podCount) throw new Error(`decoded ${count} of ${podCount} pods`);
  }
  return (bestMs * 1000) / podCount;
}

const jsonList = chunksOf(
  Buffer.from(
    JSON.stringify({
      kind: 'PodList',
      metadata: { resourceVersion: '1' },
      items: choices.map((choice) => podJson(choice)),
    }),
  ),
);
const protobufList = chunksOf(listBytes('PodList', { items: choices.map((choice) => podBytes(choice)) }));
const jsonLines = chunksOf(
  Buffer.from(choices.map((choice) => `${JSON.stringify({ type: 'MODIFIED', object: podJson(choice) })}\n`).join('')),
);
const protobufFrames = chunksOf(Buffer.concat(choices.map((choice) => frame('MODIFIED', 'Pod', podBytes(choice)))));

function list(reader: { push(chunk: Uint8Array): unknown; end(): unknown }, chunks: readonly Buffer[]): number {
  for (const chunk of chunks) reader.push(chunk);
  const end = reader.end() as { ok: boolean; list: { items: unknown[] } };
  return end.ok ? end.list.items.length : -1;
}

function watch(reader: { push(chunk: Uint8Array): { events: readonly unknown[] } }, chunks: readonly Buffer[]): number {
  return chunks.reduce((count, chunk) => count + reader.push(chunk).events.length, 0);
}

const jsonText = JSON.stringify(podJson());
const rows: Record<string, string> = {
  'JSON.parse alone': microsecondsAPod(() => {
    let count = 0;
    for (let i = 0; i < podCount; i++) count += JSON.parse(jsonText) ? 1 : 0;
    return count;
  }).toFixed(1),
  'list, JSON → records': microsecondsAPod(() => list(new JsonListReader(parsePod), jsonList)).toFixed(1),
  'list, protobuf → records': microsecondsAPod(() => list(new ProtobufListReader(readPod), protobufList)).toFixed(1),
  'watch, JSON → records': microsecondsAPod(() => watch(new JsonWatchReader(parsePod), jsonLines)).toFixed(1),
  'watch, protobuf → records': microsecondsAPod(() => watch(new ProtobufWatchReader(readPod), protobufFrames)).toFixed(
    1,
  ),
};

console.log(`${podCount} pods of ${podBytes().length} bytes (protobuf), ${jsonText.length} bytes (JSON)`);
console.log(`Node ${process.version}, ${cpus()[0]?.model ?? 'unknown CPU'}; µs a pod, best of ${ROUNDS}`);
for (const [name, value] of Object.entries(rows)) console.log(`${name.padEnd(28)} ${value.padStart(7)}`);
