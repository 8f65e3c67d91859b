import type { SimulatedCluster } from '../../src/simulator/cluster.ts';
import { revisionHashOf } from '../../src/simulator/cluster-index.ts';
import { isEqualJson } from '../../src/simulator/fields.ts';
import {
  controllerUid,
  type DaemonSetObject,
  type PodObject,
  type RevisionObject,
} from '../../src/simulator/objects.ts';
import type { Commit } from '../../src/simulator/store.ts';
import type { StampClock } from './clocks.ts';
import { isOfLaterTemplate } from './generations.ts';

/** A DaemonSet's template since a commit. */
interface Wanted {
  readonly revision: number;
  readonly template: unknown;
}

/** What is true in the cluster, whoever knows it. */
export class Truth {
  /** By the DaemonSet's UID, oldest first. */
  readonly #wanted = new Map<string, Wanted[]>();
  /** What the hashes stand for, by the DaemonSet's UID; of deleted revisions too. */
  readonly #templates = new Map<string, Map<string, unknown>>();
  /** By UID, the deleted ones too. */
  readonly #pods = new Map<string, PodObject>();
  readonly #stamps: StampClock;
  #nodesEver = 0;
  #daemonSetsEver = 0;

  constructor(cluster: SimulatedCluster, stamps: StampClock) {
    this.#stamps = stamps;
    cluster.store.onCommit((commit) => this.#onCommit(commit));
  }

  get slotsEver(): number {
    return Math.max(1, this.#nodesEver) * Math.max(1, this.#daemonSetsEver);
  }

  /** Whether the pod was made of the template that its DaemonSet has now, and has had since that revision of the store. */
  isWantedSince(podUid: string, revision: number): boolean {
    const pod = this.#pods.get(podUid);
    if (pod === undefined) return false;
    const owner = controllerUid(pod) ?? '';
    const present = this.#wanted.get(owner)?.at(-1);
    const template = this.#templates.get(owner)?.get(revisionHashOf(pod));
    if (present === undefined || present.revision > revision) return false;
    return template !== undefined && isEqualJson(present.template, template);
  }

  /** Whether the pod says that it is of a later template than this DaemonSet's. */
  saysLater(pod: PodObject, daemonSet: DaemonSetObject): boolean {
    return isOfLaterTemplate(pod, daemonSet, this.#stamps);
  }

  #onCommit({ resource, type, object, revision }: Commit): void {
    if (resource === 'pods') this.#pods.set(object.metadata.uid, object as PodObject);
    if (resource === 'nodes' && type === 'ADDED') this.#nodesEver += 1;
    if (resource === 'daemonsets' && type === 'ADDED') this.#daemonSetsEver += 1;
    if (resource === 'daemonsets') this.#onDaemonSet(object as DaemonSetObject, revision);
    if (resource === 'controllerrevisions') this.#onRevision(object as RevisionObject);
  }

  #onDaemonSet({ metadata, spec: { template } }: DaemonSetObject, revision: number): void {
    const history = this.#wanted.get(metadata.uid) ?? [];
    this.#wanted.set(metadata.uid, history);
    if (history.at(-1)?.template !== template) history.push({ revision, template });
  }

  #onRevision(object: RevisionObject): void {
    const owner = controllerUid(object) ?? '';
    const templates = this.#templates.get(owner) ?? new Map<string, unknown>();
    this.#templates.set(owner, templates);
    const { spec } = object.data as { readonly spec: { readonly template: { readonly $patch?: string } } };
    const { $patch: _, ...template } = spec.template;
    templates.set(revisionHashOf(object), template);
  }
}
