import type { ControllerReport } from './controller-report.ts';

/** How a leader stands, as somebody else learnt it. */
export type LeaderStatus =
  | {
      readonly ok: true;
      readonly report: ControllerReport;
      /** As of when it holds, by the leader's clock and this machine's: what changes is told within seconds, while it renews its lease. */
      readonly ageMs: number;
      /** So old that the leader holds its lease no more, if the clocks are right. */
      readonly isOutdated: boolean;
    }
  /** For people: why nothing is known, and what to do. */
  | { readonly ok: false; readonly message: string };
