import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import type { EventLoopUtilization } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import type { MessagePort, ResourceLimits, Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { LaneHello } from '../protocol/lane-control.ts';
import type { Outcome } from '../protocol/outcome.ts';
import type { Task, TaskBatch } from '../protocol/task.ts';
import type { WireBatch, WireOutcomes } from '../protocol/wire.ts';
import { packBatch, unpackOutcomes } from '../protocol/wire.ts';
import type { ControlLink } from './control-link.ts';
import { openControlLink } from './control-link.ts';
import type { LaneLossReason } from './lane-pool.ts';

export interface LaneThreadOptions {
  /** A module with the functions of a LaneHost: `connect`, and `default` for batches. */
  readonly workerUrl: URL;
  readonly resourceLimits: ResourceLimits;
}

/** How a thread reaches the API server. */
export type LaneNetwork = Omit<LaneHello, 'controlPort'>;

export interface LaneThreadCallbacks {
  onOutcomes(outcomes: readonly Outcome[]): void;
  /** Once, and after it nothing else. Not after `close`. */
  onLost(reason: LaneLossReason, detail: string): void;
}

interface SentBatch {
  readonly tasks: readonly Task[];
  owed: number;
}

/** Batches that a thread may have at once. Far above what the dispatcher sends: it is the one that limits. */
const BATCHES_MAX = 4096;
const DETAIL_LENGTH_MAX = 300;

/**
 * One life of a lane: a Piscina pool of one thread, which is never reused after that thread died. Piscina would start
 * another one by itself, at once and again and again.
 */
export class LaneThread {
  readonly link: ControlLink;
  /** Ends when the thread has loaded its code and can take batches; never rejects, and never ends for a thread that dies first. */
  readonly ready: Promise<void>;
  readonly #pool: Piscina<WireBatch | LaneHello, WireOutcomes>;
  readonly #worker: Worker | undefined;
  readonly #callbacks: LaneThreadCallbacks;
  /** By id, exactly the batches with tasks that have no outcome yet. */
  readonly #batches = new Map<number, SentBatch>();
  #nextId = 0;
  #isOver = false;

  /** Throws when the thread cannot be created. */
  constructor(options: LaneThreadOptions, network: LaneNetwork, callbacks: LaneThreadCallbacks) {
    this.#callbacks = callbacks;
    this.#pool = new Piscina({
      filename: fileURLToPath(options.workerUrl),
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: BATCHES_MAX,
      // An idle worker must not block its event loop: keep-alive sockets and the control port live on it.
      atomics: 'disabled',
      recordTiming: false,
      resourceLimits: options.resourceLimits,
      env: threadEnvironment(),
    });
    this.#worker = this.#pool.threads[0];
    this.link = openControlLink();
    this.#listen();
    const hello: LaneHello = { controlPort: this.link.remotePort, ...network };
    const never = new Promise<void>(() => {});
    this.ready = this.#pool.run(hello, { name: 'connect', transferList: transfer(hello.controlPort) }).then(
      () => {},
      (error: unknown) => {
        this.#lost('error', error);
        return never;
      },
    );
  }

  send(batch: TaskBatch): void {
    const id = this.#nextId++;
    this.#batches.set(id, { tasks: batch.tasks, owed: batch.tasks.length });
    this.#pool.run(packBatch(id, batch)).then(
      (wire) => this.#arrived(wire),
      // The executor never throws. If it does, or the thread is gone, this life of the lane is over.
      (error: unknown) => this.#lost('error', error),
    );
  }

  /** Busy share since an earlier reading; works while the thread is blocked. */
  utilization(since?: EventLoopUtilization): EventLoopUtilization {
    const none = { idle: 0, active: 0, utilization: 0 };
    return this.#worker?.performance.eventLoopUtilization(since) ?? none;
  }

  /** Ends the thread although it has work; what it has is lost. */
  async kill(reason: LaneLossReason): Promise<void> {
    if (this.#isOver) return;
    // Not `once` of node:events: it rejects when the thread reports an error on its way out.
    const exited = new Promise<unknown>((resolve) => this.#worker?.once('exit', resolve));
    this.#lost(reason, undefined);
    await exited;
  }

  /** Ends the thread, which has no work any more. Its profiles are written before this ends. */
  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#pool.close();
    this.link.close();
  }

  #listen(): void {
    // What Piscina reports here has been seen on the worker; without a listener it would end the process.
    this.#pool.on('error', () => {});
    this.#pool.on('message', (wire: WireOutcomes) => this.#arrived(wire));
    // Emitted before Piscina starts another thread, which a pool that is being destroyed does not.
    this.#pool.on('workerDestroy', () => void this.#pool.destroy());
    this.#worker?.on('error', (error: unknown) => this.#lost('error', error));
    this.#worker?.on('exit', () => this.#lost('exit', undefined));
  }

  /** Early outcomes and the result of a run come over different ports, so the result may come first. */
  #arrived(wire: WireOutcomes): void {
    const batch = this.#batches.get(wire.id);
    if (this.#isOver || batch === undefined) return;
    const outcomes = unpackOutcomes(wire, batch.tasks);
    batch.owed -= outcomes.length;
    if (batch.owed === 0) this.#batches.delete(wire.id);
    this.#callbacks.onOutcomes(outcomes);
  }

  #lost(reason: LaneLossReason, error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.link.close();
    void this.#pool.destroy();
    this.#callbacks.onLost(isOutOfMemory(error) ? 'out-of-memory' : reason, detailOf(error));
  }
}

/** In a line: the message of a module that cannot be loaded has its whole source in it. */
export function detailOf(error: unknown): string {
  const text = error === undefined ? '' : error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0]?.slice(0, DETAIL_LENGTH_MAX) ?? '';
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}

/**
 * The environment of the process, and the compile cache if the process has one: without it each thread loads the compiler that
 * strips types, which is 10 MB a thread. A thread does not inherit what `enableCompileCache` did.
 */
function threadEnvironment(): NodeJS.ProcessEnv {
  const directory = getCompileCacheDir();
  return directory === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(directory) };
}

/** Piscina derives this option's type from an overload of postMessage that is not the last one any more in Node's types. */
function transfer(port: MessagePort): never {
  return [port] as never;
}
