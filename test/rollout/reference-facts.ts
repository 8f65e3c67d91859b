import type { DaemonSetRecord, NodeRecord, PodRecord, RevisionRecord } from '../../src/kube/records.ts';
import { DS_UID } from './records.ts';

export type Action = 'delete' | 'force-delete' | 'mark';

/** A slot that was asked for, and how far it has come. */
export interface RefAsk {
  action: Action;
  uid: string;
  phase: 'asked' | 'sent' | 'watching' | 'observe-due' | 'observe-asked' | 'observe-sent';
  dueMs: number;
  reads: number;
  written: string | undefined;
  /** The target when it was sent. */
  hash: string | undefined;
  hasSetback: boolean;
}

export interface Status {
  eligible: boolean;
  ready: boolean;
  updated: boolean;
  available: boolean;
  unavailable: boolean;
  inFlight: boolean;
  reserved: boolean;
  skipped: boolean;
  failed: boolean;
  replacing: boolean;
  settled: boolean;
  /** Would be a candidate, but waits because of what happened before. */
  held: 'repeated' | 'backoff' | 'unknown' | undefined;
  candidate: 'unavailable' | 'available' | 'force' | 'mark' | undefined;
  /** A write of its pod was refused, and is still to be done. */
  refused: boolean;
}

const NOBODY_ASKED = { atMs: Number.NEGATIVE_INFINITY, name: '' };

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
};

/** The facts under the reference: what is known, and what follows from it for each node. */
export class ReferenceFacts {
  readonly nodes = new Map<string, { record: NodeRecord; notReadySince: number }>();
  readonly pods = new Map<string, { record: PodRecord; readySince: number }>();
  readonly revisions = new Map<string, RevisionRecord>();
  readonly asks = new Map<string, RefAsk>();
  readonly replacedAt = new Map<string, number>();
  readonly replacingSince = new Map<string, number>();
  /** Of that time, what nobody could see, by node. */
  readonly unseenMs = new Map<string, number>();
  staleSince: number | undefined = undefined;
  /** Our deletions that took effect, by node, all of them. */
  readonly deletions = new Map<string, { hash: string; atMs: number }[]>();
  /** Pods on their way out, by UID: since when, and when each forced deletion so far was answered. */
  readonly leaving = new Map<string, { sinceMs: number; forcedAtMs: number[] }>();
  readonly refusals = new Map<string, { action: Action; uid: string; count: number; untilMs: number }>();
  readonly refusedInARow = { delete: 0, 'force-delete': 0, mark: 0 };
  /** The last that was asked, of each kind. */
  readonly lastAsk = { delete: NOBODY_ASKED, 'force-delete': NOBODY_ASKED, mark: NOBODY_ASKED };
  daemonSet: DaemonSetRecord | undefined;
  isSynced = false;
  window = Number.POSITIVE_INFINITY;

  // --- what is known -----------------------------------------------------------------------------------------------

  get target(): RevisionRecord | undefined {
    return [...this.revisions.values()]
      .filter(({ ownerUid }) => ownerUid === DS_UID)
      .sort((a, b) => b.revision - a.revision)[0];
  }

  get wanted(): 'OTA' | 'AdvancedRollingUpdate' | undefined {
    const value = this.daemonSet?.annotations['apps.openyurt.io/update-strategy'];
    if (value !== 'OTA' && value !== 'AdvancedRollingUpdate') return undefined;
    return this.daemonSet?.updateStrategyType === 'OnDelete' ? value : undefined;
  }

  get strategy(): 'OTA' | 'AdvancedRollingUpdate' | undefined {
    return this.target !== undefined && this.daemonSet?.isTerminating === false ? this.wanted : undefined;
  }

  get isPaused(): boolean {
    const value = this.daemonSet?.annotations['daemonpodupdater.io/paused'];
    return this.wanted !== undefined && value !== undefined && value !== 'false';
  }

  get isBlocked(): boolean {
    return this.isPaused || this.isBlockedOtherwise;
  }

  get isBlockedOtherwise(): boolean {
    const ds = this.daemonSet;
    if (this.staleSince !== undefined || ds?.unreadable !== undefined) return true;
    if ([...this.revisions.values()].some(({ unreadable }) => unreadable !== undefined)) return true;
    return !this.isSynced || this.strategy === undefined || (ds?.observedGeneration ?? 0) < (ds?.generation ?? 0);
  }

  get minReadyMs(): number {
    return (this.daemonSet?.minReadySeconds ?? 0) * 1000;
  }

  get allowed(): number {
    return this.wanted === undefined ? 0 : Number(this.daemonSet?.annotations['apps.openyurt.io/max-unavailable']);
  }

  /** For how long the node's replacement could be seen not to come. */
  seenMs(name: string, sinceMs: number, nowMs: number): number {
    return Math.min(nowMs, this.staleSince ?? nowMs) - sinceMs - (this.unseenMs.get(name) ?? 0);
  }

  setStale(isStale: boolean, nowMs: number): void {
    if (isStale) this.staleSince ??= nowMs;
    if (isStale || this.staleSince === undefined) return;
    for (const [name, sinceMs] of this.replacingSince) {
      this.unseenMs.set(name, (this.unseenMs.get(name) ?? 0) + nowMs - Math.max(sinceMs, this.staleSince));
    }
    this.staleSince = undefined;
  }

  deadlineMs(): number {
    return this.wanted === undefined ? 600_000 : 120_000;
  }

  names(): string[] {
    const all = [...this.nodes.keys(), ...[...this.pods.values()].map(({ record }) => record.nodeName)];
    return [...new Set(all)].sort();
  }

  podsOn(name: string) {
    return [...this.pods.values()].filter(({ record }) => record.nodeName === name);
  }

  isCurrent(pod: PodRecord): boolean {
    return this.target !== undefined && pod.revisionHash === this.target.hash;
  }

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
    const live = pods.filter(({ record }) => !record.isTerminating);
    const only = live.length === 1 ? live[0] : undefined;
    const ask = this.asks.get(name);
    const current = only !== undefined && this.isCurrent(only.record);
    const refusal = this.refusals.get(name);
    result.refused = refusal !== undefined && this.isToDo(name, refusal);
    result.eligible = node !== undefined && node.record.taints.length === 0;
    result.updated = result.eligible && current;
    const isUnreadable = node?.record.unreadable !== undefined;
    const wasNeverRead = node?.record.uid === '';
    result.ready = result.eligible && (wasNeverRead ? pods.length > 0 : isUnreadable || node?.record.isReady === true);
    const finished = only !== undefined && (only.record.phase !== 'Running' || only.record.unreadable !== undefined);
    const serves = only !== undefined && !finished && only.record.isReady && only.readySince + this.minReadyMs <= nowMs;
    result.available = result.ready && serves;
    result.unavailable = (result.ready || wasNeverRead) && !serves;
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
      const replaced = this.replacedAt.get(name) ?? this.guessReplacedAt(name, only?.record);
      const since = node?.notReadySince ?? 0;
      const isTargets = live.length === 0 || current;
      if (isTargets && replaced !== undefined && since >= replaced && since <= replaced + this.minReadyMs + 300_000) {
        return { ...result, failed: true, unavailable: true, inFlight: true };
      }
      const held = isAskedDelete && ask.phase !== 'asked';
      return { ...result, inFlight: held, reserved: held, skipped: !current };
    }
    const leaving = live.length === 0 || pods.length > live.length;
    result.replacing = leaving || (only !== undefined && !serves && (current || finished));
    result.inFlight = result.replacing || isAskedDelete;
    result.reserved = isAskedDelete && serves;
    const since = this.replacingSince.get(name);
    result.failed = result.replacing && since !== undefined && this.seenMs(name, since, nowMs) >= this.deadlineMs();
    if (result.failed && ask === undefined && this.stuckUid(name, nowMs) !== undefined) result.candidate = 'force';
    result.settled = current && serves && !leaving && ask === undefined;
    if (only !== undefined && !current && !finished && !leaving && ask === undefined) {
      if (nowMs < this.repeatUntil(name)) result.held = 'repeated';
      else if (this.isRefused(name, 'delete', nowMs)) result.held = 'backoff';
      else result.candidate = serves ? 'available' : 'unavailable';
      if (isUnreadable) [result.held, result.candidate] = ['unknown', undefined];
    }
    return result;
  }

  /** Whether that write of a node's pod still is called for. */
  isToDo(name: string, { action, uid }: { action: Action; uid: string }): boolean {
    const pods = this.podsOn(name).map(({ record }) => record);
    if (action === 'mark') return this.strategy === 'OTA' && pods.some((pod) => this.markDiffers(pod));
    const node = this.nodes.get(name)?.record;
    const isPlaceToUpdate = node?.isReady === true && node.unreadable === undefined && node.taints.length === 0;
    if (this.strategy !== 'AdvancedRollingUpdate' || !isPlaceToUpdate) return false;
    const pod = pods.find((each) => each.uid === uid);
    if (pod?.unreadable !== undefined) return false;
    if (action === 'force-delete') {
      return this.isForce && pod?.isTerminating === true && pods.every(({ isTerminating }) => isTerminating);
    }
    if (pod === undefined || pods.length > 1 || pod.isTerminating) return false;
    return pod.phase === 'Running' && !this.isCurrent(pod);
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

  guessReplacedAt(name: string, pod: PodRecord | undefined): number | undefined {
    const node = this.nodes.get(name)?.record;
    if (pod === undefined || node === undefined || this.target === undefined) return undefined;
    const { createdAtMs } = this.target;
    return pod.createdAtMs > createdAtMs && node.createdAtMs < createdAtMs ? pod.createdAtMs : undefined;
  }
}
