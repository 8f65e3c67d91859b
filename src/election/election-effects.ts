import type { LeaseRecord, ObservedLease } from './lease.ts';

export type ElectionInput =
  /** `isEarly`: what made the last attempt fail may be gone, so that the next one is due now. */
  | { readonly type: 'tick'; readonly isEarly?: boolean }
  | { readonly type: 'lease-read'; readonly lease: ObservedLease }
  | { readonly type: 'lease-not-found' }
  | { readonly type: 'read-failed' }
  | { readonly type: 'written'; readonly resourceVersion: string }
  /** Somebody else wrote first (409); nothing was written. */
  | { readonly type: 'write-conflict' }
  /** Time-out, lost connection, 5xx, 403: it may or may not have been written. */
  | { readonly type: 'write-failed' }
  /** Graceful shutdown. Send it only when no write guarded by the lease is on its way any more. */
  | { readonly type: 'release' };

export type LostReason =
  /** No renewal came through in time. */
  | 'deadline'
  /** The lease names somebody else. */
  | 'taken'
  /** Given up by a `release`. */
  | 'released';

export type ElectionEffect =
  | { readonly type: 'get'; readonly timeoutMs: number }
  | { readonly type: 'create'; readonly record: LeaseRecord; readonly timeoutMs: number }
  | {
      readonly type: 'update';
      readonly record: LeaseRecord;
      /** The update must fail when the lease has another one. */
      readonly resourceVersion: string;
      readonly timeoutMs: number;
    }
  /** Send a `tick` at this time; replaces the wake before. */
  | { readonly type: 'wake'; readonly atMs: number }
  | { readonly type: 'became-leader'; readonly writeUntilMs: number }
  | { readonly type: 'renewed'; readonly writeUntilMs: number }
  | { readonly type: 'lost'; readonly reason: LostReason }
  /** Another identity is seen in the lease; '' when it was given up. */
  | { readonly type: 'leader-observed'; readonly identity: string }
  /** After a `release`: nothing more will come. */
  | { readonly type: 'stopped' };

/** What is on its way to the API server. */
export interface ElectionRequest {
  readonly type: 'get' | 'write' | 'release';
  readonly startedAtMs: number;
  readonly startedAtWallMs: number;
  readonly record: LeaseRecord | undefined;
}
