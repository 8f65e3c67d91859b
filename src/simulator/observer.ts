import type { HandledWrite } from './api-server.ts';
import type { SimRequest } from './api-types.ts';
import { deleteOptionsOf } from './api-write.ts';
import { type ClusterIndex, type Entry, entryKey, revisionHashOf } from './cluster-index.ts';
import { getField } from './fields.ts';
import {
  controllerUid,
  type DaemonSetObject,
  findCondition,
  keyOf,
  nodeNameOf,
  objectKey,
  type PodObject,
} from './objects.ts';
import { AvailabilityObserver, type AvailabilityReport } from './observer-availability.ts';
import { optedStrategy, wantsForce } from './observer-policy.ts';
import { routeOf } from './resources.ts';
import type { Commit, Store } from './store.ts';
import type { Timeline } from './timeline.ts';

/** What the clients did wrong, by kind; all zero for a good client. */
export interface WriteFaults {
  /** A further deletion of a pod that a client deleted already; a condition written as it was. */
  readonly duplicateWrites: number;
  /**
   * A deletion without a grace period that the DaemonSet did not ask for, of a pod that was not terminating, or on a node
   * that is not Ready.
   */
  readonly wrongForceDeletes: number;
  /** Two writes of one slot in flight at the same time. */
  readonly overlappingWrites: number;
  /** A deletion of a pod of the newest revision. */
  readonly currentPodDeletes: number;
  /** A mark for an older revision after one for a newer. */
  readonly staleMarks: number;
  /** A mark that says the opposite of the pod's revision. */
  readonly wrongMarks: number;
  readonly writesWithoutPrecondition: number;
  /** A write to a pod that no DaemonSet owns. */
  readonly foreignWrites: number;
  /** A write to a pod of a DaemonSet that did not opt in. */
  readonly optedOutWrites: number;
  readonly otaDeletes: number;
}

export interface ObserverReport extends WriteFaults {
  readonly daemonSets: readonly AvailabilityReport[];
  /** Deletions and patches of pods that were applied. */
  readonly deletes: number;
  readonly patches: number;
  /** Writes to pods that were refused, whatever the reason. */
  readonly refused: number;
  /** `overlappingWrites`, `currentPodDeletes` and `staleMarks` together. */
  readonly orderViolations: number;
  readonly overBudgetDeletions: number;
  /** The first violations in words. */
  readonly violations: readonly string[];
}

export interface ObserverOptions {
  readonly store: Store;
  readonly timeline: Timeline;
  readonly index: ClusterIndex;
  /** What became so less than this ago is not held against a client: its watch may not have told it yet. */
  readonly lagMs: number;
}

interface KnownPod {
  readonly slot: string;
  readonly uid: string;
}

interface Settled {
  readonly isOptedIn: boolean;
  readonly sinceMs: number;
}

const VIOLATIONS_MAX = 50;
const NEED_UPGRADE = 'PodNeedUpgrade';

/**
 * Watches over what clients do, from inside the cluster: it sees every write and every committed change, and shares no
 * code with the program that it watches.
 */
export class Observer {
  readonly availability: AvailabilityObserver;
  readonly #options: ObserverOptions;
  readonly #faults = {
    duplicateWrites: 0,
    wrongForceDeletes: 0,
    overlappingWrites: 0,
    currentPodDeletes: 0,
    staleMarks: 0,
    wrongMarks: 0,
    writesWithoutPrecondition: 0,
    foreignWrites: 0,
    optedOutWrites: 0,
    otaDeletes: 0,
  };
  readonly #writes = { deletes: 0, patches: 0, refused: 0 };
  readonly #violations: string[] = [];
  /** Pods by key, the deleted ones too: a late write must be put down to its slot. */
  readonly #pods = new Map<string, KnownPod>();
  readonly #deletedUids = new Set<string>();
  readonly #inFlight = new Map<string, number>();
  /** Highest revision that a slot was marked for. */
  readonly #marked = new Map<string, number>();
  readonly #newestSinceMs = new Map<string, number>();
  readonly #opted = new Map<string, Settled>();

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.availability = new AvailabilityObserver({ ...options, onViolation: (message) => this.#note(message) });
    options.store.onCommit((commit) => this.#onCommit(commit));
    options.index.listen({
      onDaemonSet: (entry) => this.#onDaemonSet(entry),
      onRevision: (entry) => this.#onRevision(entry),
    });
  }

  report(): ObserverReport {
    const daemonSets = this.availability.report();
    const { overlappingWrites, currentPodDeletes, staleMarks } = this.#faults;
    return {
      ...this.#writes,
      ...this.#faults,
      daemonSets,
      orderViolations: overlappingWrites + currentPodDeletes + staleMarks,
      overBudgetDeletions: daemonSets.reduce((sum, { overBudgetDeletions }) => sum + overBudgetDeletions, 0),
      violations: [...this.#violations],
    };
  }

  /**
   * A request has reached the server. Returns what must be called when its answer has left or its connection is gone;
   * until then it is in flight. Requests that are not writes to a pod do not matter.
   */
  begin(request: SimRequest): () => void {
    const slot = request.method === 'GET' ? undefined : this.#slotOf(request);
    if (slot === undefined) return () => undefined;
    const others = this.#inFlight.get(slot) ?? 0;
    if (others > 0)
      this.#fault('overlappingWrites', `${request.method} ${request.url} while another write is in flight`);
    this.#inFlight.set(slot, others + 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const left = (this.#inFlight.get(slot) ?? 1) - 1;
      if (left === 0) this.#inFlight.delete(slot);
      else this.#inFlight.set(slot, left);
    };
  }

  /** A write was answered. */
  onWrite(write: HandledWrite): void {
    if (write.route.resource.plural !== 'pods' || write.route.name === '') return;
    if (write.request.url.includes('dryRun=All')) return;
    const isApplied = write.response.status < 300;
    if (!isApplied) this.#writes.refused += 1;
    if (write.request.method === 'DELETE') this.#onDelete(write, isApplied);
    else if (isApplied) this.#onPatch(write);
  }

  #slotOf(request: SimRequest): string | undefined {
    const [path = ''] = request.url.split('?');
    const route = routeOf(path);
    if (route?.resource.plural !== 'pods' || route.name === '') return undefined;
    return this.#pods.get(objectKey(route.namespace, route.name))?.slot;
  }

  #onCommit(commit: Commit): void {
    if (commit.resource !== 'pods' || commit.type === 'MODIFIED') return;
    const pod = commit.object as PodObject;
    const owner = controllerUid(pod);
    if (owner === undefined) return;
    this.#pods.set(keyOf(pod), { slot: `${owner}/${nodeNameOf(pod)}`, uid: pod.metadata.uid });
  }

  #onDaemonSet(entry: Entry): void {
    const { uid } = entry.daemonSet.metadata;
    const isOptedIn = optedStrategy(entry.daemonSet) !== undefined;
    if (this.#opted.get(uid)?.isOptedIn !== isOptedIn) {
      this.#opted.set(uid, { isOptedIn, sinceMs: this.#options.timeline.nowMs });
    }
  }

  #onRevision(entry: Entry): void {
    if (entry.newest === undefined) return;
    const key = `${entry.newest.metadata.uid}/${entry.newest.revision}`;
    if (!this.#newestSinceMs.has(key)) this.#newestSinceMs.set(key, this.#options.timeline.nowMs);
  }

  #onDelete(write: HandledWrite, isApplied: boolean): void {
    const { request, route, before } = write;
    const options = deleteOptionsOf({ body: request.body, query: new URLSearchParams() });
    const uid = options?.uid;
    const isForced = options?.gracePeriodSeconds === 0;
    const known = this.#pods.get(objectKey(route.namespace, route.name));
    const wasDeleted = this.#deletedUids.has(before?.metadata.uid ?? uid ?? known?.uid ?? '');
    if (wasDeleted && !isForced) this.#fault('duplicateWrites', `${request.url} was deleted before`);
    if (!isApplied || before === undefined) return;
    if (!wasDeleted) this.#writes.deletes += 1;
    this.#deletedUids.add(before.metadata.uid);
    if (uid === undefined) this.#fault('writesWithoutPrecondition', `${request.url} was deleted without a UID`);
    const entry = this.#entryOf(before as PodObject, request.url);
    if (entry === undefined) return;
    if (isForced) this.#judgeForce(entry, before as PodObject, request.url);
    if (optedStrategy(entry.daemonSet) === 'ota')
      this.#fault('otaDeletes', `${request.url} of an OTA DaemonSet was deleted`);
    if (!wasDeleted && !isForced && this.#isKnownCurrent(entry, before as PodObject)) {
      this.#fault('currentPodDeletes', `${request.url} was of the newest revision`);
    }
  }

  #judgeForce(entry: Entry, pod: PodObject, url: string): void {
    const slot = entry.slots.get(nodeNameOf(pod));
    const isStuck = pod.metadata.deletionTimestamp !== undefined && slot?.isNodeReady === true;
    if (!isStuck || !wantsForce(entry.daemonSet)) this.#fault('wrongForceDeletes', `${url} was deleted by force`);
  }

  #onPatch(write: HandledWrite): void {
    const { request, before, route } = write;
    if (before === undefined) return;
    this.#writes.patches += 1;
    const body: unknown = JSON.parse(request.body ?? '{}');
    if (getField(body, 'metadata.uid') === undefined) {
      this.#fault('writesWithoutPrecondition', `${request.url} was patched without a UID`);
    }
    const entry = this.#entryOf(before as PodObject, request.url);
    const after = this.#options.store.get('pods', objectKey(route.namespace, route.name)) as PodObject | undefined;
    if (entry === undefined || after === undefined) return;
    if (after === before) this.#fault('duplicateWrites', `${request.url} was patched to what it was`);
    else this.#judgeMark(entry, after);
  }

  #judgeMark(entry: Entry, pod: PodObject): void {
    const mark = findCondition(pod.status.conditions, NEED_UPGRADE);
    const hash = /^controllerrevision: (\S+)$/.exec(mark?.message ?? '')?.[1];
    if (mark === undefined || hash === undefined) return;
    const slot = `${entry.daemonSet.metadata.uid}/${nodeNameOf(pod)}`;
    const revision = this.#revisionNumber(entry.daemonSet, hash);
    const highest = this.#marked.get(slot) ?? 0;
    if (revision < highest) this.#fault('staleMarks', `${keyOf(pod)} was marked for ${hash} after a newer revision`);
    this.#marked.set(slot, Math.max(highest, revision));
    const needsUpgrade = revisionHashOf(pod) !== hash;
    if ((mark.status === 'True') !== needsUpgrade) {
      this.#fault('wrongMarks', `${keyOf(pod)} of ${revisionHashOf(pod)} was marked ${mark.status} for ${hash}`);
    }
  }

  #revisionNumber(daemonSet: DaemonSetObject, hash: string): number {
    const { namespace = '', name } = daemonSet.metadata;
    const revision = this.#options.store.get('controllerrevisions', objectKey(namespace, `${name}-${hash}`));
    return typeof revision?.revision === 'number' ? revision.revision : 0;
  }

  /** The DaemonSet that a written pod belongs to; a pod of nobody, or of one that did not opt in, is a fault. */
  #entryOf(pod: PodObject, url: string): Entry | undefined {
    const entry = this.#options.index.entry(controllerUid(pod) ?? '');
    if (entry === undefined) {
      const isOrphan = controllerUid(pod) === undefined;
      if (isOrphan) this.#fault('foreignWrites', `${url} belongs to no DaemonSet`);
      return undefined;
    }
    const opted = this.#opted.get(entry.daemonSet.metadata.uid);
    if (opted !== undefined && !opted.isOptedIn && this.#isOld(opted.sinceMs)) {
      this.#fault('optedOutWrites', `${url} belongs to ${entryKey(entry)}, which did not opt in`);
    }
    return entry;
  }

  #isKnownCurrent(entry: Entry, pod: PodObject): boolean {
    const { newest, daemonSet } = entry;
    if (newest === undefined || revisionHashOf(pod) !== revisionHashOf(newest)) return false;
    if (daemonSet.status.observedGeneration !== daemonSet.metadata.generation) return false;
    return this.#isOld(this.#newestSinceMs.get(`${newest.metadata.uid}/${newest.revision}`) ?? 0);
  }

  #isOld(sinceMs: number): boolean {
    return sinceMs <= this.#options.timeline.nowMs - this.#options.lagMs;
  }

  #fault(kind: keyof WriteFaults, message: string): void {
    this.#faults[kind] += 1;
    this.#note(`${kind}: ${message}`);
  }

  #note(message: string): void {
    if (this.#violations.length < VIOLATIONS_MAX) this.#violations.push(message);
  }
}
