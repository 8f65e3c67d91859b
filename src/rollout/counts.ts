import type { UpdateStrategy } from '../kube/annotations.ts';
import type { Counters } from './counters.ts';
import type { Facts } from './facts.ts';
import type { BudgetUse } from './limits/ledger.ts';

/** Numbers of entries in what a rollout keeps. */
export interface RolloutSizes {
  readonly slots: number;
  readonly zones: number;
  readonly timers: number;
  readonly paced: number;
  readonly revisions: number;
}

/** All but the last five are node counts. */
export interface RolloutCounts {
  /** Nodes that should run the pod. */
  readonly eligible: number;
  readonly ready: number;
  /** Their pod is current, whether the node is Ready or not. */
  readonly updated: number;
  readonly available: number;
  /** U: what the budget bounds. */
  readonly unavailable: number;
  /** Joined a short time ago, and without an available pod until now; not in U. */
  readonly joining: number;
  /** Without an available pod since before their turn, and their replacement had its time; not in U. */
  readonly brokenBefore: number;
  /** F, replacements on their way; under OTA, marks. */
  readonly inFlight: number;
  /** R: asked, and still available. */
  readonly reserved: number;
  /** Old, and waiting for their node. */
  readonly skippedNotReady: number;
  readonly failed: number;
  /** May be asked for, as soon as the budget and the window let them. */
  readonly waiting: number;
  /** Of those: their pods were deleted for this target again and again, and the next time waits longer. */
  readonly repeated: number;
  /** The API server refused a write to their pod (a deletion, a forced one, a mark) that is still to be done. */
  readonly refused: number;
  /** Done: current, available, nothing asked (OTA: marked). */
  readonly settled: number;
  /** maxUnavailable, scaled. */
  readonly allowed: number;
  /** Of the last selection; at most `allowed`. */
  readonly window: number;
  readonly targetHash: string | undefined;
  /** When the API server created that revision; 0 when there is none. */
  readonly targetCreatedAtMs: number;
  readonly strategy: UpdateStrategy | undefined;
  /** Its DaemonSet asks that nothing new begins, whatever else is in the way. */
  readonly isPaused: boolean;
}

const WAITING = [
  'candidateUnavailable',
  'candidateAvailable',
  'candidateMark',
  'barred',
  'repeated',
  'backingOff',
] as const;

export function countsOf(
  counters: Counters,
  state: { readonly use: BudgetUse; readonly window: number; readonly facts: Facts },
): RolloutCounts {
  const { use, window, facts } = state;
  return {
    eligible: counters.of('eligible'),
    ready: counters.of('ready'),
    updated: counters.of('updated'),
    available: counters.of('available'),
    unavailable: use.unavailable,
    joining: counters.of('joining'),
    brokenBefore: counters.of('brokenBefore'),
    inFlight: use.inFlight,
    reserved: use.reserved,
    skippedNotReady: counters.of('skipped'),
    failed: counters.of('failed'),
    waiting: WAITING.reduce((sum, bit) => sum + counters.of(bit), 0),
    repeated: counters.of('repeated'),
    refused: counters.of('refused'),
    settled: counters.of('settled'),
    allowed: use.allowed,
    window: Math.min(use.allowed, window),
    targetHash: facts.target?.hash,
    targetCreatedAtMs: facts.target?.createdAtMs ?? 0,
    strategy: facts.strategy,
    isPaused: facts.isPaused,
  };
}
