import type { Connection } from '../../src/protocol/connection.ts';

/** What the updater's process of bench/threads.ts and bench/resize.ts is told, and what it answers. */
export type ToUpdater =
  | { readonly type: 'open'; readonly connection: Connection; readonly workers: number | 'auto' | 'none' }
  /** Counts from now on. */
  | { readonly type: 'begin' }
  | { readonly type: 'resize'; readonly workers: number }
  | { readonly type: 'finish' }
  | { readonly type: 'end' };

export type FromUpdater =
  /** Everything has been read and nothing is left to do. */
  | { readonly type: 'ready' }
  | { readonly type: 'begun' }
  | { readonly type: 'resized'; readonly atMs: number }
  | ({ readonly type: 'figures' } & UpdaterFigures);

export interface UpdaterFigures {
  readonly lanes: number;
  readonly tasks: readonly number[];
  readonly cpuMs: number;
  readonly mainCpuMs: number;
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
  readonly rssMb: number;
  /** When tasks ended, in time slices of SLICE_MS since `begin`. */
  readonly endedBySlice: readonly number[];
  /** CPU time of the process since `begin` at the beginning of each of those slices. */
  readonly cpuMsBySlice: readonly number[];
}

export const SLICE_MS = 100;
