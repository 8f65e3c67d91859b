/** What a `coordination.k8s.io/v1` Lease says, as far as leader election goes. */
export interface LeaseRecord {
  /** '' when the lease was given up. */
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  /** By the holder's clock; only shown, and compared to notice a change. 0 when absent or malformed. */
  readonly acquireTimeMs: number;
  readonly renewTimeMs: number;
  readonly leaseTransitions: number;
}

/** A lease as it was read. */
export interface ObservedLease {
  readonly record: LeaseRecord;
  readonly resourceVersion: string;
}

/** What a holder writes that has it from now on. */
export function freshRecord(
  holderIdentity: string,
  timings: ElectionTimings,
  { leaseTransitions, wallMs }: { readonly leaseTransitions: number; readonly wallMs: number },
): LeaseRecord {
  return {
    holderIdentity,
    leaseDurationSeconds: Math.ceil(timings.leaseDurationMs / 1000),
    acquireTimeMs: wallMs,
    renewTimeMs: wallMs,
    leaseTransitions,
  };
}

/** Until when it is held, by its holder's clock; -Infinity when nobody holds it. */
export function heldUntilMs({ holderIdentity, leaseDurationSeconds, renewTimeMs }: LeaseRecord): number {
  return holderIdentity === '' ? Number.NEGATIVE_INFINITY : renewTimeMs + leaseDurationSeconds * 1000;
}

export function isSameRecord(a: LeaseRecord, b: LeaseRecord): boolean {
  return (
    a.holderIdentity === b.holderIdentity &&
    a.leaseDurationSeconds === b.leaseDurationSeconds &&
    a.acquireTimeMs === b.acquireTimeMs &&
    a.renewTimeMs === b.renewTimeMs &&
    a.leaseTransitions === b.leaseTransitions
  );
}

/** Attempts after a failure are spread over [retry, retry × (1 + factor)], as client-go's, which wants room for one such wait. */
export const JITTER_FACTOR = 1.2;

/**
 * A candidate that was answered looks again after between these shares of the retry period: with 2 s, a leader that ends is
 * followed within about 1 s. client-go takes 2 to 4.4 s here; it is one read of one object a candidate.
 */
export const LOOK_SHARE = { min: 0.25, max: 0.5 } as const;

export interface ElectionTimings {
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}

export interface ElectionOptions {
  /** Unique to the process: two processes of one identity would both believe to hold the lease. */
  readonly identity: string;
  readonly timings: ElectionTimings;
  /** In [0, 1); spreads candidates' attempts. */
  readonly random: () => number;
}

/** The core components' values. */
export const DEFAULT_ELECTION_TIMINGS: ElectionTimings = {
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

/** Why the timings cannot work together, naming the flags; undefined when they can. */
export function problemOfTimings(timings: ElectionTimings): string | undefined {
  const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = timings;
  if (retryPeriodMs <= 0) {
    return `--leader-elect-retry-period must be positive, not ${retryPeriodMs / 1000}s`;
  }
  // The Lease object holds whole seconds: others would wait for another time than the one that was asked for.
  if (leaseDurationMs < 1000 || leaseDurationMs % 1000 !== 0) {
    return `--leader-elect-lease-duration must be a whole number of seconds, at least 1s, not ${leaseDurationMs / 1000}s`;
  }
  if (leaseDurationMs <= renewDeadlineMs) {
    return `--leader-elect-lease-duration (${leaseDurationMs / 1000}s) must be greater than --leader-elect-renew-deadline (${renewDeadlineMs / 1000}s)`;
  }
  if (renewDeadlineMs <= retryPeriodMs * JITTER_FACTOR) {
    return `--leader-elect-renew-deadline (${renewDeadlineMs / 1000}s) must be greater than ${JITTER_FACTOR} x --leader-elect-retry-period (${retryPeriodMs / 1000}s)`;
  }
  return undefined;
}
