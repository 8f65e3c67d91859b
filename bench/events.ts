/**
 * What the main thread pays for what happens in a large cluster: bytes of lists and watches → decoders → caches → rollout
 * state, for one DaemonSet, in a process of its own and wired as `run` wires it, without sockets.
 *
 * `node bench/events.ts [--nodes 50000] [--node-args "--max-semi-space-size=4 --heap-growing-percent=30"]
 * [--cpu-prof <folder>]`
 *
 * `--node-args` '' shows what Node's own settings need: the heap that lives is a third of what the process then has.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { machine, printTable } from './report.ts';
import { type Figures, type FromReader, PIECE_HEAD_BYTES, type ToReader } from './support/events-messages.ts';
import { daemonSet, jsonList, revision } from './support/events-objects.ts';
import { listOf, wireObjects } from './support/wire-objects.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '50000' },
    'node-args': { type: 'string', default: '--max-semi-space-size=4 --heap-growing-percent=30' },
    'cpu-prof': { type: 'string' },
  },
});
const NODES = Number(values.nodes);
const PIECE_BYTES_MAX = 65_536;
const MICROSECONDS_TARGET = 30;
const RSS_TARGET_MB = 250;

const objects = wireObjects();
const profiling = values['cpu-prof'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values['cpu-prof']}`];
const nodeArgs = values['node-args'].split(' ').filter((arg) => arg !== '');
const reader = fork(new URL('./support/events-reader.ts', import.meta.url), {
  stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
  execArgv: [...nodeArgs, ...profiling],
  // Types are stripped once and kept, as `run` does it: the compiler would stay in memory.
  env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'daemonpodupdater-bench') },
});
const pipe = reader.stdio[4] as Writable;
const watches = new Map<string, number>();
const waiting: ((message: FromReader) => boolean)[] = [];
let version = 1_000_000;
let isFull = false;

/** Generations of the pods: the digit in their names, so that a new pod is another pod. */
const generations = new Uint8Array(NODES);

function expect<T extends FromReader['type']>(type: T): Promise<Extract<FromReader, { type: T }>> {
  return new Promise((resolve) => {
    waiting.push((message) => {
      if (message.type !== type) return false;
      resolve(message as Extract<FromReader, { type: T }>);
      return true;
    });
  });
}

async function write(id: number, payload: Buffer, isLast = false): Promise<void> {
  let at = 0;
  do {
    const part = payload.subarray(at, at + PIECE_BYTES_MAX);
    at += part.length;
    const head = Buffer.alloc(PIECE_HEAD_BYTES);
    head.writeUInt32BE(id, 0);
    head.writeUInt32BE(part.length, 4);
    head.writeUInt8(isLast && at >= payload.length ? 1 : 0, 8);
    pipe.write(head);
    isFull = !pipe.write(part);
    if (isFull) await once(pipe, 'drain');
  } while (at < payload.length);
}

/** The highest number of a revision. */
let newest = 1;

async function answer({ id, path, query }: Extract<FromReader, { type: 'open' }>): Promise<void> {
  const resource = path.slice(path.lastIndexOf('/') + 1);
  if (query.watch === 'true') {
    watches.set(resource, id);
    return;
  }
  if (resource === 'daemonsets') return write(id, jsonList('DaemonSetList', [daemonSet(1, version)]), true);
  if (resource === 'controllerrevisions') {
    const revisions = ['old', 'new'].slice(0, newest).map((hash, index) => revision(hash, index + 1, version));
    return write(id, jsonList('List', revisions), true);
  }
  const from = Number(query.continue || '0');
  const to = Math.min(NODES, from + Number(query.limit || NODES));
  const template = resource === 'nodes' ? objects.node : objects.pod('running', 'old');
  const items = Array.from({ length: to - from }, (_, offset) => template.fill(from + offset, 0, 1000));
  const body = listOf(resource === 'nodes' ? 'NodeList' : 'PodList', items, to < NODES ? String(to) : '');
  return write(id, body, true);
}

function watchId(resource: string): number {
  const id = watches.get(resource);
  if (id === undefined) throw new Error(`no watch of ${resource} is open`);
  return id;
}

async function events(resource: string, frames: readonly Buffer[]): Promise<void> {
  await write(watchId(resource), Buffer.concat(frames));
}

async function line(resource: string, type: string, object: unknown): Promise<void> {
  await write(watchId(resource), Buffer.from(`${JSON.stringify({ type, object })}\n`));
}

function nextVersion(): number {
  version += 1;
  return version;
}

const FRAMES_A_WRITE = 10;

async function heartbeats(count: number): Promise<void> {
  for (let at = 0; at < count; at += FRAMES_A_WRITE) {
    const indexes = Array.from({ length: Math.min(FRAMES_A_WRITE, count - at) }, (_, i) => (at + i) % NODES);
    await events(
      'nodes',
      indexes.map((index) => objects.heartbeat.fill(index, 0, nextVersion())),
    );
  }
}

async function podUpdates(count: number): Promise<void> {
  for (let at = 0; at < count; at += FRAMES_A_WRITE) {
    const frames = Array.from({ length: Math.min(FRAMES_A_WRITE, count - at) }, (_, i) => {
      return objects.podEvent('MODIFIED', 'noticed', 'old').fill((at + i) % NODES, 0, nextVersion());
    });
    await events('pods', frames);
  }
}

/** What the watch tells of one pod's replacement. */
const REPLACEMENT = [
  { type: 'MODIFIED', look: 'terminating', hash: 'old' },
  { type: 'DELETED', look: 'terminating', hash: 'old' },
  { type: 'ADDED', look: 'creating', hash: 'new' },
  { type: 'MODIFIED', look: 'starting', hash: 'new' },
  { type: 'MODIFIED', look: 'running', hash: 'new' },
] as const;

/** Plays what becomes of every deletion, step by step for each batch; resolves with the events when all pods are new. */
async function rollOut(heartbeatsAnEvent: number): Promise<number> {
  const deleted: (readonly number[])[] = [];
  let wake = (): void => {};
  onDeleted = (nodes) => {
    deleted.push(nodes);
    wake();
  };
  version += 1;
  newest = 2;
  await line('controllerrevisions', 'ADDED', revision('new', 2, version));
  await line('daemonsets', 'MODIFIED', daemonSet(2, version));
  let replaced = 0;
  let sent = 2;
  let beats = 0;
  while (replaced < NODES) {
    const nodes = deleted.shift();
    if (nodes === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      continue;
    }
    for (const { type, look, hash } of REPLACEMENT) {
      if (type === 'ADDED') for (const node of nodes) generations[node] = 1;
      const template = objects.podEvent(type, look, hash);
      await events(
        'pods',
        nodes.map((node) => template.fill(node, generations[node] ?? 0, nextVersion())),
      );
      sent += nodes.length;
      for (beats += nodes.length * heartbeatsAnEvent; beats >= 1; beats -= 1) {
        await events('nodes', [objects.heartbeat.fill(sent % NODES, 0, nextVersion())]);
        sent += 1;
      }
    }
    replaced += nodes.length;
  }
  return sent;
}

let onDeleted: (nodes: readonly number[]) => void = () => {};

reader.on('message', (message: FromReader) => {
  if (message.type === 'open') void answer(message);
  else if (message.type === 'deleted') onDeleted(message.nodes);
  const index = waiting.findIndex((take) => take(message));
  if (index !== -1) waiting.splice(index, 1);
});
reader.on('exit', (code) => {
  if (code !== 0) process.exit(1);
});

function send(message: ToReader): void {
  reader.send(message);
}

interface Row extends Figures {
  readonly events: number;
}

async function measure(phase: string, run: () => Promise<number>): Promise<Row> {
  const begun = expect('begun');
  send({ type: 'begin', phase });
  await begun;
  const eventCount = await run();
  const figures = expect('figures');
  await write(0, Buffer.alloc(0));
  return { ...(await figures), events: eventCount };
}

async function untilWatching(resources: readonly string[]): Promise<void> {
  while (!resources.every((resource) => watches.has(resource))) await expect('open');
}

const rows: Row[] = [];
rows.push(
  await measure('list', async () => {
    await untilWatching(['nodes', 'pods', 'daemonsets', 'controllerrevisions']);
    return 2 * NODES;
  }),
);
rows.push(await measure('node heartbeats', () => heartbeats(2 * NODES).then(() => 2 * NODES)));
rows.push(await measure('pod updates', () => podUpdates(2 * NODES).then(() => 2 * NODES)));
rows.push(await measure('rollout, a heartbeat for two pod events', () => rollOut(0.5)));
send({ type: 'end' });

const sizes = `pods of ${objects.pod('running', 'old').length} bytes, nodes of ${objects.node.length} bytes`;
process.stdout.write(`${NODES} nodes and pods of one DaemonSet, ${sizes}\n`);
process.stdout.write(`${machine()}, load ${loadavg()[0]?.toFixed(1)}, node ${nodeArgs.join(' ')}\n`);
printTable(
  rows.map((row) => ({
    '': row.phase,
    events: String(row.events),
    'µs an event, main thread': ((row.mainMs * 1000) / row.events).toFixed(1),
    'all threads': ((row.processMs * 1000) / row.events).toFixed(1),
    'heap MB': row.heapMb.toFixed(0),
    'RSS MB': row.rssMb.toFixed(0),
    'peak RSS MB': row.peakRssMb.toFixed(0),
  })),
);
const worst = Math.max(...rows.slice(1).map(({ mainMs, events: count }) => (mainMs * 1000) / count));
const peak = Math.max(...rows.map(({ peakRssMb }) => peakRssMb));
const verdict = (isMet: boolean): string => (isMet ? 'met' : 'missed');
process.stdout.write(
  `target at most ${MICROSECONDS_TARGET} µs an event: ${verdict(worst <= MICROSECONDS_TARGET)} (${worst.toFixed(1)}); ` +
    `at most ${RSS_TARGET_MB} MB RSS: ${verdict(peak <= RSS_TARGET_MB)} (${peak.toFixed(0)})\n`,
);
const updated = rows.at(-1)?.updated;
if (updated !== NODES) process.stdout.write(`WRONG: ${updated} of ${NODES} pods are up to date at the end\n`);
process.stdout.write(`${JSON.stringify({ nodes: NODES, rows })}\n`);
