import type { ViewStream } from '../../src/controller/view-losses.ts';
import { type DaemonSetKey, daemonSetOfSlot } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';
import type { SimProcess } from './process.ts';

/** What the network brought a stream; `ended`: a watch is over, and nothing went wrong. */
export type Delivery = 'event' | 'page' | 'accepted' | 'ended' | 'failed';

/** A watch that stays open for so long shows that somebody is there. */
const OPEN_MS = 1000;
/** What the program promises, and that it looks once a second. */
const LOOK_MS = 1000;
const FAILING_MS = 60_000 + LOOK_MS;
const SILENT_MS = 150_000 + LOOK_MS;
/** It waits for two seconds after it saw a loss for the last time, which it did at most one look before the loss was over. */
const CATCH_UP_MS = 2000 - LOOK_MS;

interface Entry {
  readonly what: Delivery;
  readonly atMs: number;
}

/** What came of one stream, in the time of the process that reads it. */
class StreamLog {
  readonly #name: string;
  /** Since the last event, or since the stream began. */
  readonly #entries: Entry[] = [];
  #eventMs: number;
  /** When a turn of the process last found it stale. */
  #staleAtMs = Number.NEGATIVE_INFINITY;
  #isStale = false;

  constructor(name: string, nowMs: number) {
    this.#name = name;
    this.#eventMs = nowMs;
  }

  add(what: Delivery, nowMs: number): void {
    if (what !== 'event') {
      this.#entries.push({ what, atMs: nowMs });
      return;
    }
    this.#entries.length = 0;
    this.#eventMs = nowMs;
  }

  /** Why nothing may rest on it; '' when something may. */
  problem(nowMs: number): string {
    const sinceMs = nowMs - this.#staleAtMs;
    const problem = this.#excess(nowMs);
    if (problem !== '' || sinceMs >= CATCH_UP_MS) return problem;
    return `${this.#name} were stale ${Math.round(sinceMs)} ms ago`;
  }

  /** A turn of the process is over. Returns whether it was the first that found the stream stale. */
  onTurn(nowMs: number): boolean {
    const wasStale = this.#isStale;
    this.#isStale = this.#excess(nowMs) !== '';
    if (this.#isStale) this.#staleAtMs = nowMs;
    return this.#isStale && !wasStale;
  }

  #excess(nowMs: number): string {
    let heardMs = this.#eventMs;
    let failedMs = Number.POSITIVE_INFINITY;
    for (let index = 0; index < this.#entries.length; index += 1) {
      const { what, atMs } = this.#entries[index] as Entry;
      const isConfirmed = what === 'accepted' && (this.#entries[index + 1]?.atMs ?? nowMs) - atMs >= OPEN_MS;
      if (isConfirmed) failedMs = Number.POSITIVE_INFINITY;
      if (isConfirmed || what === 'page') heardMs = atMs;
      if (what === 'failed') failedMs = Math.min(failedMs, atMs);
    }
    if (nowMs - failedMs >= FAILING_MS) return `${this.#name} have failed for ${Math.round(nowMs - failedMs)} ms`;
    if (nowMs - heardMs >= SILENT_MS) return `${this.#name} have been silent for ${Math.round(nowMs - heardMs)} ms`;
    return '';
  }
}

/** The streams of one process, and what must not be decided on them; from nothing but what the network delivered. */
export class ViewRule {
  readonly #process: Pick<SimProcess, 'nowMs'>;
  readonly #shared: StreamLog[] = [];
  readonly #followed = new Map<DaemonSetKey, StreamLog[]>();
  /** A turn has found a stream stale: the time of deadlines stood still then. */
  hasBeenStale = false;

  constructor(process: Pick<SimProcess, 'nowMs'>) {
    this.#process = process;
  }

  /** Returns who is to be told what the network brings. Every decision rests on a stream that is not one DaemonSet's. */
  open({ stream, scope }: ViewStream): (what: Delivery) => void {
    const log = new StreamLog(stream, this.#process.nowMs);
    if (scope.of === 'daemonset') this.#followed.set(scope.key, [...(this.#followed.get(scope.key) ?? []), log]);
    else this.#shared.push(log);
    return (what) => log.add(what, this.#process.nowMs);
  }

  close(key: DaemonSetKey): void {
    this.#followed.delete(key);
  }

  /** Why the task must not be handed to a lane now; '' when it may. Reads settle what is in flight, and are always allowed. */
  judge({ action, slot }: Task): string {
    if (action === 'observe') return '';
    const { nowMs } = this.#process;
    for (const log of this.#shared) if (log.problem(nowMs) !== '') return log.problem(nowMs);
    for (const log of this.#followed.get(daemonSetOfSlot(slot)) ?? []) {
      if (log.problem(nowMs) !== '') return log.problem(nowMs);
    }
    return '';
  }

  /** A turn of the process is over. Returns how many streams it was the first to find stale. */
  onTurn(): number {
    const { nowMs } = this.#process;
    let begun = 0;
    for (const log of this.#shared) if (log.onTurn(nowMs)) begun += 1;
    for (const logs of this.#followed.values()) for (const log of logs) if (log.onTurn(nowMs)) begun += 1;
    this.hasBeenStale ||= begun > 0;
    return begun;
  }
}
