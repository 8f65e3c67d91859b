import type { SimulatedCluster } from '../../src/simulator/cluster.ts';
import { revisionHashOf } from '../../src/simulator/cluster-index.ts';
import { controllerUid, type PodObject, type RevisionObject } from '../../src/simulator/objects.ts';
import type { Commit } from '../../src/simulator/store.ts';
import type { StampClock } from './clocks.ts';
import { podGeneration, templateGeneration } from './generations.ts';

/** The newest revision of a DaemonSet. */
interface Newest {
  readonly hash: string;
  /** Since which commit. */
  readonly revision: number;
  /** It was an older one before. */
  readonly isRollback: boolean;
}

interface PodHistory {
  readonly createdRevision: number;
  pod: PodObject;
}

/** What is true in the cluster, whoever knows it. */
export class Truth {
  readonly #cluster: SimulatedCluster;
  readonly #stamps: StampClock;
  /** By the DaemonSet's UID. */
  readonly #newest = new Map<string, Newest>();
  /** By UID, the deleted ones too. */
  readonly #pods = new Map<string, PodHistory>();
  #nodesEver = 0;
  #daemonSetsEver = 0;

  constructor(cluster: SimulatedCluster, stamps: StampClock) {
    this.#cluster = cluster;
    this.#stamps = stamps;
    cluster.store.onCommit((commit) => this.#onCommit(commit));
  }

  get slotsEver(): number {
    return Math.max(1, this.#nodesEver) * Math.max(1, this.#daemonSetsEver);
  }

  /**
   * Whether the pod's revision has been the newest since before the pod was created. With wrong clocks that is not asked after
   * a rollback: then only the objects' times tell new pods from old ones of the same revision. Nor is it of a template that was
   * changed and changed back: by its generation the pod is of before, and only a revision that may be read late says otherwise.
   */
  wasAlwaysCurrent(podUid: string): boolean {
    const history = this.#pods.get(podUid);
    if (history === undefined) return false;
    const owner = controllerUid(history.pod) ?? '';
    const newest = this.#newest.get(owner);
    const daemonSet = this.#cluster.index.entry(owner)?.daemonSet;
    if (daemonSet === undefined || podGeneration(history.pod) !== templateGeneration(daemonSet)) return false;
    if (newest === undefined || (newest.isRollback && !this.#stamps.isTrue)) return false;
    return newest.hash === revisionHashOf(history.pod) && newest.revision <= history.createdRevision;
  }

  #onCommit(commit: Commit): void {
    const { resource, type, object, revision } = commit;
    if (resource === 'pods') this.#onPod(object as PodObject, revision);
    if (resource === 'nodes' && type === 'ADDED') this.#nodesEver += 1;
    if (resource === 'daemonsets' && type === 'ADDED') this.#daemonSetsEver += 1;
    if (resource === 'controllerrevisions' && type !== 'DELETED') this.#onRevision(commit);
  }

  #onRevision({ object, revision, type }: Commit): void {
    const owner = controllerUid(object) ?? '';
    const newest = this.#cluster.index.entry(owner)?.newest;
    if (newest !== undefined && newest.revision > (object as RevisionObject).revision) return;
    const hash = revisionHashOf(object);
    if (this.#newest.get(owner)?.hash === hash) return;
    this.#newest.set(owner, { hash, revision, isRollback: type === 'MODIFIED' });
  }

  #onPod(pod: PodObject, revision: number): void {
    const known = this.#pods.get(pod.metadata.uid);
    if (known === undefined) this.#pods.set(pod.metadata.uid, { createdRevision: revision, pod });
    else known.pod = pod;
  }
}
