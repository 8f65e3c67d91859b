/** The measured process of bench/events.ts: reflectors, caches and controller as `run` has them, on bytes from a pipe. */
import { Socket } from 'node:net';
import type { ApiClient, ApiRequest, StreamAnswer } from '../../src/client/api.ts';
import { ControllerHost } from '../../src/manager/controller-host.ts';
import { BATCH_MAX, LANE_IN_FLIGHT_MAX, TASK_TIMEOUT_MS } from '../../src/manager/limits.ts';
import type { Outcome } from '../../src/protocol/outcome.ts';
import { nodeOfSlot } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';
import { type Figures, type FromReader, PIECE_HEAD_BYTES, type ToReader } from './events-messages.ts';

const DATA_FD = 4;
/** As in src/client: what may wait before the sender is held back. */
const WAITING_BYTES_MAX = 256 * 1024;

function tell(message: FromReader): void {
  process.send?.(message);
}

/** One body, as the client's streams hand it out. */
class Body {
  chunks: Buffer[] = [];
  isEnded = false;
  #wake: (() => void) | undefined;

  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.wake();
  }

  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      for (let chunk = takeFrom(this); chunk !== undefined; chunk = takeFrom(this)) yield chunk;
      if (this.isEnded) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

const bodies = new Map<number, Body>();
const data = new Socket({ fd: DATA_FD, readable: true, writable: false });
let waitingBytes = 0;
let opened = 0;

function takeFrom(body: Body): Buffer | undefined {
  const chunk = body.chunks.shift();
  waitingBytes -= chunk?.length ?? 0;
  if (waitingBytes < WAITING_BYTES_MAX && data.isPaused()) data.resume();
  return chunk;
}

function stream(request: ApiRequest): Promise<StreamAnswer> {
  opened += 1;
  const id = opened;
  const body = new Body();
  bodies.set(id, body);
  request.signal?.addEventListener('abort', () => end(id), { once: true });
  const query = Object.fromEntries(Object.entries(request.query ?? {}).map(([name, value]) => [name, String(value)]));
  tell({ type: 'open', id, path: request.path, query });
  const isJson = !request.accept?.includes('protobuf');
  return Promise.resolve({
    kind: 'stream',
    status: 200,
    retryAfterMs: 0,
    contentType: isJson ? 'application/json' : 'application/vnd.kubernetes.protobuf',
    body: { [Symbol.asyncIterator]: () => body.read() },
    abort() {},
  });
}

const host = new ControllerHost({
  client: { stream } as unknown as ApiClient,
  namespaces: [],
  controller: {
    lanes: 2,
    batchMax: BATCH_MAX,
    laneInFlightMax: LANE_IN_FLIGHT_MAX,
    qps: 0,
    burst: 0,
    maxInFlight: Number.POSITIVE_INFINITY,
    maxInFlightPerDaemonSet: Number.POSITIVE_INFINITY,
    taskTimeoutMs: TASK_TIMEOUT_MS,
    isDryRun: false,
    random: Math.random,
  },
  send: (_lane, { tasks }) => {
    tell({ type: 'deleted', nodes: tasks.map(({ slot }) => Number(nodeOfSlot(slot).slice('edge-'.length))) });
    setImmediate(() => host.onOutcomes(tasks.map(doneOf)));
  },
  recordEvent() {},
  log() {},
  taskDone() {},
  onProblem: ({ stream: name, problem }) => {
    throw new Error(`${name}: ${problem.message}`);
  },
});

function doneOf({ slot, action, uid }: Task): Outcome {
  const rest = { httpStatus: 200, message: '', retryAfterMs: 0, durationMs: 1, isTerminating: false };
  return { slot, action, uid, code: 'done', ...rest };
}

let phase = '';
let main = process.threadCpuUsage();
let all = process.cpuUsage();

function figures(): Figures {
  const mainUsed = process.threadCpuUsage(main);
  const allUsed = process.cpuUsage(all);
  const { rss, heapUsed } = process.memoryUsage();
  const [followed] = host.controller.followed();
  return {
    phase,
    mainMs: (mainUsed.user + mainUsed.system) / 1000,
    processMs: (allUsed.user + allUsed.system) / 1000,
    rssMb: rss / 1024 / 1024,
    peakRssMb: process.resourceUsage().maxRSS / 1024,
    heapMb: heapUsed / 1024 / 1024,
    updated: followed?.rollout.counts().updated ?? 0,
  };
}

/** All bytes of the phase have been handed over; a few turns later they have been dealt with. */
function finishPhase(turns = 5): void {
  if (waitingBytes > 0 || turns > 0) setImmediate(() => finishPhase(waitingBytes > 0 ? 5 : turns - 1));
  else tell({ type: 'figures', ...figures() });
}

let head = Buffer.alloc(0);
let piece = { id: 0, left: 0, isLast: false };

data.on('data', (chunk: Buffer) => {
  let at = 0;
  while (at < chunk.length) {
    if (piece.left === 0) {
      const wanted = PIECE_HEAD_BYTES - head.length;
      head = Buffer.concat([head, chunk.subarray(at, at + wanted)]);
      at += Math.min(wanted, chunk.length - at);
      if (head.length < PIECE_HEAD_BYTES) return;
      piece = { id: head.readUInt32BE(0), left: head.readUInt32BE(4), isLast: head.readUInt8(8) === 1 };
      head = Buffer.alloc(0);
      if (piece.left === 0) endPiece();
      continue;
    }
    const part = chunk.subarray(at, at + piece.left);
    at += part.length;
    piece.left -= part.length;
    waitingBytes += part.length;
    bodies.get(piece.id)?.push(part);
    if (piece.left === 0) endPiece();
  }
  if (waitingBytes > WAITING_BYTES_MAX) data.pause();
});

function endPiece(): void {
  if (piece.id === 0) finishPhase();
  if (piece.isLast) end(piece.id);
}

function end(id: number): void {
  const body = bodies.get(id);
  bodies.delete(id);
  if (body === undefined) return;
  body.isEnded = true;
  body.wake();
}

process.on('message', (message: ToReader) => {
  if (message.type === 'end') process.exit(0);
  phase = message.phase;
  if (phase === 'list') host.start();
  if (phase.startsWith('rollout')) host.setLeadership({ isLeading: true, writeUntilMs: Number.POSITIVE_INFINITY });
  main = process.threadCpuUsage();
  all = process.cpuUsage();
  tell({ type: 'begun' });
});
