import type { PodRecord } from '../../src/kube/records.ts';
import { type Action, ReferenceFacts, type Status } from './reference-facts.ts';

const NOTHING: Status = {
  eligible: false,
  ready: false,
  updated: false,
  available: false,
  unavailable: false,
  inFlight: false,
  reserved: false,
  skipped: false,
  failed: false,
  replacing: false,
  settled: false,
  held: undefined,
  candidate: undefined,
  refused: false,
  occupied: false,
  joining: false,
  brokenBefore: false,
};

/** What follows for each node from what is known and remembered. */
export class ReferenceStatus extends ReferenceFacts {
  // --- what is so --------------------------------------------------------------------------------------------------

  markDiffers(pod: PodRecord): boolean {
    if (this.target === undefined || pod.isTerminating || pod.unreadable !== undefined) return false;
    const status = this.isCurrent(pod) ? 'False' : 'True';
    return !(
      pod.needUpgrade?.status === status && pod.needUpgrade.message === `controllerrevision: ${this.target.hash}`
    );
  }

  status(name: string, nowMs: number): Status {
    const result = { ...NOTHING };
    const node = this.nodes.get(name);
    const pods = this.podsOn(name);
    const live = this.liveOn(name);
    const isLeaving = pods.some(({ record }) => record.isTerminating);
    const only = live.length === 1 ? live[0] : undefined;
    const ask = this.asks.get(name);
    const current = only !== undefined && this.isCurrent(only.record);
    const refusal = this.refusals.get(name);
    result.refused = refusal !== undefined && this.isToDo(name, refusal);
    result.eligible = node !== undefined && this.places.has(name);
    result.updated = result.eligible && current;
    const isUnreadable = node?.record.unreadable !== undefined;
    const wasNeverRead = node?.record.uid === '';
    result.ready = result.eligible && (wasNeverRead ? pods.length > 0 : isUnreadable || node?.record.isReady === true);
    const finished = only !== undefined && (only.record.phase !== 'Running' || only.record.unreadable !== undefined);
    const serves = only !== undefined && !finished && only.record.isReady && only.readySince + this.minReadyMs <= nowMs;
    result.available = result.ready && serves;
    result.joining = result.ready && !serves && this.#isJoining(name, nowMs);
    result.unavailable = (result.ready || wasNeverRead) && !serves && !result.joining;
    if (this.strategy === 'OTA') {
      const differs = pods.some(({ record }) => this.markDiffers(record));
      result.inFlight = ask !== undefined;
      const isAnyReadable = pods.some(({ record }) => record.unreadable === undefined);
      result.settled = ask === undefined && isAnyReadable && !differs;
      if (ask === undefined && differs && this.isRefused(name, 'mark', nowMs)) result.held = 'backoff';
      else if (ask === undefined && differs) result.candidate = 'mark';
    }
    if (this.strategy !== 'AdvancedRollingUpdate' || !result.eligible) return result;
    const isAskedDelete = ask?.action === 'delete';
    if (!result.ready) {
      const isTargets = (live.length === 0 || current) && this.replacedHash.get(name) === this.target?.hash;
      if (isTargets && this.isSuspect(name) && this.outages.get(name)?.isOutage !== true) {
        return { ...result, failed: true, unavailable: true, occupied: true };
      }
      const held = isAskedDelete && ask.phase !== 'asked';
      return { ...result, inFlight: held, occupied: held, reserved: held, skipped: !current };
    }
    const leaving = live.length === 0 || (isLeaving && !serves);
    result.replacing = leaving || (only !== undefined && !serves && (current || finished));
    const isComing = this.awaiting.has(name) || (only !== undefined && only.record.phase !== 'Running');
    result.inFlight = (result.replacing && isComing) || isAskedDelete;
    result.occupied = result.inFlight || (result.replacing && !result.joining);
    result.reserved = isAskedDelete && serves;
    const since = this.replacingSince.get(name);
    const isOver = result.replacing && since !== undefined && this.#isOver(name, since, nowMs);
    if (isOver) {
      result.brokenBefore = this.wasBroken.has(name) || !this.served.has(name);
      result.failed = !result.brokenBefore;
      result.inFlight = false;
      result.occupied = result.failed;
      result.unavailable = result.failed;
    }
    if (isOver && ask === undefined && this.stuckUid(name, nowMs) !== undefined) result.candidate = 'force';
    result.settled = current && serves && !leaving && ask === undefined;
    if (only !== undefined && !current && !finished && !leaving && ask === undefined) {
      const isCrowded = pods.some(({ record }) => record.isTerminating);
      if (isUnreadable || !this.fits(name) || isCrowded) result.held = 'barred';
      else if (nowMs < this.repeatUntil(name)) result.held = 'repeated';
      else if (this.isRefused(name, 'delete', nowMs)) result.held = 'backoff';
      else result.candidate = serves ? 'available' : 'unavailable';
    }
    return result;
  }

  /** Whether that write of a node's pod still is called for. */
  isToDo(name: string, { action, uid }: { action: Action; uid: string }): boolean {
    const pods = this.podsOn(name).map(({ record }) => record);
    if (action === 'mark') return this.strategy === 'OTA' && pods.some((pod) => this.markDiffers(pod));
    const node = this.nodes.get(name)?.record;
    const isPlaceToUpdate = node?.isReady === true && node.unreadable === undefined && this.fits(name);
    if (this.strategy !== 'AdvancedRollingUpdate' || !isPlaceToUpdate) return false;
    const pod = pods.find((each) => each.uid === uid);
    if (pod?.unreadable !== undefined) return false;
    if (action === 'force-delete') {
      return this.isForce && pod?.isTerminating === true && this.liveOn(name).length === 0;
    }
    const [only, second] = this.liveOn(name);
    if (only?.record.uid !== uid || second !== undefined || pods.some(({ isTerminating }) => isTerminating))
      return false;
    return pod?.phase === 'Running' && !this.isCurrent(pod);
  }

  get isForce(): boolean {
    return (
      this.wanted !== undefined && this.daemonSet?.annotations['daemonpodupdater.io/force-delete-stuck'] === 'true'
    );
  }

  /** The first of the node's pods that has been on its way out for too long, if it may be deleted by force. */
  stuckUid(name: string, nowMs: number): string | undefined {
    if (this.isRefused(name, 'force-delete', nowMs)) return undefined;
    return this.podsOn(name).find(({ record: { uid, deletionGraceMs = 0 } }) => {
      const { sinceMs, forcedAtMs } = this.leaving.get(uid) ?? { sinceMs: nowMs, forcedAtMs: [] };
      const times = forcedAtMs.length;
      const firstMs = sinceMs + deletionGraceMs + this.deadlineMs() + (this.unseenMs.get(name) ?? 0);
      const waitsMs = [60_000, 120_000, 240_000, 480_000, 960_000, 1_920_000];
      const dueMs = times === 0 ? firstMs : (forcedAtMs.at(-1) ?? 0) + (waitsMs[times - 1] ?? 3_840_000);
      return this.isToDo(name, { action: 'force-delete', uid }) && nowMs >= dueMs;
    })?.record.uid;
  }

  isRefused(name: string, action: Action, nowMs: number): boolean {
    const refusal = this.refusals.get(name);
    return refusal?.action === action && nowMs < refusal.untilMs;
  }

  /** Goes through all deletions of the node: which targets they were for, and how often one came again. */
  repeatUntil(name: string): number {
    let tried: string[] = [];
    let repeats = 0;
    let lastMs = Number.NEGATIVE_INFINITY;
    for (const { hash, atMs } of this.deletions.get(name) ?? []) {
      if (atMs - lastMs >= 600_000) tried = [];
      repeats = tried.includes(hash) ? repeats + 1 : 0;
      tried = [hash, ...tried.filter((other) => other !== hash)].slice(0, 2);
      lastMs = atMs;
    }
    if (repeats === 0 || !tried.includes(this.target?.hash ?? '')) return Number.NEGATIVE_INFINITY;
    return lastMs + 1000 * ([10, 20, 40, 80, 160][repeats - 1] ?? 300);
  }

  #isJoining(name: string, nowMs: number): boolean {
    return !this.served.has(name) && nowMs < (this.joinedAt.get(name) ?? 0) + this.deadlineMs();
  }

  /** The replacement has had its time: from when the old pod was gone, or while it is not, after its grace period. */
  #isOver(name: string, sinceMs: number, nowMs: number): boolean {
    const goneMs = this.goneAt.get(name);
    const leaving = this.podsOn(name).filter(({ record }) => record.isTerminating);
    const graceMs = Math.max(0, ...leaving.map(({ record }) => record.deletionGraceMs ?? 0));
    const fromMs = goneMs ?? sinceMs + graceMs;
    return this.seenMs(name, fromMs, nowMs) >= this.deadlineMs() + this.minReadyMs;
  }
}
