import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { LaneSetting } from '../../src/dispatch/lane-count.ts';
import type { LanePool } from '../../src/dispatch/lane-pool.ts';
import { initialLanes, LaneManager } from '../../src/manager/lane-manager.ts';

export interface World {
  /** The lane of this number and those above never answer. */
  lastLane: number;
  /** New lanes answer then; undefined: at once. */
  answered?: Promise<void>;
  nodeCount: number;
  utilization: number;
  rateLimited: number;
  oldestWaitMs: number;
  cpus: number;
  /** The pool's answer to a resize. */
  problem?: string;
}

/** A pool and a host that only take notes, on a clock that the test moves. */
export function managed(context: TestContext, setting: LaneSetting, cpus = 8) {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const world: World = {
    lastLane: Number.POSITIVE_INFINITY,
    nodeCount: 100,
    utilization: 0,
    rateLimited: 0,
    oldestWaitMs: 0,
    cpus,
  };
  const notes: string[] = [];
  const logs: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[] = [];
  let laneCount = 0;
  const resize = async (lanes: number): Promise<void> => {
    laneCount = lanes;
    notes.push(`pool ${lanes}`);
    if (world.problem !== undefined) throw new Error(world.problem);
    await world.answered;
    if (lanes > world.lastLane) await new Promise(() => {});
  };
  const pool: Partial<LanePool> = {
    get laneCount() {
      return laneCount;
    },
    get runningCount() {
      return Math.min(laneCount, world.lastLane);
    },
    start: resize,
    resize,
    stats: async () =>
      Array.from({ length: laneCount }, (_, lane) => {
        return { lane, tasks: 0, inFlight: 0, utilization: world.utilization, cpuMs: 0, heapBytes: 0, restarts: 0 };
      }),
  };
  const host = {
    resize: (lanes: number) => notes.push(`host ${lanes}`),
    controller: {
      get nodeCount() {
        return world.nodeCount;
      },
      dispatcher: { stats: () => ({ rateLimited: world.rateLimited, oldestWaitMs: world.oldestWaitMs }) },
    },
  };
  const manager = new LaneManager({
    pool: pool as LanePool,
    host: host as never,
    setting,
    lanes: initialLanes(setting, cpus),
    cpus: () => world.cpus,
    log: (level, message, fields) => logs.push({ level, message, fields }),
    onResize: ({ reason }) => notes.push(`resized: ${reason}`),
    onResizeFailed: () => notes.push('resize failed'),
    pause: async (durationMs) => void notes.push(`pause ${durationMs}`),
  });
  const sample = async (): Promise<void> => {
    context.mock.timers.tick(5_000);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return { world, notes, logs, manager, sample };
}

export async function untilNoted(notes: readonly string[], note: string, times = 1): Promise<void> {
  for (let turn = 0; turn < 1000; turn++) {
    if (notes.filter((noted) => noted === note).length >= times) return;
    await Promise.resolve();
  }
  assert.fail(`no "${note}": ${notes.join()}`);
}
