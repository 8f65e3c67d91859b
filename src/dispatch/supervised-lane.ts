import type { EventLoopUtilization } from 'node:perf_hooks';
import { monotonicMs } from '../clock.ts';
import type { Connection } from '../protocol/connection.ts';
import type { LaneSelfStats } from '../protocol/lane-control.ts';
import type { Outcome } from '../protocol/outcome.ts';
import type { TaskBatch } from '../protocol/task.ts';
import { withinMs } from './deadline.ts';
import type { LaneCallbacks, LaneLoss, LaneLossReason, LaneStats } from './lane-pool.ts';
import type { LaneNetwork, LaneThreadOptions } from './lane-thread.ts';
import { detailOf, LaneThread } from './lane-thread.ts';
import type { Restarts } from './restarts.ts';
import { died, firstStart } from './restarts.ts';
import { isStuck } from './watchdog.ts';

/** A thread that does not answer within this is left out of a round of control calls. */
const CONTROL_TIMEOUT_MS = 2000;
/** A thread whose event loop does not turn is ended all the same. */
const ABORT_TIMEOUT_MS = 500;

export interface SupervisedLaneOptions {
  readonly lane: number;
  readonly thread: LaneThreadOptions;
  readonly callbacks: LaneCallbacks;
  /** As it is now, for the next thread. */
  readonly network: () => LaneNetwork;
  /** Of the lane that had this number before. */
  readonly before: Pick<LaneStats, 'tasks' | 'cpuMs' | 'restarts'> | undefined;
}

interface Ping {
  looks: number;
  readonly since: EventLoopUtilization;
  isAnswered: boolean;
}

/** A lane over all the lives of its thread: replaces it when it dies, and knows how many tasks it owes. */
export class SupervisedLane {
  readonly #options: SupervisedLaneOptions;
  /** Undefined while a replacement is due. */
  #thread: LaneThread | undefined;
  #isRunning = false;
  /** Sent while there was no thread. */
  #backlog: TaskBatch[] = [];
  #restarts: Restarts = firstStart(monotonicMs());
  #lastLoss: LaneLoss | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  #ping: Ping | undefined;
  #inFlight = 0;
  #tasks: number;
  #cpuBeforeMs: number;
  #lastSelf: LaneSelfStats = { cpuMs: 0, heapBytes: 0, running: 0 };
  #lastUtilization: EventLoopUtilization | undefined;
  #idleWaiters: (() => void)[] = [];
  #isClosed = false;
  readonly #opened = Promise.withResolvers<void>();

  constructor(options: SupervisedLaneOptions) {
    this.#options = options;
    this.#tasks = options.before?.tasks ?? 0;
    this.#cpuBeforeMs = options.before?.cpuMs ?? 0;
    this.#start();
  }

  /** Ends when a thread of this lane answered for the first time, or the lane is closed. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** Whether it has a thread that has answered. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get restarts(): Restarts {
    return this.#restarts;
  }

  get lastLoss(): LaneLoss | undefined {
    return this.#lastLoss;
  }

  get thread(): LaneThread | undefined {
    return this.#thread;
  }

  send(batch: TaskBatch): void {
    this.#inFlight += batch.tasks.length;
    if (this.#thread === undefined) this.#backlog.push(batch);
    else this.#thread.send(batch);
  }

  /** Ends when every task has ended, or the lane was lost. */
  idle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** One look of the watchdog; called once an interval. */
  look(intervalMs: number, deadlineMs: number): void {
    const thread = this.#thread;
    if (thread === undefined) return;
    const ping = this.#ping;
    if (ping === undefined || ping.isAnswered) {
      const next: Ping = { looks: 0, since: thread.utilization(), isAnswered: false };
      this.#ping = next;
      const answered = (): void => {
        next.isAnswered = true;
      };
      thread.link.control.ping().then(answered, answered);
      return;
    }
    ping.looks += 1;
    const utilization = thread.utilization(ping.since).utilization;
    if (isStuck({ looks: ping.looks, intervalMs, deadlineMs, utilization })) void thread.kill('stuck');
  }

  async setConnection(connection: Connection): Promise<void> {
    // A thread that does not answer is dead or about to be replaced; the next one starts with the new credentials.
    await withinMs(this.#thread?.link.control.setConnection(connection) ?? Promise.resolve(), CONTROL_TIMEOUT_MS);
  }

  /** See LaneControl. A thread that does not answer is dead or about to be replaced, too. */
  useConnections(count: number): void {
    void withinMs(this.#thread?.link.control.useConnections(count) ?? Promise.resolve(), CONTROL_TIMEOUT_MS);
  }

  async stats(): Promise<LaneStats> {
    const thread = this.#thread;
    const self = thread && (await withinMs(thread.link.control.selfStats(), CONTROL_TIMEOUT_MS));
    if (self !== undefined && thread === this.#thread) this.#lastSelf = self;
    return {
      lane: this.#options.lane,
      tasks: this.#tasks,
      inFlight: this.#inFlight,
      utilization: this.#utilizationSinceLast(),
      cpuMs: this.#cpuBeforeMs + this.#lastSelf.cpuMs,
      heapBytes: this.#lastSelf.heapBytes,
      restarts: (this.#options.before?.restarts ?? 0) + this.#restarts.deaths,
    };
  }

  /** See LaneControl. */
  async abort(): Promise<void> {
    await withinMs(this.#thread?.link.control.abort() ?? Promise.resolve(), ABORT_TIMEOUT_MS);
  }

  /** Ends the thread; tasks that are still in flight are lost. Nothing is sent afterwards. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#restartTimer);
    this.#opened.resolve();
    const thread = this.#thread;
    if (this.#inFlight > 0) {
      if (thread === undefined) this.#abandon({ reason: 'exit', restartInMs: 0, detail: '' });
      else await this.abort();
      await thread?.kill('exit');
      return;
    }
    if (thread === undefined) return;
    await withinMs(thread.link.control.drain(), CONTROL_TIMEOUT_MS);
    await thread.close();
  }

  #start(): void {
    const thread = this.#newThread();
    if (thread === undefined) return;
    this.#thread = thread;
    this.#ping = undefined;
    this.#lastUtilization = undefined;
    void thread.ready.then(() => {
      this.#isRunning = thread === this.#thread;
      this.#opened.resolve();
    });
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const batch of backlog) thread.send(batch);
  }

  /** Undefined when there can be no more threads: that is a loss like others. */
  #newThread(): LaneThread | undefined {
    try {
      return new LaneThread(this.#options.thread, this.#options.network(), {
        onOutcomes: (outcomes) => this.#arrived(outcomes),
        onLost: (reason, detail) => this.#lost(reason, detail),
      });
    } catch (error) {
      this.#lost('not-started', detailOf(error));
      return undefined;
    }
  }

  #arrived(outcomes: readonly Outcome[]): void {
    this.#inFlight -= outcomes.length;
    this.#tasks += outcomes.length;
    this.#options.callbacks.onOutcomes(this.#options.lane, outcomes);
    if (this.#inFlight === 0) this.#wakeIdle();
  }

  #lost(reason: LaneLossReason, detail: string): void {
    this.#thread = undefined;
    this.#isRunning = false;
    this.#cpuBeforeMs += this.#lastSelf.cpuMs;
    this.#lastSelf = { cpuMs: 0, heapBytes: 0, running: 0 };
    if (this.#isClosed) {
      // Died on the way out. An idle lane owes nothing, and its number may be another lane's already.
      if (this.#inFlight > 0) this.#abandon({ reason, restartInMs: 0, detail });
      return;
    }
    const { restarts, delayMs } = died(this.#restarts, monotonicMs());
    this.#restarts = restarts;
    this.#restartTimer = setTimeout(() => this.#start(), delayMs);
    this.#lastLoss = { reason, restartInMs: delayMs, detail };
    this.#abandon(this.#lastLoss);
  }

  #abandon(loss: LaneLoss): void {
    this.#backlog = [];
    this.#inFlight = 0;
    this.#options.callbacks.onLaneLost(this.#options.lane, loss);
    this.#wakeIdle();
  }

  #wakeIdle(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }

  #utilizationSinceLast(): number {
    const thread = this.#thread;
    if (thread === undefined) return 0;
    const { utilization } = thread.utilization(this.#lastUtilization);
    this.#lastUtilization = thread.utilization();
    return utilization;
  }
}
