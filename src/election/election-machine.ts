import { rightLeftMs, type WriteRight } from '../protocol/write-right.ts';
import type { ElectionEffect, ElectionInput, ElectionRequest, LostReason } from './election-effects.ts';
import type { ElectionOptions, ElectionTimings, LeaseRecord, ObservedLease } from './lease.ts';
import { freshRecord, isSameRecord, JITTER_FACTOR, LOOK_SHARE } from './lease.ts';

/**
 * Leader election over a Lease with the semantics of client-go's tools/leaderelection, as a state machine.
 *
 * Why two leaders never write at the same time. Let the holder's last successful renewal start at S (holder's clock).
 * The API server stored it at or after S; a candidate sees that change at O ≥ S and, judging by its own clock only, takes
 * over at O + leaseDuration ≥ S + 15 s at the earliest. The holder stops at `writeUntilMs` = S + renewDeadline = S + 10 s.
 * So 5 s are left for a write on its way at that moment and for clocks that run at different rates (up to 15/10).
 * client-go counts its deadline from the end of the renewal's wait instead, which is up to one retry period later.
 * A suspended holder's monotonic clock may stand still, while the candidate's goes on: so its wall clock counts, too (write-right.ts).
 *
 * Assumes: updates are compare-and-swap on the resourceVersion; identities are unique; nobody deletes or edits the Lease
 * by hand. At most one request is on its way; the shell answers each `get`, `create` and `update` with exactly one
 * input, at its time-out at the latest.
 */
export class ElectionMachine {
  readonly #identity: string;
  readonly #timings: ElectionTimings;
  readonly #random: () => number;

  /** What the lease was last known to hold, and since when on the local clock it has not changed. */
  #observed: LeaseRecord | undefined;
  #observedAtMs = 0;
  /** Undefined when unknown: before the first read, and after a write whose fate is unknown. */
  #resourceVersion: string | undefined;
  #reportedLeader: string | undefined;

  /** Defined while leading. */
  #right: Required<WriteRight> | undefined;
  #wallMs = 0;
  #request: ElectionRequest | undefined;
  #nextAttemptAtMs = Number.NEGATIVE_INFINITY;
  #phase: 'running' | 'releasing' | 'stopped' = 'running';
  #effects: ElectionEffect[] = [];

  constructor(options: ElectionOptions) {
    this.#identity = options.identity;
    this.#timings = options.timings;
    this.#random = options.random;
  }

  /** Whether a guarded write may start now. */
  isLeading(nowMs: number, wallMs = nowMs): boolean {
    return this.#right !== undefined && rightLeftMs(this.#right, nowMs, wallMs) > 0;
  }

  /** The end of the right to write by the wall clock, while leading. */
  get writeUntilWallMs(): number {
    return this.#right?.writeUntilWallMs ?? 0;
  }

  /** Who holds the lease as far as is known; '' for nobody, undefined before the first read. */
  get leaderIdentity(): string | undefined {
    return this.#observed?.holderIdentity;
  }

  /** `wallMs`: the wall clock, which may step. The record's times are of it. */
  handle(input: ElectionInput, nowMs: number, wallMs = nowMs): readonly ElectionEffect[] {
    if (this.#phase === 'stopped') return [];
    this.#effects = [];
    this.#wallMs = wallMs;
    this.#loseAtDeadline(nowMs);
    this.#apply(input, nowMs);
    this.#reportLeader();
    this.#wake();
    return this.#effects;
  }

  #apply(input: ElectionInput, nowMs: number): void {
    switch (input.type) {
      case 'tick':
        if (this.#request === undefined && (input.isEarly || nowMs >= this.#nextAttemptAtMs)) this.#attempt(nowMs);
        return;
      case 'lease-read':
        this.#settle();
        this.#onRead(input.lease, nowMs);
        return;
      case 'lease-not-found':
        this.#settle();
        this.#onNotFound(nowMs);
        return;
      case 'read-failed':
        this.#settle();
        this.#onFailure(nowMs);
        return;
      case 'written':
        this.#onWritten(this.#settle(), input.resourceVersion, nowMs);
        return;
      case 'write-conflict':
        this.#onConflict(this.#settle(), nowMs);
        return;
      case 'write-failed':
        this.#settle();
        this.#resourceVersion = undefined;
        this.#onFailure(nowMs);
        return;
      case 'release':
        this.#onRelease(nowMs);
        return;
    }
  }

  #settle(): ElectionRequest {
    const request = this.#request;
    if (request === undefined) throw new Error('assertion: an answer came without a request');
    this.#request = undefined;
    return request;
  }

  #loseAtDeadline(nowMs: number): void {
    if (this.#right === undefined || this.isLeading(nowMs, this.#wallMs)) return;
    // Suspended, perhaps: it is known at once whether somebody else took over.
    if (nowMs < this.#right.writeUntilMs) this.#nextAttemptAtMs = nowMs;
    this.#lose('deadline');
  }

  #lose(reason: LostReason): void {
    this.#right = undefined;
    this.#effects.push({ type: 'lost', reason });
  }

  /** The holder updates what it wrote last and saves the read; everybody else reads first. */
  #attempt(nowMs: number): void {
    if (this.#right !== undefined && this.#observed !== undefined && this.#resourceVersion !== undefined) {
      this.#update(this.#observed, nowMs);
      return;
    }
    this.#get(nowMs);
  }

  #get(nowMs: number): void {
    this.#request = { type: 'get', startedAtMs: nowMs, startedAtWallMs: this.#wallMs, record: undefined };
    this.#effects.push({ type: 'get', timeoutMs: this.#timeoutMs() });
  }

  #onRead(lease: ObservedLease, nowMs: number): void {
    this.#resourceVersion = lease.resourceVersion;
    if (this.#observed === undefined || !isSameRecord(this.#observed, lease.record)) {
      this.#observed = lease.record;
      this.#observedAtMs = nowMs;
    }
    const isMine = lease.record.holderIdentity === this.#identity;
    if (!isMine && this.#right !== undefined) this.#lose('taken');
    if (this.#phase === 'releasing') {
      if (isMine) this.#giveUp(lease.record, nowMs);
      else this.#stop();
      return;
    }
    if (isMine || lease.record.holderIdentity === '' || nowMs >= this.#expiryMs(lease.record)) {
      this.#update(lease.record, nowMs);
      return;
    }
    this.#scheduleLook(nowMs);
  }

  /** The holder's own lease duration counts, since it is what the holder lives by; a senseless one is not believed. */
  #expiryMs(record: LeaseRecord): number {
    const durationMs = record.leaseDurationSeconds * 1000;
    return this.#observedAtMs + (durationMs > 0 ? durationMs : this.#timings.leaseDurationMs);
  }

  #onNotFound(nowMs: number): void {
    this.#resourceVersion = undefined;
    if (this.#phase === 'releasing') {
      this.#stop();
      return;
    }
    const record = this.#freshRecord(0);
    this.#request = { type: 'write', startedAtMs: nowMs, startedAtWallMs: this.#wallMs, record };
    this.#effects.push({ type: 'create', record, timeoutMs: this.#timeoutMs() });
  }

  #update(current: LeaseRecord, nowMs: number): void {
    const resourceVersion = this.#resourceVersion;
    if (resourceVersion === undefined) throw new Error('assertion: an update needs a resourceVersion');
    const record =
      current.holderIdentity === this.#identity
        ? { ...this.#freshRecord(current.leaseTransitions), acquireTimeMs: current.acquireTimeMs }
        : this.#freshRecord(current.leaseTransitions + 1);
    this.#request = { type: 'write', startedAtMs: nowMs, startedAtWallMs: this.#wallMs, record };
    this.#effects.push({ type: 'update', record, resourceVersion, timeoutMs: this.#timeoutMs() });
  }

  #onWritten(request: ElectionRequest, resourceVersion: string, nowMs: number): void {
    if (request.record === undefined) throw new Error('assertion: a read was answered like a write');
    this.#resourceVersion = resourceVersion;
    this.#observed = request.record;
    this.#observedAtMs = nowMs;
    if (request.type === 'release') {
      this.#stop();
      return;
    }
    if (this.#phase === 'releasing') {
      this.#giveUp(request.record, nowMs);
      return;
    }
    const { renewDeadlineMs } = this.#timings;
    const writeUntilMs = request.startedAtMs + renewDeadlineMs;
    const right = { writeUntilMs, writeUntilWallMs: request.startedAtWallMs + renewDeadlineMs };
    if (rightLeftMs(right, nowMs, this.#wallMs) <= 0) {
      // It took so long that the right to write is over before it began: renew at once.
      this.#update(request.record, nowMs);
      return;
    }
    const isNew = this.#right === undefined;
    this.#right = right;
    this.#effects.push({ type: isNew ? 'became-leader' : 'renewed', writeUntilMs });
    this.#nextAttemptAtMs = nowMs + this.#timings.retryPeriodMs;
  }

  #onConflict(request: ElectionRequest, nowMs: number): void {
    this.#resourceVersion = undefined;
    if (request.type === 'release') {
      this.#stop();
      return;
    }
    // A holder has to know at once whether the lease was taken; a candidate that lost the race waits its turn.
    if (this.#right !== undefined || this.#phase === 'releasing') this.#get(nowMs);
    else this.#scheduleLook(nowMs);
  }

  #onFailure(nowMs: number): void {
    // One attempt: a lease that could not be given up expires by itself.
    if (this.#phase === 'releasing') this.#stop();
    else this.#scheduleRetry(nowMs);
  }

  /** A candidate looks again soon enough to find a lease that was given up while that is still news. */
  #scheduleLook(nowMs: number): void {
    const { min, max } = LOOK_SHARE;
    this.#nextAttemptAtMs = nowMs + this.#timings.retryPeriodMs * (min + this.#random() * (max - min));
  }

  #scheduleRetry(nowMs: number): void {
    const { retryPeriodMs } = this.#timings;
    const jitterMs = this.#right === undefined ? this.#random() * JITTER_FACTOR * retryPeriodMs : 0;
    this.#nextAttemptAtMs = nowMs + retryPeriodMs + jitterMs;
  }

  #onRelease(nowMs: number): void {
    if (this.#phase !== 'running') return;
    this.#phase = 'releasing';
    if (this.#right !== undefined) this.#lose('released');
    // A write on its way decides first what there is to give up.
    if (this.#request !== undefined) return;
    if (this.#observed?.holderIdentity !== this.#identity) this.#stop();
    else if (this.#resourceVersion === undefined) this.#get(nowMs);
    else this.#giveUp(this.#observed, nowMs);
  }

  #giveUp(current: LeaseRecord, nowMs: number): void {
    const resourceVersion = this.#resourceVersion;
    if (resourceVersion === undefined) throw new Error('assertion: giving up needs a resourceVersion');
    const record = {
      ...this.#freshRecord(current.leaseTransitions),
      holderIdentity: '',
      // As client-go: candidates that do not look at the empty identity see a lease that ends at once.
      leaseDurationSeconds: 1,
    };
    this.#request = { type: 'release', startedAtMs: nowMs, startedAtWallMs: this.#wallMs, record };
    this.#effects.push({ type: 'update', record, resourceVersion, timeoutMs: this.#timeoutMs() });
  }

  #stop(): void {
    this.#phase = 'stopped';
    this.#effects.push({ type: 'stopped' });
  }

  #freshRecord(leaseTransitions: number): LeaseRecord {
    return freshRecord(this.#identity, this.#timings, { leaseTransitions, wallMs: this.#wallMs });
  }

  /** Half of the renew deadline, as the core components have it: a request that hangs leaves time for another one. */
  #timeoutMs(): number {
    return this.#timings.renewDeadlineMs / 2;
  }

  #reportLeader(): void {
    const identity = this.#observed?.holderIdentity;
    if (identity === undefined || identity === this.#reportedLeader) return;
    this.#reportedLeader = identity;
    this.#effects.push({ type: 'leader-observed', identity });
  }

  #wake(): void {
    if (this.#phase === 'stopped') return;
    const attemptMs = this.#request === undefined ? this.#nextAttemptAtMs : Number.POSITIVE_INFINITY;
    const atMs = Math.min(attemptMs, this.#right?.writeUntilMs ?? Number.POSITIVE_INFINITY);
    if (Number.isFinite(atMs)) this.#effects.push({ type: 'wake', atMs });
  }
}
