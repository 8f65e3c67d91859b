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
  held: 'repeated' | 'backoff' | 'barred' | undefined;
  candidate: 'unavailable' | 'available' | 'force' | 'mark' | undefined;
  /** A write of its pod was refused, and is still to be done. */
  refused: boolean;
  /** In flight, failed, or a current pod that is not available any more. */
  occupied: boolean;
  joining: boolean;
  brokenBefore: boolean;
}

const NOBODY_ASKED = { atMs: Number.NEGATIVE_INFINITY, name: '' };

/** The facts under the reference: what is known, and what follows from it for each node. */
export class ReferenceFacts {
  readonly nodes = new Map<string, { record: NodeRecord; notReadySince: number }>();
  readonly pods = new Map<string, { record: PodRecord; readySince: number }>();
  readonly revisions = new Map<string, RevisionRecord>();
  readonly asks = new Map<string, RefAsk>();
  readonly replacedAt = new Map<string, number>();
  /** The target of that. */
  readonly replacedHash = new Map<string, string | undefined>();
  readonly replacingSince = new Map<string, number>();
  /** When the last pod that was on its way out had gone, of those that are being replaced. */
  readonly goneAt = new Map<string, number>();
  /** Nodes that count as eligible. */
  readonly places = new Set<string>();
  /** Nodes whose pod was deleted, and no replacement has been available. */
  readonly awaiting = new Set<string>();
  /** … by us, or that cannot be told. */
  readonly ours = new Set<string>();
  readonly joinedAt = new Map<string, number>();
  /** Nodes that had an available pod, or may have had one. */
  readonly served = new Set<string>();
  readonly brokenSince = new Map<string, number>();
  /** In spells before, since one was available. */
  readonly brokenMs = new Map<string, number>();
  readonly wasBroken = new Set<string>();
  /** Nodes that went NotReady, and pods that were replaced, all of them. */
  readonly departures: { name: string; atMs: number; zone: string }[] = [];
  readonly replacements: { name: string; atMs: number; zone: string }[] = [];
  /** What was answered about those that are away. */
  readonly outages = new Map<string, { isOutage: boolean; dueMs: number }>();
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
    for (const [name, replacingMs] of this.replacingSince) {
      const sinceMs = this.goneAt.get(name) ?? replacingMs;
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

  /** Pods that stay; a finished one only where nothing else is. */
  liveOn(name: string) {
    const staying = this.podsOn(name).filter(({ record }) => !record.isTerminating);
    const running = staying.filter(({ record }) => record.phase === 'Running');
    return running.length > 0 ? running : staying;
  }

  /** The pod would be created there. */
  fits(name: string): boolean {
    return this.taintOf(name) === undefined;
  }

  /** What keeps a new pod from the node: somebody's taint, or only what Kubernetes says of nodes that are away. */
  taintOf(name: string): 'excluded' | 'taint' | 'away' | undefined {
    const node = this.nodes.get(name)?.record;
    if (node === undefined || 'daemonpodupdater.io/exclude' in node.labels) return 'excluded';
    if (node.taints.some(({ key }) => key === 'k')) return 'taint';
    return node.taints.length > 0 ? 'away' : undefined;
  }

  /** It went NotReady while its pod was replaced, or soon after. */
  isSuspect(name: string): boolean {
    const since = this.nodes.get(name)?.notReadySince ?? Number.POSITIVE_INFINITY;
    const replaced = this.replacedAt.get(name);
    if (replaced === undefined || since === Number.POSITIVE_INFINITY || since < replaced) return false;
    return this.awaiting.has(name) || since <= replaced + this.minReadyMs + 300_000;
  }

  isCurrent(pod: PodRecord): boolean {
    return this.target !== undefined && pod.revisionHash === this.target.hash;
  }
}
