import assert from 'node:assert/strict';
import type { SlotKey } from '../protocol/slot.ts';
import type { Task } from '../protocol/task.ts';
import { TokenBucket } from '../protocol/token-bucket.ts';
import type { DelayingQueue } from './delaying-queue.ts';
import type { DispatchLoad, DispatchStats, RunReport } from './dispatch-stats.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import { RateLimitingQueue } from './rate-limiting-queue.ts';

export interface DispatcherOptions {
  readonly lanes: number;
  /** Tasks in one message to a lane, at most. */
  readonly batchMax: number;
  /** Tasks a lane has at once, at most. */
  readonly laneInFlightMax: number;
  /** Tasks that all lanes together have at once: no lane has more than an equal share of them. Without it there is no such bound. */
  readonly tasksInLanesMax?: number | undefined;
  /** Tasks a second over all lanes; 0 is no limit. A task's token is that of its first request. */
  readonly qps: number;
  readonly burst: number;
  /** See `RateLimit`: with others who send requests. */
  readonly rateMemory?: SharedArrayBuffer | undefined;
  /** In [0, 1); for the jitter of backoffs. Without it there is none. */
  readonly random?: () => number;
}

export interface LaneBatch {
  readonly lane: number;
  readonly tasks: Task[];
}

/** Says what is to be done to a slot now; undefined: nothing any more. Must not call the dispatcher. */
export type ResolveTask = (slot: SlotKey) => Task | undefined;

/**
 * Which slot goes to which lane, and when. A request is a key and never an event: what is to be done is asked when a lane
 * has room for it, so that a lane always gets the newest decision.
 *
 * From the bottom up: fair order of one lane (FairOrder), routing (RoutedOrder), never twice at once (KeyedQueue), later
 * (DelayingQueue), backoff (RateLimitingQueue), and here the room of the lanes and the token bucket.
 *
 * Assumes that every task handed out comes back once: through `done`, or through `laneLost` for all of its lane.
 */
export class Dispatcher {
  readonly #limiting: RateLimitingQueue;
  readonly #delaying: DelayingQueue;
  readonly #queue: KeyedQueue;
  readonly #bucket: TokenBucket;
  readonly #batchMax: number;
  readonly #laneInFlightMax: number;
  readonly #tasksInLanesMax: number;
  /** Lanes that take nothing before that time, because they are being replaced. */
  readonly #closedUntilMs = new Map<number, number>();
  readonly #taken = new Map<number, number>();
  /** The lane that is served first next time, so that few tokens do not always go to the same ones. */
  #nextLane = 0;
  #isHeld = false;
  #adds = 0;
  #retries = 0;
  #dropped = 0;
  #rateLimited = 0;

  constructor(options: DispatcherOptions) {
    assert.ok(options.lanes >= 1, 'at least one lane');
    assert.ok(options.batchMax >= 1 && options.laneInFlightMax >= 1, 'a lane has room for at least one task');
    this.#limiting = new RateLimitingQueue(options.lanes, options.random ?? (() => 0));
    this.#delaying = this.#limiting.delaying;
    this.#queue = this.#delaying.queue;
    this.#bucket = new TokenBucket(options.qps, options.burst, options.rateMemory);
    this.#batchMax = options.batchMax;
    this.#laneInFlightMax = options.laneInFlightMax;
    this.#tasksInLanesMax = options.tasksInLanesMax ?? Number.POSITIVE_INFINITY;
  }

  get laneCount(): number {
    return this.#queue.laneCount;
  }

  /** The slot needs work. Coalesces with a request that waits for a lane or for its time; while a lane works on the slot, it makes it run once more. */
  add(slot: SlotKey, nowMs: number): void {
    if (this.#delaying.add(slot, nowMs)) this.#adds += 1;
  }

  /**
   * The slot needs work, but not before its backoff and not before `atLeastMs`. Replaces a waiting request, and works the
   * same before and after `done`.
   */
  retry(slot: SlotKey, atLeastMs: number, nowMs: number): void {
    this.#retries += 1;
    this.#limiting.retry(slot, atLeastMs, nowMs);
  }

  /** The slot's next failure is its first again. */
  forget(slot: SlotKey): void {
    this.#limiting.forget(slot);
  }

  /**
   * Takes back what waits for a lane, and returns it; what lanes work on goes on until `done`. What waits for its time is kept
   * until then: a Retry-After holds, even if the lease is lost and won in between.
   */
  clear(nowMs: number): SlotKey[] {
    this.#delaying.release(nowMs);
    const slots = this.#queue.clear();
    for (const slot of slots) this.#limiting.forget(slot);
    return slots;
  }

  /**
   * Batches for the lanes that have room, as far as tokens go round. DaemonSets take turns on each lane, and lanes take
   * turns at being first. A slot that resolves to nothing is dropped without a token.
   */
  take(resolve: ResolveTask, nowMs: number): LaneBatch[] {
    this.#delaying.release(nowMs);
    const batches: LaneBatch[] = [];
    while (!this.#isHeld && this.#queue.depth > 0) {
      const lanes = this.#readyLanes(nowMs);
      if (lanes.length === 0) break;
      const tokens = this.#bucket.available(nowMs);
      if (tokens < 1) {
        this.#rateLimited += 1;
        break;
      }
      const share = Math.ceil(tokens / lanes.length);
      for (const lane of lanes) {
        const count = Math.min(share, this.#room(lane), this.#bucket.available(nowMs));
        const tasks = this.#takeFrom(lane, count, { resolve, nowMs });
        if (tasks.length > 0) batches.push({ lane, tasks });
      }
    }
    return batches;
  }

  /** The slot's outcome arrived. */
  done(slot: SlotKey, nowMs: number): RunReport {
    return this.#delaying.done(slot, nowMs);
  }

  /**
   * The lane died. Returns what it worked on, longest first; those slots are done, with an outcome that nobody knows.
   * The lane takes nothing before `reopenAtMs`: its slots wait for the replacement, all others go on.
   */
  laneLost(lane: number, nowMs: number, reopenAtMs = nowMs): SlotKey[] {
    const lost = this.#queue.processingSlots(lane);
    for (const slot of lost) this.#delaying.done(slot, nowMs);
    if (reopenAtMs > nowMs) this.#closedUntilMs.set(lane, reopenAtMs);
    return lost;
  }

  /** Slots whose lane changes wait until their old lane is done with them; all others go on. */
  resize(lanes: number, nowMs: number): void {
    assert.ok(lanes >= 1, 'at least one lane');
    this.#queue.resize(lanes);
    for (const [lane, untilMs] of this.#closedUntilMs) {
      if (lane >= lanes || untilMs <= nowMs) this.#closedUntilMs.delete(lane);
    }
  }

  /** No lane takes anything until `release`: somebody else leads, or the process ends. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
  }

  /** When `take` may return something without any other call in between; undefined: never. */
  nextWakeMs(nowMs: number): number | undefined {
    if (this.#isHeld) return undefined;
    const dueMs = this.#delaying.nextReleaseMs() ?? Number.POSITIVE_INFINITY;
    const takeMs = this.#nextTakeMs(nowMs) ?? Number.POSITIVE_INFINITY;
    const wakeMs = Math.max(nowMs, Math.min(dueMs, takeMs));
    return wakeMs === Number.POSITIVE_INFINITY ? undefined : wakeMs;
  }

  /** What is there in which state; O(1). */
  get load(): DispatchLoad {
    return {
      depth: this.#queue.depth,
      processing: this.#queue.processingCount,
      delayed: this.#delaying.delayedCount,
      backingOff: this.#limiting.backingOffCount,
    };
  }

  stats(nowMs: number): DispatchStats {
    const queue = this.#queue;
    return {
      ...this.load,
      adds: this.#adds,
      retries: this.#retries,
      unfinishedWorkMs: queue.unfinishedWorkMs(nowMs),
      longestRunningMs: queue.longestRunningMs(nowMs),
      dropped: this.#dropped,
      oldestWaitMs: queue.oldestWaitMs(nowMs),
      daemonSetsWaiting: queue.waitingDaemonSetCount,
      rateLimited: this.#rateLimited,
      lanes: queue.lanes().map((lane) => ({
        lane,
        queued: queue.waitingOn(lane),
        processing: queue.processingOn(lane),
        taken: this.#taken.get(lane) ?? 0,
      })),
    };
  }

  #room(lane: number): number {
    const share = Math.max(1, Math.floor(this.#tasksInLanesMax / this.laneCount));
    return Math.min(this.#batchMax, Math.min(this.#laneInFlightMax, share) - this.#queue.processingOn(lane));
  }

  /** Lanes with work and room, in the order of their turns. */
  #readyLanes(nowMs: number): number[] {
    const ready: number[] = [];
    for (let i = 0; i < this.laneCount; i++) {
      const lane = (this.#nextLane + i) % this.laneCount;
      if (this.#couldTake(lane) && (this.#closedUntilMs.get(lane) ?? nowMs) <= nowMs) ready.push(lane);
    }
    return ready;
  }

  #couldTake(lane: number): boolean {
    return this.#queue.waitingOn(lane) > 0 && this.#room(lane) > 0;
  }

  #takeFrom(lane: number, count: number, input: { resolve: ResolveTask; nowMs: number }): Task[] {
    const tasks: Task[] = [];
    while (tasks.length < count) {
      const slot = this.#queue.get(lane, input.nowMs);
      if (slot === undefined) break;
      const task = input.resolve(slot);
      if (task === undefined) this.#drop(slot, input.nowMs);
      else tasks.push(task);
    }
    if (tasks.length > 0) {
      // Other threads may have taken some meanwhile.
      this.#bucket.charge(tasks.length, input.nowMs);
      this.#taken.set(lane, (this.#taken.get(lane) ?? 0) + tasks.length);
      this.#nextLane = (lane + 1) % this.laneCount;
    }
    return tasks;
  }

  #drop(slot: SlotKey, nowMs: number): void {
    this.#dropped += 1;
    this.#limiting.forget(slot);
    this.#delaying.done(slot, nowMs);
  }

  /** When the work that waits for a lane can go; undefined while nothing waits or no lane has room. */
  #nextTakeMs(nowMs: number): number | undefined {
    let openMs: number | undefined;
    for (let lane = 0; lane < this.laneCount; lane++) {
      if (!this.#couldTake(lane)) continue;
      const laneOpenMs = this.#closedUntilMs.get(lane) ?? nowMs;
      openMs = Math.min(openMs ?? laneOpenMs, laneOpenMs);
    }
    return openMs === undefined ? undefined : Math.max(openMs, this.#bucket.nextAtMs(nowMs));
  }
}
