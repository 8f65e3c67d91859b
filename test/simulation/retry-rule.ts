import type { SlotKey } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';

/** Tasks of one pod within this time … */
const WINDOW_MS = 10_000;
/** … at most: the documented backoff (5 ms, doubling) fits 11 into it; the rest is for reads, and for decisions that change. */
const RETRIES_MAX = 25;

/** When tasks were handed to lanes. */
export class RetryLog {
  readonly #recent = new Map<SlotKey, { readonly uid: string; readonly timesMs: readonly number[] }>();

  /** Why that is too often; '' when it is not. */
  add({ slot, uid, pod }: Task, nowMs: number): string {
    const before = this.#recent.get(slot);
    const earlierMs = before?.uid === uid ? before.timesMs.filter((atMs) => atMs > nowMs - WINDOW_MS) : [];
    const timesMs = [...earlierMs, nowMs];
    this.#recent.set(slot, { uid, timesMs });
    return timesMs.length > RETRIES_MAX ? `${timesMs.length} tasks for ${pod} within ${WINDOW_MS / 1000} s` : '';
  }
}
