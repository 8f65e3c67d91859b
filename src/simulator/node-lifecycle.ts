import { deletePod } from './graceful-delete.ts';
import {
  controllerUid,
  keyOf,
  type NodeObject,
  type PodObject,
  type SimObject,
  type Taint,
  withCondition,
  withMetadata,
} from './objects.ts';
import { readinessStatus } from './pod-status.ts';
import type { Commit, Store } from './store.ts';
import { formatTime } from './time.ts';
import type { Timeline } from './timeline.ts';

const ORIGIN = 'node-controller';
/** How a node is away: nobody hears of it, or its kubelet says that it cannot run pods. */
export type Absence = 'unreachable' | 'not-ready';
const AWAY_TAINTS = ['node.kubernetes.io/unreachable', 'node.kubernetes.io/not-ready'];
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';

const UNKNOWN = { type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting' };
const FALSE = { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: 'container runtime is down' };

/** Kubernetes' node lifecycle controller: what the cluster writes when a node stops or resumes reporting. */
export class NodeLifecycle {
  readonly #store: Store;
  readonly #timeline: Timeline;

  constructor(store: Store, timeline: Timeline) {
    this.#store = store;
    this.#timeline = timeline;
  }

  /** The node did not report for too long (Ready Unknown), or reports that it is not Ready: tainted, its pods not Ready. */
  markAway(nodeName: string, how: Absence): void {
    const nowMs = this.#timeline.nowMs;
    const ready = how === 'unreachable' ? UNKNOWN : FALSE;
    const timeAdded = formatTime(nowMs);
    const key = `node.kubernetes.io/${how}`;
    const taints: Taint[] = ['NoSchedule', 'NoExecute'].map((effect) => ({ key, effect, timeAdded }));
    this.#change(nowMs, { nodeName, ready, adds: taints });
    for (const object of this.#store.all('pods')) {
      const pod = object as PodObject;
      if (pod.spec.nodeName !== nodeName || pod.status.startTime === undefined) continue;
      this.#store.update('pods', { ...pod, status: readinessStatus(pod, false, nowMs) }, ORIGIN);
    }
  }

  markReachable(nodeName: string): void {
    const nowMs = this.#timeline.nowMs;
    const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: formatTime(nowMs) };
    this.#change(nowMs, { nodeName, ready, adds: [] });
  }

  setCordoned(nodeName: string, isCordoned: boolean): void {
    const node = this.#store.get('nodes', nodeName) as NodeObject | undefined;
    if (node === undefined) return;
    const others = (node.spec.taints ?? []).filter((taint) => taint.key !== UNSCHEDULABLE);
    const { unschedulable: _, ...spec } = node.spec;
    const taints = isCordoned ? [...others, { key: UNSCHEDULABLE, effect: 'NoSchedule' }] : others;
    const next = { ...node, spec: { ...spec, ...(isCordoned ? { unschedulable: true } : {}), taints } };
    this.#store.update('nodes', next, 'user');
  }

  #change(
    nowMs: number,
    change: { nodeName: string; ready: { type: string; status: string }; adds: readonly Taint[] },
  ): void {
    const node = this.#store.get('nodes', change.nodeName) as NodeObject | undefined;
    if (node === undefined) return;
    const others = (node.spec.taints ?? []).filter(({ key }) => !AWAY_TAINTS.includes(key));
    const conditions = withCondition(node.status.conditions, change.ready, nowMs);
    const spec = { ...node.spec, taints: [...others, ...change.adds] };
    this.#store.update('nodes', { ...node, spec, status: { ...node.status, conditions } }, ORIGIN);
  }
}

/** Kubernetes' garbage collector and pod collector: what is left over when an owner, a node or a namespace is gone. */
export class GarbageCollector {
  readonly #store: Store;
  readonly #timeline: Timeline;
  /** From a loss to the clean-up. */
  readonly #delayMs: number;
  readonly #nodeDelayMs: number;

  constructor(store: Store, timeline: Timeline, delays: { delayMs: number; nodeDelayMs: number }) {
    this.#store = store;
    this.#timeline = timeline;
    this.#delayMs = delays.delayMs;
    this.#nodeDelayMs = delays.nodeDelayMs;
    store.onCommit((commit) => this.#onCommit(commit));
  }

  #onCommit(commit: Commit): void {
    const { object, resource, type } = commit;
    const { name, uid, deletionTimestamp } = object.metadata;
    if (resource === 'daemonsets' && type === 'DELETED') {
      this.#timeline.after(this.#delayMs, () => this.#collectOwned(uid));
    } else if (resource === 'nodes' && type === 'DELETED') {
      this.#timeline.after(this.#nodeDelayMs, () => this.#collectNode(name));
    } else if (resource === 'namespaces' && type === 'MODIFIED' && deletionTimestamp !== undefined) {
      this.#timeline.after(this.#delayMs, () => this.#collectNamespace(name));
    }
  }

  #collectOwned(ownerUid: string): void {
    const origin = 'garbage-collector';
    for (const object of [...this.#store.all('controllerrevisions')]) {
      if (controllerUid(object) === ownerUid) this.#store.remove('controllerrevisions', keyOf(object), origin);
    }
    for (const object of [...this.#store.all('pods')]) {
      if (controllerUid(object) === ownerUid) this.#deletePod(object as PodObject, undefined);
    }
  }

  #collectNode(nodeName: string): void {
    if (this.#store.get('nodes', nodeName) !== undefined) return;
    for (const object of [...this.#store.all('pods')]) {
      const pod = object as PodObject;
      if (pod.spec.nodeName === nodeName) this.#deletePod(pod, 0);
    }
  }

  #collectNamespace(namespace: string): void {
    const origin = 'namespace-controller';
    for (const resource of ['daemonsets', 'controllerrevisions', 'leases', 'events', 'configmaps', 'pods']) {
      for (const object of [...this.#store.all(resource)]) {
        if (object.metadata.namespace === namespace) this.#store.remove(resource, keyOf(object), origin);
      }
    }
    const space: SimObject | undefined = this.#store.get('namespaces', namespace);
    if (space !== undefined) this.#store.remove('namespaces', namespace, origin, withMetadata(space, {}));
  }

  #deletePod(pod: PodObject, gracePeriodSeconds: number | undefined): void {
    deletePod(this.#store, { pod, gracePeriodSeconds, nowMs: this.#timeline.nowMs, origin: 'garbage-collector' });
  }
}
