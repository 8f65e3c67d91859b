import type { LaneLoss, LanePool } from '../../../src/dispatch/lane-pool.ts';
import { ThreadedLanes, type ThreadedLanesOptions } from '../../../src/dispatch/threaded-lanes.ts';
import { plainConnection } from '../../../src/protocol/connection.ts';
import type { Outcome } from '../../../src/protocol/outcome.ts';
import { batchOf, slotOf, taskOf } from './slots.ts';

export const CONNECTION = plainConnection('http://first.invalid');

const DEADLINE_MS = 60_000;

/** What a pool tells, and a way to wait for it. */
export class Recorder {
  readonly outcomes: Outcome[] = [];
  readonly losses: (LaneLoss & { readonly lane: number })[] = [];
  #onChange: () => void = () => {};

  onOutcomes(_lane: number, outcomes: readonly Outcome[]): void {
    this.outcomes.push(...outcomes);
    this.#onChange();
  }

  onLaneLost(lane: number, loss: LaneLoss): void {
    this.losses.push({ lane, ...loss });
    this.#onChange();
  }

  async until(condition: (recorder: Recorder) => boolean): Promise<void> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    while (!condition(this)) {
      await new Promise<void>((resolve, reject) => {
        this.#onChange = resolve;
        const seen = JSON.stringify({ outcomes: this.outcomes, losses: this.losses });
        deadline.onabort = () => reject(new Error(`not within ${DEADLINE_MS} ms; seen: ${seen}`));
      });
    }
  }
}

export async function withLanes(
  lanes: number,
  use: (pool: ThreadedLanes, seen: Recorder) => Promise<void>,
  options: Partial<ThreadedLanesOptions> = {},
): Promise<void> {
  const seen = new Recorder();
  const pool = new ThreadedLanes({
    connection: CONNECTION,
    callbacks: seen,
    connectionsMax: 1,
    workerUrl: new URL('./evil-lane.ts', import.meta.url),
    pingIntervalMs: 50,
    ...options,
  });
  try {
    await pool.start(lanes);
    await use(pool, seen);
  } finally {
    await pool.close(0);
  }
}

export function send(pool: LanePool, lane: number, ...pods: string[]): void {
  pool.send(lane, batchOf(...pods.map((pod) => taskOf(slotOf('ds', pod), pod))));
}
