import { deletePod } from './graceful-delete.ts';
import { isConditionTrue, type NodeObject, type PodObject, type Taint, withCondition } from './objects.ts';
import { tolerates } from './placement.ts';
import type { Commit, Store } from './store.ts';
import type { Timeline } from './timeline.ts';

const NODE = 'node.kubernetes.io';
const ORIGIN = 'node-controller';
const OUT_OF_SERVICE = `${NODE}/out-of-service`;
const EVICTION_MS = 100;
const COLLECT_MS = 2000;

/** What a node reports, and the taint that Kubernetes' node lifecycle controller makes of it. */
export const REPORTED_TAINTS = {
  NetworkUnavailable: `${NODE}/network-unavailable`,
  MemoryPressure: `${NODE}/memory-pressure`,
  DiskPressure: `${NODE}/disk-pressure`,
  PIDPressure: `${NODE}/pid-pressure`,
} as const;

export interface NodeTroubleParts {
  readonly store: Store;
  readonly timeline: Timeline;
  /** A machine stops. */
  readonly stop: (nodeName: string) => void;
}

/** What else befalls nodes: taints of every kind with what Kubernetes does about them, and versions that take their node down. */
export class NodeTroubles {
  readonly #parts: NodeTroubleParts;
  /** Images that stop the machine, with how long that takes. */
  readonly #deadly = new Map<string, number>();

  constructor(parts: NodeTroubleParts) {
    this.#parts = parts;
    parts.store.onCommit((commit) => {
      if (commit.type === 'DELETED') return;
      if (commit.resource === 'pods') this.#onPod(commit);
      else if (commit.resource === 'nodes') this.#onNode(commit.object as NodeObject);
    });
  }

  /** From now on a pod with that image stops its node so long after the kubelet began with it; undefined: it does not. */
  setDeadly(image: string, afterMs: number | undefined): void {
    if (afterMs === undefined) this.#deadly.delete(image);
    else this.#deadly.set(image, afterMs);
  }

  setTaint(nodeName: string, taint: Taint, isThere: boolean): void {
    const node = this.#node(nodeName);
    if (node === undefined) return;
    const others = (node.spec.taints ?? []).filter(({ key, effect }) => key !== taint.key || effect !== taint.effect);
    const taints = isThere ? [...others, taint] : others;
    this.#parts.store.update('nodes', { ...node, spec: { ...node.spec, taints } }, ORIGIN);
  }

  /** The node says so of itself; the taint follows. */
  setReported(nodeName: string, type: keyof typeof REPORTED_TAINTS, isSo: boolean): void {
    const node = this.#node(nodeName);
    if (node === undefined) return;
    const { store, timeline } = this.#parts;
    const wanted = { type, status: isSo ? 'True' : 'False' };
    const conditions = withCondition(node.status.conditions, wanted, timeline.nowMs);
    store.update('nodes', { ...node, status: { ...node.status, conditions } }, 'kubelet');
    timeline.after(EVICTION_MS, () =>
      this.setTaint(nodeName, { key: REPORTED_TAINTS[type], effect: 'NoSchedule' }, isSo),
    );
  }

  #node(nodeName: string): NodeObject | undefined {
    return this.#parts.store.get('nodes', nodeName) as NodeObject | undefined;
  }

  #onPod({ object, previous }: Commit): void {
    if (this.#deadly.size === 0) return;
    const pod = object as PodObject;
    const isBegun = pod.status.startTime !== undefined;
    const wasBegun = (previous as PodObject | undefined)?.status.startTime !== undefined;
    if (!isBegun || wasBegun) return;
    for (const { image } of pod.spec.containers) {
      const afterMs = this.#deadly.get(image);
      if (afterMs !== undefined) this.#parts.timeline.after(afterMs, () => this.#kill(pod, image));
    }
  }

  #kill({ metadata, spec: { nodeName = '' } }: PodObject, image: string): void {
    const pod = this.#parts.store.get('pods', `${metadata.namespace}/${metadata.name}`);
    const isThere = pod?.metadata.uid === metadata.uid && pod.metadata.deletionTimestamp === undefined;
    if (isThere && this.#deadly.has(image)) this.#parts.stop(nodeName);
  }

  /** Pods on a node that is out of service do not come back: those that are on their way out are gone. */
  #onNode(node: NodeObject): void {
    const taint = node.spec.taints?.find(({ key }) => key === OUT_OF_SERVICE);
    if (taint === undefined || isConditionTrue(node.status.conditions, 'Ready')) return;
    this.#parts.timeline.after(COLLECT_MS, () => this.#collect(node.metadata.name, taint));
  }

  #collect(nodeName: string, taint: Taint): void {
    const { store, timeline } = this.#parts;
    const node = this.#node(nodeName);
    if (node === undefined || isConditionTrue(node.status.conditions, 'Ready')) return;
    for (const object of [...store.all('pods')]) {
      const pod = object as PodObject;
      if (pod.spec.nodeName !== nodeName || pod.metadata.deletionTimestamp === undefined) continue;
      if ((pod.spec.tolerations ?? []).some((toleration) => tolerates(toleration, taint))) continue;
      deletePod(store, { pod, gracePeriodSeconds: 0, nowMs: timeline.nowMs, origin: 'garbage-collector' });
    }
  }
}
