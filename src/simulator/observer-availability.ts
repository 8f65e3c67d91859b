import { type ClusterIndex, type Entry, entryKey, type Slot } from './cluster-index.ts';
import type { DaemonSetObject } from './objects.ts';
import { countFailed } from './observer-failed.ts';
import { countMarks } from './observer-marks.ts';
import { allowedUnavailable, isSameTemplate, optedStrategy } from './observer-policy.ts';
import { SiteWatch } from './observer-site.ts';
import { type Counts, count, isDeletion, isExcused, NOTHING, type View, viewOf } from './observer-view.ts';
import type { Commit } from './store.ts';
import type { Timeline } from './timeline.ts';

/** How one DaemonSet fares, as the cluster itself sees it. */
export interface AvailabilityReport {
  /** `namespace/name`. */
  readonly daemonSet: string;
  readonly eligible: number;
  /** Eligible nodes that are Ready now. */
  readonly eligibleReady: number;
  /** Eligible Ready nodes whose only pods are of the newest revision, one of them available. */
  readonly updated: number;
  /** Eligible nodes that are not Ready. */
  readonly notReady: number;
  /** The DaemonSet controller has seen the newest template, so that `updated` and `marked` speak of it. */
  readonly isNewRevisionKnown: boolean;
  /** Pods of a DaemonSet that opted in to OTA, and those whose mark is right; 0 otherwise. */
  readonly pods: number;
  readonly marked: number;
  /** Eligible Ready nodes that have a pod of the newest revision and none available. */
  readonly updatedUnavailable: number;
  /** Eligible Ready nodes without an available pod, now. */
  readonly unavailable: number;
  /** The bound that the DaemonSet's annotation sets, now. */
  readonly allowed: number;
  /** See `AvailabilityObserver`. */
  readonly peak: number;
  readonly peakAtDeletion: number;
  readonly peakOverall: number;
  /** The most eligible Ready nodes at once where a client had deleted a pod and none was available yet. */
  readonly peakInFlight: number;
  readonly overBudgetDeletions: number;
  /** Integral of `unavailable` over time since the first template change, in seconds of the cluster's time. */
  readonly unavailablePodSeconds: number;
  /** The first template change; undefined before it. */
  readonly startedAtMs: number | undefined;
  /** When every eligible Ready node was last seen to become updated; undefined while that is not so. */
  readonly completedAtMs: number | undefined;
}

interface Watched {
  readonly entry: Entry;
  readonly views: Map<string, View>;
  readonly count: Counts;
  /** Names of eligible Ready nodes without an available pod. */
  readonly unavailable: Set<string>;
  /** Names of nodes that are not Ready and where a client has replaced the pod. */
  readonly suspects: Set<string>;
  readonly site: SiteWatch;
  peak: number;
  peakAtDeletion: number;
  peakOverall: number;
  peakInFlight: number;
  overBudgetDeletions: number;
  podMs: number;
  integratedMs: number;
  startedAtMs: number | undefined;
  completedAtMs: number | undefined;
  allowed: number;
  /** What `allowed` was told from. */
  allowedFor: { readonly daemonSet: DaemonSetObject | undefined; readonly base: number };
  /** Bounds that held until lately, with their ends. */
  earlierAllowed: { readonly allowed: number; readonly endedMs: number }[];
}

export interface AvailabilityOptions {
  readonly timeline: Timeline;
  readonly index: ClusterIndex;
  /** How far a client's view may be behind: what changed more recently is not held against it. */
  readonly lagMs: number;
  readonly onViolation: (message: string) => void;
}

/**
 * Watches how many nodes every DaemonSet leaves without service.
 *
 * U(t) is the set of nodes that belong (the template wants them and no user takes them out), are Ready, and have no available pod
 * of the DaemonSet. Taints that keep pods away take only those out that never had a new pod, were not replaced by a client,
 * and did not lack a pod when the taint came. D(t) is the part of U(t) whose last available
 * pod was taken away by a client's deletion, until a pod is available there again. Peaks count from the first template
 * change:
 *
 * - `peak`: the most of |D(t)| right after a client's deletion of an available pod. This is what the updater did.
 * - `peakAtDeletion`: the most of |U(t)| and of failed nodes right after such a deletion. Without lag it
 *   never exceeds the bound; with lag it can, by nodes that failed on their own a moment before.
 * - `peakOverall`: the most of |U(t)| at any time, whoever caused it.
 *
 * `overBudgetDeletions` counts deletions of an available pod after which more nodes than allowed are known to be in
 * U(t) or failed. Known are those that have been so for `lagMs`, and those of D(t) whose node did not come back Ready within
 * `lagMs`; the bound is the largest of the last `lagMs`. Nodes that are joining, or were broken before, do not count then.
 */
export class AvailabilityObserver {
  readonly #options: AvailabilityOptions;
  readonly #watched = new Map<string, Watched>();

  constructor(options: AvailabilityOptions) {
    this.#options = options;
    options.index.listen({
      onSlot: (entry, slot, commit) => this.#onSlot(entry, slot, commit),
      onDaemonSet: (entry, commit) => this.#onDaemonSet(entry, commit),
      onRevision: (entry) => this.#refresh(this.#watchedOf(entry)),
    });
  }

  report(): readonly AvailabilityReport[] {
    return [...this.#watched.values()].map((watched) => this.#reportOf(watched));
  }

  /** Starts counting anew: the integral and the peaks of all DaemonSets. */
  restart(): void {
    for (const watched of this.#watched.values()) this.#begin(watched);
  }

  #begin(watched: Watched): void {
    const { nowMs } = this.#options.timeline;
    Object.assign(watched, { startedAtMs: nowMs, integratedMs: nowMs, podMs: 0, completedAtMs: undefined });
    Object.assign(watched, { peak: 0, peakAtDeletion: 0, peakInFlight: 0, peakOverall: watched.unavailable.size });
  }

  #watchedOf(entry: Entry): Watched {
    const { uid } = entry.daemonSet.metadata;
    let watched = this.#watched.get(uid);
    if (watched === undefined) {
      watched = {
        entry,
        views: new Map(),
        count: {
          eligible: 0,
          ready: 0,
          updated: 0,
          updatedUnavailable: 0,
          disrupted: 0,
          replacing: 0,
          replacingAway: 0,
        },
        unavailable: new Set(),
        suspects: new Set(),
        site: new SiteWatch(),
        peak: 0,
        peakAtDeletion: 0,
        peakOverall: 0,
        peakInFlight: 0,
        overBudgetDeletions: 0,
        podMs: 0,
        integratedMs: 0,
        startedAtMs: undefined,
        completedAtMs: undefined,
        allowed: 0,
        allowedFor: { daemonSet: undefined, base: 0 },
        earlierAllowed: [],
      };
      this.#watched.set(uid, watched);
    }
    return watched;
  }

  #onDaemonSet(entry: Entry, commit: Commit): void {
    if (commit.type === 'DELETED') {
      this.#watched.delete(entry.daemonSet.metadata.uid);
      return;
    }
    const watched = this.#watchedOf(entry);
    const previous = commit.previous as DaemonSetObject | undefined;
    if (previous === undefined || previous.spec !== entry.daemonSet.spec) this.#refresh(watched);
    this.#settleAllowed(watched);
    const isTemplateChange = previous !== undefined && !isSameTemplate(previous, entry.daemonSet);
    if (isTemplateChange && watched.startedAtMs === undefined) this.#begin(watched);
  }

  #refresh(watched: Watched): void {
    for (const slot of watched.entry.slots.values()) this.#look(watched, slot, false);
  }

  #onSlot(entry: Entry, slot: Slot, commit: Commit | undefined): void {
    const watched = this.#watchedOf(entry);
    const wasServed = watched.views.get(slot.nodeName)?.isServed ?? false;
    const isPodByClient = commit?.resource === 'pods' && commit.origin.startsWith('client:');
    const isByClient = isPodByClient && isDeletion(commit);
    const view = this.#look(watched, slot, isByClient);
    watched.peakInFlight = Math.max(watched.peakInFlight, watched.count.replacing);
    if (isByClient && wasServed && view.isDisrupted) this.#judgeDeletion(watched, slot.nodeName);
  }

  #look(watched: Watched, slot: Slot, isByClient: boolean): View {
    const { index, timeline } = this.#options;
    const { nodeName } = slot;
    const node = index.node(nodeName);
    const before = watched.views.get(nodeName) ?? NOTHING;
    const seen = { before, isByClient, nowMs: timeline.nowMs, ...(node === undefined ? {} : { node }) };
    const after = viewOf(watched.entry, slot, seen);
    this.#integrate(watched);
    count(watched.count, before, -1);
    count(watched.count, after, 1);
    if (after.isUnavailable) watched.unavailable.add(nodeName);
    else watched.unavailable.delete(nodeName);
    if (after.isEligible && !after.isReady && after.turnAtMs > 0) watched.suspects.add(nodeName);
    else watched.suspects.delete(nodeName);
    const zone = node?.metadata.labels?.['topology.kubernetes.io/zone'] ?? '';
    if (node === undefined) watched.site.forget(nodeName);
    else watched.site.note(nodeName, zone, after.isNodeReady, timeline.nowMs);
    if (node === undefined && !after.isServed && !after.isDisrupted) watched.views.delete(nodeName);
    else watched.views.set(nodeName, after);
    watched.peakOverall = Math.max(watched.peakOverall, watched.unavailable.size);
    const isComplete = watched.count.updated === watched.count.ready;
    if (!isComplete) watched.completedAtMs = undefined;
    else if (watched.startedAtMs !== undefined) watched.completedAtMs ??= timeline.nowMs;
    this.#settleAllowed(watched);
    return after;
  }

  #integrate(watched: Watched): void {
    const { nowMs } = this.#options.timeline;
    if (watched.startedAtMs === undefined) return;
    watched.podMs += watched.unavailable.size * (nowMs - watched.integratedMs);
    watched.integratedMs = nowMs;
  }

  #settleAllowed(watched: Watched): void {
    const { daemonSet } = watched.entry;
    const base = watched.count.ready + watched.count.replacingAway;
    if (watched.allowedFor.daemonSet === daemonSet && watched.allowedFor.base === base) return;
    watched.allowedFor = { daemonSet, base };
    const allowed = allowedUnavailable(daemonSet, base);
    if (watched.allowed === allowed) return;
    const { timeline, lagMs } = this.#options;
    const recent = watched.earlierAllowed.filter(({ endedMs }) => endedMs > timeline.nowMs - lagMs);
    watched.earlierAllowed = [...recent, { allowed: watched.allowed, endedMs: timeline.nowMs }];
    watched.allowed = allowed;
  }

  #judgeDeletion(watched: Watched, nodeName: string): void {
    const { timeline, lagMs, onViolation } = this.#options;
    const { count: counts, unavailable } = watched;
    const longAgoMs = timeline.nowMs - lagMs;
    const failed = countFailed(watched, longAgoMs, timeline.nowMs);
    watched.peak = Math.max(watched.peak, counts.disrupted);
    watched.peakAtDeletion = Math.max(watched.peakAtDeletion, unavailable.size + failed);
    const recent = watched.earlierAllowed.filter(({ endedMs }) => endedMs > longAgoMs);
    const bound = Math.max(watched.allowed, ...recent.map(({ allowed }) => allowed));
    if (unavailable.size + failed <= bound) return;
    let known = failed;
    for (const name of unavailable) {
      const view = watched.views.get(name) ?? NOTHING;
      if (name !== nodeName && isExcused(view, watched.entry, timeline.nowMs)) continue;
      if (name === nodeName || view.sinceMs <= longAgoMs || view.isDisruptedInPlace) known += 1;
      if (known > bound) break;
    }
    if (known <= bound) return;
    watched.overBudgetDeletions += 1;
    const what = `${known} nodes or more without an available pod after a deletion on ${nodeName}`;
    onViolation(`${entryKey(watched.entry)}: ${what}, ${bound} allowed`);
  }

  #reportOf(watched: Watched): AvailabilityReport {
    this.#integrate(watched);
    const { count: counts, unavailable } = watched;
    const { daemonSet } = watched.entry;
    const marks = optedStrategy(daemonSet) === 'ota' ? countMarks(watched.entry) : { pods: 0, marked: 0 };
    return {
      ...marks,
      isNewRevisionKnown: daemonSet.status.observedGeneration === daemonSet.metadata.generation,
      daemonSet: entryKey(watched.entry),
      eligible: counts.eligible,
      eligibleReady: counts.ready,
      updated: counts.updated,
      notReady: counts.eligible - counts.ready,
      updatedUnavailable: counts.updatedUnavailable,
      unavailable: unavailable.size,
      allowed: watched.allowed,
      peak: watched.peak,
      peakAtDeletion: watched.peakAtDeletion,
      peakOverall: watched.peakOverall,
      peakInFlight: watched.peakInFlight,
      overBudgetDeletions: watched.overBudgetDeletions,
      unavailablePodSeconds: watched.podMs / 1000,
      startedAtMs: watched.startedAtMs,
      completedAtMs: watched.completedAtMs,
    };
  }
}
