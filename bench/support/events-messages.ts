/** What the two processes of bench/events.ts say to each other beside the bytes of the API server. */
export type ToReader = { readonly type: 'begin'; readonly phase: string } | { readonly type: 'end' };

export type FromReader =
  | {
      readonly type: 'open';
      readonly id: number;
      readonly path: string;
      readonly query: Readonly<Record<string, string>>;
    }
  | { readonly type: 'begun' }
  /** Numbers of the nodes whose pods are to be deleted. */
  | { readonly type: 'deleted'; readonly nodes: readonly number[] }
  | ({ readonly type: 'figures' } & Figures);

export interface Figures {
  readonly phase: string;
  /** CPU of the main thread. */
  readonly mainMs: number;
  /** CPU of all threads, the garbage collector's included. */
  readonly processMs: number;
  readonly rssMb: number;
  readonly peakRssMb: number;
  readonly heapMb: number;
  readonly updated: number;
}

/** Before each piece of a body: its stream, its length, and whether the body ends with it. Stream 0 ends a phase. */
export const PIECE_HEAD_BYTES = 9;
