import { admitCreate, admitUpdate } from './admission.ts';
import { ApiServer } from './api-server.ts';
import type { SimRequest, SimResponse } from './api-types.ts';
import { ClusterIndex } from './cluster-index.ts';
import { DaemonSetController } from './daemonset-controller.ts';
import { deletePod } from './graceful-delete.ts';
import { Kubelets } from './kubelet.ts';
import { type Absence, GarbageCollector, NodeLifecycle } from './node-lifecycle.ts';
import { NodeTroubles } from './node-troubles.ts';
import {
  type DaemonSetObject,
  type NodeObject,
  objectKey,
  type PodObject,
  type SimObject,
  withMetadata,
} from './objects.ts';
import { Observer } from './observer.ts';
import type { Trouble } from './pod-status.ts';
import { forkRandom, type Random } from './random.ts';
import type { Route } from './resources.ts';
import type { StatusBody } from './status.ts';
import { Store } from './store.ts';
import { Timeline } from './timeline.ts';
import { WatchHub } from './watch.ts';

export interface ClusterOptions {
  /** Virtual time at the start, in milliseconds since the epoch. */
  readonly startMs: number;
  /** From a pod's assignment to Ready, on average. */
  readonly startupMs?: number;
  readonly terminationMs?: number;
  /** How many pods a second the DaemonSet controller creates. */
  readonly podsPerSecond?: number;
  /** How long the DaemonSet controller takes to react. */
  readonly reactionMs?: number;
  /** 0 for none. */
  readonly heartbeatIntervalMs?: number;
  readonly bookmarkIntervalMs?: number;
  /** How far clients' views may lag without the observer minding. */
  readonly lagMs?: number;
  readonly historyEventsMax?: number;
  /** Virtual milliseconds a millisecond of the clients. */
  readonly timeScale?: number;
  /** Whether somebody will ask the observer; true by default. It looks at every commit. */
  readonly isObserved?: boolean;
  readonly authorize?: (request: SimRequest, route: Route | undefined) => StatusBody | undefined;
}

const DEFAULTS = {
  startupMs: 2000,
  terminationMs: 500,
  podsPerSecond: 60,
  reactionMs: 50,
  heartbeatIntervalMs: 300_000,
  bookmarkIntervalMs: 60_000,
  lagMs: 1000,
  historyEventsMax: 50_000,
  timeScale: 1,
  isObserved: true,
};

/** From the loss of a node object or an owner to the clean-up of its pods. */
const NODE_COLLECT_MS = 40_000;
const COLLECT_MS = 500;
const USER = 'user';

/**
 * A whole cluster in virtual time: API server with etcd's semantics, DaemonSet controller, kubelets, node controller,
 * garbage collector, and an observer of the clients. The same options, random numbers and calls give the same run.
 */
export class SimulatedCluster {
  readonly timeline: Timeline;
  readonly store: Store;
  readonly api: ApiServer;
  readonly index: ClusterIndex;
  readonly kubelets: Kubelets;
  readonly daemonSets: DaemonSetController;
  readonly troubles: NodeTroubles;
  readonly #nodes: NodeLifecycle;
  readonly #random: Random;
  readonly #observer: Observer | undefined;

  constructor(options: ClusterOptions, random: Random) {
    const settings = { ...DEFAULTS, ...options };
    const timeline = new Timeline(settings.startMs);
    const store = new Store(settings.historyEventsMax);
    this.timeline = timeline;
    this.store = store;
    this.#random = random;
    this.index = new ClusterIndex(store, timeline);
    const observed = { store, timeline, index: this.index, lagMs: settings.lagMs };
    this.#observer = settings.isObserved ? new Observer(observed) : undefined;
    const shared = { store, timeline, index: this.index };
    this.daemonSets = new DaemonSetController({ ...settings, ...shared, random: forkRandom(random) });
    this.kubelets = new Kubelets({ ...settings, ...shared, random: forkRandom(random) });
    this.#nodes = new NodeLifecycle(store, timeline);
    this.troubles = new NodeTroubles({ store, timeline, stop: (name) => this.setNodeReady(name, false) });
    new GarbageCollector(store, timeline, { delayMs: COLLECT_MS, nodeDelayMs: NODE_COLLECT_MS });
    const { authorize } = settings;
    this.api = new ApiServer({
      context: { store, timeline, hub: new WatchHub(), random: forkRandom(random), timeScale: settings.timeScale },
      onWrite: (write) => this.#observer?.onWrite(write),
      ...(authorize === undefined ? {} : { authorize }),
    });
    for (const name of ['default', 'kube-system']) this.create('namespaces', namespaceObject(name));
    this.#planBookmarks(settings.bookmarkIntervalMs * settings.timeScale);
  }

  get observer(): Observer {
    if (this.#observer === undefined) throw new Error('the cluster was made without an observer');
    return this.#observer;
  }

  get nowMs(): number {
    return this.timeline.nowMs;
  }

  /** Lets everything up to `nowMs` happen. */
  advanceTo(nowMs: number): void {
    this.timeline.advanceTo(nowMs);
  }

  /** When something happens next by itself. */
  nextEventMs(): number | undefined {
    return this.timeline.nextMs();
  }

  /** Answers a request at `nowMs`, which must not be before an earlier one. */
  handle(request: SimRequest, nowMs: number): SimResponse {
    this.advanceTo(nowMs);
    return this.api.handle(request);
  }

  create(resource: string, object: SimObject): SimObject {
    return this.store.create(resource, admitCreate(object, this.#random, this.nowMs), USER);
  }

  createNode(node: NodeObject): void {
    this.create('nodes', node);
  }

  createDaemonSet(daemonSet: DaemonSetObject): void {
    this.create('daemonsets', daemonSet);
  }

  /** Puts running pods of the DaemonSet on all its nodes at once, as if it had been there for long. */
  fillDaemonSet(key: string): void {
    const entry = this.index.entry(this.daemonSet(key).metadata.uid);
    if (entry !== undefined) this.daemonSets.fill(entry, (pod) => this.kubelets.settled(pod));
  }

  daemonSet(key: string): DaemonSetObject {
    const object = this.store.get('daemonsets', key);
    if (object === undefined) throw new Error(`the cluster has no DaemonSet ${key}`);
    return object as DaemonSetObject;
  }

  /** A user changes a DaemonSet; `key` is `namespace/name`. */
  changeDaemonSet(key: string, change: (daemonSet: DaemonSetObject) => DaemonSetObject): void {
    const previous = this.daemonSet(key);
    this.store.update('daemonsets', admitUpdate(previous, change(previous), ''), USER);
  }

  /** A user changes the image of every container of the template. */
  updateTemplate(key: string, image: string): void {
    this.changeDaemonSet(key, (daemonSet) => {
      const { template } = daemonSet.spec;
      const containers = template.spec.containers.map((container) => ({ ...container, image }));
      const changed = { ...template, spec: { ...template.spec, containers } };
      return { ...daemonSet, spec: { ...daemonSet.spec, template: changed } };
    });
  }

  annotateDaemonSet(key: string, annotations: Readonly<Record<string, string>>): void {
    this.changeDaemonSet(key, (daemonSet) =>
      withMetadata(daemonSet, { annotations: { ...daemonSet.metadata.annotations, ...annotations } }),
    );
  }

  deleteDaemonSet(key: string): void {
    this.store.remove('daemonsets', key, USER);
  }

  /** The node stops reporting and is found to be so at once, or resumes. */
  setNodeReady(name: string, isReady: boolean, how: Absence = 'unreachable'): void {
    if (this.store.get('nodes', name) === undefined) return;
    this.kubelets.setUp(name, isReady);
    if (isReady) this.#nodes.markReachable(name);
    else this.#nodes.markAway(name, how);
  }

  setCordoned(name: string, isCordoned: boolean): void {
    this.#nodes.setCordoned(name, isCordoned);
  }

  /** The node object is deleted; its pods are collected later. */
  deleteNode(name: string): void {
    if (this.store.get('nodes', name) !== undefined) this.store.remove('nodes', name, USER);
  }

  setBadImage(nodeName: string, image: string, trouble: Trouble | undefined): void {
    this.kubelets.setBadImage(nodeName, image, trouble);
  }

  /** Somebody else than the clients under observation deletes a pod. */
  deletePodAsUser(key: string, gracePeriodSeconds?: number): void {
    const pod = this.store.get('pods', key) as PodObject | undefined;
    if (pod !== undefined) deletePod(this.store, { pod, gracePeriodSeconds, nowMs: this.nowMs, origin: USER });
  }

  /** The pods of a DaemonSet on a node, by slot. */
  podsOn(daemonSetKey: string, nodeName: string): readonly PodObject[] {
    const entry = this.index.entry(this.daemonSet(daemonSetKey).metadata.uid);
    return entry?.slots.get(nodeName)?.pods.map(({ pod }) => pod) ?? [];
  }

  pod(namespace: string, name: string): PodObject | undefined {
    return this.store.get('pods', objectKey(namespace, name)) as PodObject | undefined;
  }

  #planBookmarks(intervalMs: number): void {
    this.timeline.after(intervalMs, () => {
      this.api.sendBookmarks();
      this.#planBookmarks(intervalMs);
    });
  }
}

function namespaceObject(name: string): SimObject {
  const metadata = {
    name,
    uid: '',
    resourceVersion: '',
    creationTimestamp: '',
    labels: { 'kubernetes.io/metadata.name': name },
  };
  return { apiVersion: 'v1', kind: 'Namespace', metadata };
}
