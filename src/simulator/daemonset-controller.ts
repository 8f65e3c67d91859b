import { admitCreate } from './admission.ts';
import {
  type ClusterIndex,
  type Entry,
  entryKey,
  isAvailable,
  isTerminating,
  revisionHashOf,
  type Slot,
} from './cluster-index.ts';
import { daemonPod } from './daemonset-pod.ts';
import { statusOf } from './daemonset-status.ts';
import { deletePod } from './graceful-delete.ts';
import { controllerUid, keyOf, type PodObject, type RevisionObject } from './objects.ts';
import { type Random, randomSuffix } from './random.ts';
import { revisionStep } from './revisions.ts';
import type { Store } from './store.ts';
import type { Planned, Timeline } from './timeline.ts';

export interface DaemonSetControllerOptions {
  readonly store: Store;
  readonly timeline: Timeline;
  readonly index: ClusterIndex;
  readonly random: Random;
  /** How many pods a second it creates or deletes, over all DaemonSets. */
  readonly podsPerSecond: number;
  /** From a change to the controller's answer. */
  readonly reactionMs: number;
}

interface Work {
  /** Names of nodes whose slot must be looked at. */
  readonly dirty: Set<string>;
  /** Names of nodes whose creation or deletion waits for its turn. */
  readonly waiting: Set<string>;
  sync: Planned | undefined;
  status: Planned | undefined;
}

const ORIGIN = 'daemonset-controller';
const STATUS_INTERVAL_MS = 1000;

/**
 * Kubernetes' own DaemonSet controller, as far as a rollout can see it: revisions, creation at a limited rate, removal of
 * pods that should not be there, Failed pods, RollingUpdate, status.
 */
export class DaemonSetController {
  readonly #options: DaemonSetControllerOptions;
  readonly #work = new Map<string, Work>();
  #nextWriteMs = 0;
  #reactionMs: number;

  constructor(options: DaemonSetControllerOptions) {
    this.#options = options;
    this.#reactionMs = options.reactionMs;
    options.index.listen({
      onSlot: (entry, slot) => this.#touch(entry, slot.nodeName),
      onDaemonSet: (entry, commit) => {
        const isSpecChange = entry.daemonSet.metadata.generation !== commit.previous?.metadata.generation;
        if (commit.type === 'DELETED') this.#forget(entry);
        else if (isSpecChange) for (const name of entry.slots.keys()) this.#touch(entry, name);
        if (commit.type !== 'DELETED' && isSpecChange) this.#plan(entry);
      },
    });
  }

  /** Makes the controller slower or quicker to react. */
  setReactionMs(reactionMs: number): void {
    this.#reactionMs = reactionMs;
  }

  /** Puts a pod on every node that should have one, at once; `settle` gives each the status of a pod that runs. */
  fill(entry: Entry, settle: (pod: PodObject) => PodObject): readonly PodObject[] {
    this.#ensureRevision(entry);
    const empty = [...entry.slots.values()].filter((slot) => slot.placement.shouldRun && slot.pods.length === 0);
    return empty.map((slot) => this.#createPod(entry, slot.nodeName, settle)).filter((pod) => pod !== undefined);
  }

  #workOf(entry: Entry): Work {
    const { uid } = entry.daemonSet.metadata;
    let work = this.#work.get(uid);
    if (work === undefined) {
      work = { dirty: new Set(), waiting: new Set(), sync: undefined, status: undefined };
      this.#work.set(uid, work);
    }
    return work;
  }

  #forget(entry: Entry): void {
    const work = this.#workOf(entry);
    this.#options.timeline.cancel(work.sync);
    this.#options.timeline.cancel(work.status);
    this.#work.delete(entry.daemonSet.metadata.uid);
  }

  #touch(entry: Entry, nodeName: string): void {
    if (this.#options.index.entry(entry.daemonSet.metadata.uid) === undefined) return;
    const work = this.#workOf(entry);
    work.dirty.add(nodeName);
    this.#plan(entry, work);
  }

  #plan(entry: Entry, work = this.#workOf(entry)): void {
    work.sync ??= this.#options.timeline.after(this.#reactionMs, () => {
      work.sync = undefined;
      this.#sync(entry);
    });
  }

  #sync(entry: Entry): void {
    const work = this.#workOf(entry);
    if (entry.daemonSet.metadata.deletionTimestamp !== undefined) return;
    this.#ensureRevision(entry);
    for (const nodeName of work.dirty) {
      const slot = entry.slots.get(nodeName);
      if (slot !== undefined && this.#isWrong(slot)) this.#planWrite(entry, nodeName);
    }
    work.dirty.clear();
    if (entry.daemonSet.spec.updateStrategy?.type === 'RollingUpdate') this.#roll(entry);
    this.#planStatus(entry);
  }

  #ensureRevision(entry: Entry): void {
    const { store, random, timeline } = this.#options;
    const { uid } = entry.daemonSet.metadata;
    if (
      entry.newest !== undefined &&
      entry.daemonSet.status.observedGeneration === entry.daemonSet.metadata.generation
    ) {
      return;
    }
    const owned: RevisionObject[] = [];
    for (const object of store.all('controllerrevisions')) {
      if (controllerUid(object) === uid) owned.push(object as RevisionObject);
    }
    const { step, ...change } = revisionStep(entry.daemonSet, owned);
    if (!('revision' in change)) return;
    if (step === 'renumber') {
      store.update('controllerrevisions', change.revision, ORIGIN);
      return;
    }
    const created = admitCreate(change.revision, random, timeline.nowMs);
    if (store.get('controllerrevisions', keyOf(created)) !== undefined) {
      // One of a former DaemonSet that is about to be collected.
      this.#plan(entry);
      return;
    }
    store.create('controllerrevisions', created, ORIGIN);
    this.#trimHistory(entry, owned);
  }

  #trimHistory(entry: Entry, owned: readonly RevisionObject[]): void {
    const limit = entry.daemonSet.spec.revisionHistoryLimit ?? 10;
    const live = new Set<string>();
    for (const slot of entry.slots.values()) for (const { pod } of slot.pods) live.add(revisionHashOf(pod));
    const idle = owned.filter((revision) => !live.has(revisionHashOf(revision)));
    idle.sort((left, right) => left.revision - right.revision);
    for (const revision of idle.slice(0, Math.max(0, idle.length - limit))) {
      this.#options.store.remove('controllerrevisions', keyOf(revision), ORIGIN);
    }
  }

  /** Whether the slot needs a pod created or deleted. */
  #isWrong(slot: Slot): boolean {
    const { shouldRun, shouldContinue } = slot.placement;
    if (!slot.hasNode) return false;
    if (slot.pods.length === 0) return shouldRun;
    const staying = slot.pods.filter(({ pod }) => !isTerminating(pod));
    if (!shouldContinue) return staying.length > 0;
    return staying.length > 1 || staying.some(({ pod }) => pod.status.phase === 'Failed');
  }

  #planWrite(entry: Entry, nodeName: string): void {
    const { timeline, podsPerSecond } = this.#options;
    const { waiting } = this.#workOf(entry);
    if (waiting.has(nodeName)) return;
    waiting.add(nodeName);
    const atMs = Math.max(timeline.nowMs, this.#nextWriteMs);
    this.#nextWriteMs = atMs + 1000 / podsPerSecond;
    timeline.at(atMs, () => {
      waiting.delete(nodeName);
      const slot = entry.slots.get(nodeName);
      const isKnown = this.#options.index.entry(entry.daemonSet.metadata.uid) !== undefined;
      if (isKnown && slot !== undefined && this.#isWrong(slot)) this.#correct(entry, slot);
    });
  }

  #correct(entry: Entry, slot: Slot): void {
    if (slot.pods.length === 0) {
      // Template, generation and hash of a pod belong together: one pass of the controller sees one DaemonSet.
      this.#ensureRevision(entry);
      // Without a revision (its name is still taken by one of a former DaemonSet) the pod has to wait.
      if (this.#createPod(entry, slot.nodeName) === undefined) this.#touch(entry, slot.nodeName);
      return;
    }
    const staying = slot.pods.map(({ pod }) => pod).filter((pod) => !isTerminating(pod));
    const failed = staying.filter((pod) => pod.status.phase === 'Failed');
    const doomed = !slot.placement.shouldContinue ? staying : failed.length > 0 ? failed : staying.slice(1);
    for (const pod of doomed) this.#deletePod(pod);
  }

  #deletePod(pod: PodObject): void {
    const { store, timeline } = this.#options;
    deletePod(store, { pod, gracePeriodSeconds: undefined, nowMs: timeline.nowMs, origin: ORIGIN });
  }

  #createPod(entry: Entry, nodeName: string, settle = (pod: PodObject) => pod): PodObject | undefined {
    const { store, random, timeline } = this.#options;
    const { daemonSet, newest } = entry;
    if (newest === undefined) return undefined;
    let name = '';
    const { namespace = '' } = daemonSet.metadata;
    do name = `${daemonSet.metadata.name}-${randomSuffix(random)}`;
    while (store.get('pods', `${namespace}/${name}`) !== undefined);
    const admitted = admitCreate(daemonPod(entry, newest, { name, nodeName }), random, timeline.nowMs) as PodObject;
    return store.create('pods', settle(admitted), ORIGIN) as PodObject;
  }

  /** RollingUpdate without surge: old pods that are not available go first and for free, others within maxUnavailable. */
  #roll(entry: Entry): void {
    const { nowMs } = this.#options.timeline;
    const newest = entry.newest === undefined ? '' : revisionHashOf(entry.newest);
    const minReadySeconds = entry.daemonSet.spec.minReadySeconds ?? 0;
    let unavailable = 0;
    let desired = 0;
    const replaceable: PodObject[] = [];
    for (const slot of entry.slots.values()) {
      if (!slot.placement.shouldRun) continue;
      desired += 1;
      const isUp = slot.pods.some((indexed) => isAvailable(indexed, minReadySeconds, nowMs));
      if (!isUp) unavailable += 1;
      const pod = slot.pods.length === 1 ? slot.pods[0]?.pod : undefined;
      if (pod === undefined || isTerminating(pod) || revisionHashOf(pod) === newest) continue;
      if (isUp) replaceable.push(pod);
      else this.#deletePod(pod);
    }
    const wanted = entry.daemonSet.spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1;
    const maxUnavailable = scaled(wanted, desired);
    for (const pod of replaceable.slice(0, Math.max(0, maxUnavailable - unavailable))) this.#deletePod(pod);
  }

  #planStatus(entry: Entry): void {
    const { daemonSet } = entry;
    if (daemonSet.status.observedGeneration !== daemonSet.metadata.generation) {
      this.#writeStatus(entry);
      return;
    }
    const work = this.#workOf(entry);
    work.status ??= this.#options.timeline.after(STATUS_INTERVAL_MS, () => {
      work.status = undefined;
      this.#ensureRevision(entry);
      this.#writeStatus(entry);
    });
  }

  #writeStatus(entry: Entry): void {
    const { store, timeline } = this.#options;
    const daemonSet = store.get('daemonsets', entryKey(entry));
    if (daemonSet === undefined || daemonSet.metadata.uid !== entry.daemonSet.metadata.uid) return;
    store.update('daemonsets', { ...daemonSet, status: statusOf(entry, timeline.nowMs) }, ORIGIN);
  }
}

/** `maxUnavailable` as a number of pods: a percentage rounds up, and never means none. */
function scaled(value: number | string, total: number): number {
  if (typeof value === 'number') return value;
  return Math.max(1, Math.ceil((Number.parseInt(value, 10) * total) / 100));
}
