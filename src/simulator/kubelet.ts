import {
  findCondition,
  keyOf,
  type NodeObject,
  nodeNameOf,
  type PodObject,
  type PodStatus,
  withCondition,
} from './objects.ts';
import {
  boundStatus,
  creatingStatus,
  readinessStatus,
  runningStatus,
  type Trouble,
  troubledStatus,
} from './pod-status.ts';
import type { Random } from './random.ts';
import type { Commit, Store } from './store.ts';
import { formatTime } from './time.ts';
import type { Timeline } from './timeline.ts';

export interface KubeletOptions {
  readonly store: Store;
  readonly timeline: Timeline;
  readonly random: Random;
  /** From assignment to Ready, on average. */
  readonly startupMs: number;
  /** From the start of a graceful deletion to the pod's end, on average. */
  readonly terminationMs: number;
  /** Between two reports of a node; 0 for none. */
  readonly heartbeatIntervalMs: number;
}

interface NodeState {
  readonly name: string;
  isUp: boolean;
  isStuckTerminating: boolean;
  /** What a pod with such an image looks like here; others start well. */
  readonly badImages: Map<string, Trouble>;
  readonly podKeys: Set<string>;
  /** What was due while the node was down. */
  readonly missed: (() => void)[];
}

/** As the name of a bad image: no pod ever becomes ready there. */
export const EVERY_IMAGE = '*';

const ORIGIN = 'kubelet';
const SCHEDULING_MS = 20;
const CREATING_MS = 30;
const RETURN_SPREAD_MS = 1000;
const CRASH_BACKOFF_MS = 10_000;
const CRASH_BACKOFF_MAX_MS = 300_000;
/** One pod in fifty takes three times as long: image pulls, a slow disk. */
const STRAGGLER_SHARE = 0.02;

/** All kubelets, and the scheduler's part for pods that are pinned to a node. */
export class Kubelets {
  readonly #options: KubeletOptions;
  readonly #nodes = new Map<string, NodeState>();
  /** UIDs of pods whose containers run well. */
  readonly #healthy = new Set<string>();
  #startupMs: number;
  #ipCount = 0;

  constructor(options: KubeletOptions) {
    this.#options = options;
    this.#startupMs = options.startupMs;
    options.store.onCommit((commit) => {
      if (commit.resource === 'nodes') this.#onNode(commit);
      else if (commit.resource === 'pods') this.#onPod(commit);
    });
  }

  setStartupMs(startupMs: number): void {
    this.#startupMs = startupMs;
  }

  /** Pods with this image never become ready on the node; undefined makes them start well again. */
  setBadImage(nodeName: string, image: string, trouble: Trouble | undefined): void {
    const { badImages } = this.#node(nodeName);
    if (trouble === undefined) badImages.delete(image);
    else badImages.set(image, trouble);
  }

  /** Whether pods on the node stay Terminating for ever. */
  setStuckTerminating(nodeName: string, isStuck: boolean): void {
    const node = this.#node(nodeName);
    node.isStuckTerminating = isStuck;
    if (isStuck) return;
    for (const key of node.podKeys) this.#terminate(node, key);
  }

  /** The machine stops or starts; the node's conditions are not this class's business. */
  setUp(nodeName: string, isUp: boolean): void {
    const node = this.#node(nodeName);
    if (node.isUp === isUp) return;
    node.isUp = isUp;
    if (!isUp) return;
    const { timeline, random } = this.#options;
    for (const run of node.missed.splice(0)) timeline.after(random() * RETURN_SPREAD_MS, () => this.#whenUp(node, run));
    for (const key of node.podKeys) {
      timeline.after(random() * RETURN_SPREAD_MS, () => this.#whenUp(node, () => this.#restoreReadiness(key)));
    }
  }

  isUp(nodeName: string): boolean {
    return this.#node(nodeName).isUp;
  }

  /** A readiness probe starts to fail or to pass. */
  setPodReady(podKey: string, isReady: boolean): void {
    this.#report(podKey, (pod, nowMs) => readinessStatus(pod, isReady, nowMs));
  }

  /** The pod as it looks after it was assigned and started well. */
  settled(pod: PodObject): PodObject {
    const { nowMs } = this.#options.timeline;
    const spec = { ...pod.spec, nodeName: nodeNameOf(pod) };
    const begun = { ...pod, spec, status: creatingStatus({ ...pod, status: boundStatus(pod, nowMs) }, nowMs) };
    this.#healthy.add(pod.metadata.uid);
    return { ...begun, status: runningStatus(begun, this.#nextIp(), nowMs) };
  }

  #nextIp(): string {
    this.#ipCount += 1;
    return `10.${(this.#ipCount >> 16) & 255}.${(this.#ipCount >> 8) & 255}.${this.#ipCount & 255}`;
  }

  #node(name: string): NodeState {
    let node = this.#nodes.get(name);
    if (node === undefined) {
      node = { name, isUp: true, isStuckTerminating: false, badImages: new Map(), podKeys: new Set(), missed: [] };
      this.#nodes.set(name, node);
    }
    return node;
  }

  #onNode(commit: Commit): void {
    const { name } = commit.object.metadata;
    const { timeline, random, heartbeatIntervalMs } = this.#options;
    if (commit.type === 'DELETED') {
      const node = this.#node(name);
      node.isUp = false;
      node.missed.length = 0;
    } else if (commit.type === 'ADDED') {
      const node = this.#node(name);
      node.isUp = true;
      const hasReady = findCondition((commit.object as NodeObject).status.conditions, 'Ready') !== undefined;
      if (!hasReady) timeline.after(CREATING_MS, () => this.#heartbeat(name));
      for (const key of node.podKeys)
        timeline.after(CREATING_MS, () => this.#whenUp(node, () => this.#takeOver(node, key)));
      if (heartbeatIntervalMs > 0) this.#planHeartbeat(name, heartbeatIntervalMs * random());
    }
  }

  #planHeartbeat(name: string, delayMs: number): void {
    const { store, timeline, heartbeatIntervalMs } = this.#options;
    timeline.after(delayMs, () => {
      if (store.get('nodes', name) === undefined) return;
      if (this.#node(name).isUp) this.#heartbeat(name);
      this.#planHeartbeat(name, heartbeatIntervalMs);
    });
  }

  /** The node reports itself Ready. */
  #heartbeat(name: string): void {
    const { store, timeline } = this.#options;
    const object = store.get('nodes', name) as NodeObject | undefined;
    if (object === undefined || !this.#node(name).isUp) return;
    const { nowMs } = timeline;
    const lastHeartbeatTime = formatTime(nowMs);
    const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime };
    const conditions = withCondition(object.status.conditions, ready, nowMs, object.metadata.creationTimestamp);
    store.update('nodes', { ...object, status: { ...object.status, conditions } }, ORIGIN);
  }

  #onPod(commit: Commit): void {
    const pod = commit.object as PodObject;
    const previous = commit.previous as PodObject | undefined;
    const { timeline, random, terminationMs } = this.#options;
    const key = keyOf(pod);
    const nodeName = pod.spec.nodeName ?? '';
    if (nodeName === '') {
      if (commit.type === 'ADDED' && nodeNameOf(pod) !== '') timeline.after(SCHEDULING_MS, () => this.#bind(key, pod));
      return;
    }
    const node = this.#node(nodeName);
    if (commit.type === 'DELETED') {
      node.podKeys.delete(key);
      this.#healthy.delete(pod.metadata.uid);
      return;
    }
    node.podKeys.add(key);
    if (pod.metadata.deletionTimestamp !== undefined) {
      if (previous?.metadata.deletionTimestamp !== undefined) return;
      timeline.after(spread(random, terminationMs), () => this.#whenUp(node, () => this.#terminate(node, key)));
    } else if ((previous?.spec.nodeName ?? '') === '' && pod.status.phase === 'Pending') {
      timeline.after(CREATING_MS, () => this.#whenUp(node, () => this.#begin(key)));
    }
  }

  #whenUp(node: NodeState, run: () => void): void {
    if (node.isUp) run();
    else node.missed.push(run);
  }

  /** A node that registers anew finds pods that are bound to it: some were starting, some are on their way out. */
  #takeOver(node: NodeState, key: string): void {
    const pod = this.#options.store.get('pods', key) as PodObject | undefined;
    if (pod === undefined) return;
    const { uid, deletionTimestamp } = pod.metadata;
    if (deletionTimestamp !== undefined) this.#terminate(node, key);
    else if (pod.status.startTime === undefined) this.#begin(key);
    else if (!this.#healthy.has(uid)) this.#start(node, key, uid);
    else this.#restoreReadiness(key);
  }

  #bind(key: string, created: PodObject): void {
    const { store, timeline } = this.#options;
    const pod = store.get('pods', key) as PodObject | undefined;
    if (pod?.metadata.uid !== created.metadata.uid || (pod.spec.nodeName ?? '') !== '') return;
    const nodeName = nodeNameOf(pod);
    if (store.get('nodes', nodeName) === undefined) return;
    const bound = { ...pod, spec: { ...pod.spec, nodeName }, status: boundStatus(pod, timeline.nowMs) };
    store.update('pods', bound, 'scheduler');
  }

  #begin(key: string): void {
    const { store, timeline, random } = this.#options;
    const pod = store.get('pods', key) as PodObject | undefined;
    if (pod === undefined || pod.status.startTime !== undefined || pod.metadata.deletionTimestamp !== undefined) return;
    const node = this.#node(pod.spec.nodeName ?? '');
    this.#report(key, creatingStatus);
    const { uid } = pod.metadata;
    const isStraggler = random() < STRAGGLER_SHARE;
    const startupMs = spread(random, this.#startupMs) * (isStraggler ? 3 : 1);
    timeline.after(startupMs, () => this.#whenUp(node, () => this.#start(node, key, uid)));
  }

  #start(node: NodeState, key: string, uid: string): void {
    const pod = this.#options.store.get('pods', key) as PodObject | undefined;
    if (pod?.metadata.uid !== uid || pod.metadata.deletionTimestamp !== undefined) return;
    for (const { image } of pod.spec.containers) {
      const trouble = troubleOf(node, image);
      if (trouble !== undefined) {
        this.#fail({ node, key, uid, trouble }, 1);
        return;
      }
    }
    this.#healthy.add(uid);
    const podIP = this.#nextIp();
    this.#report(key, (present, nowMs) => runningStatus(present, podIP, nowMs));
  }

  /** A container that fails again and again, each time after a longer pause; a node that heals lets it start. */
  #fail(failing: { node: NodeState; key: string; uid: string; trouble: Trouble }, attempt: number): void {
    const { node, key, uid, trouble } = failing;
    const { store, timeline } = this.#options;
    const pod = store.get('pods', key) as PodObject | undefined;
    if (pod?.metadata.uid !== uid || pod.metadata.deletionTimestamp !== undefined) return;
    this.#report(key, (present, nowMs) => troubledStatus(present, trouble, { nowMs, restartCount: attempt }));
    const pauseMs = Math.min(CRASH_BACKOFF_MS * 2 ** (attempt - 1), CRASH_BACKOFF_MAX_MS);
    timeline.after(pauseMs, () =>
      this.#whenUp(node, () => {
        const isStillBad = pod.spec.containers.some(({ image }) => troubleOf(node, image));
        if (isStillBad) this.#fail(failing, attempt + 1);
        else this.#start(node, key, uid);
      }),
    );
  }

  #terminate(node: NodeState, key: string): void {
    const pod = this.#options.store.get('pods', key) as PodObject | undefined;
    if (pod?.metadata.deletionTimestamp === undefined || node.isStuckTerminating) return;
    if ((pod.metadata.finalizers ?? []).length > 0) return;
    this.#options.store.remove('pods', key, ORIGIN);
  }

  #restoreReadiness(key: string): void {
    const pod = this.#options.store.get('pods', key) as PodObject | undefined;
    if (pod === undefined || !this.#healthy.has(pod.metadata.uid)) return;
    if (pod.metadata.deletionTimestamp !== undefined) return;
    this.#report(key, (present, nowMs) => readinessStatus(present, true, nowMs));
  }

  #report(key: string, statusOf: (pod: PodObject, nowMs: number) => PodStatus): void {
    const { store, timeline } = this.#options;
    const pod = store.get('pods', key) as PodObject | undefined;
    if (pod !== undefined) store.update('pods', { ...pod, status: statusOf(pod, timeline.nowMs) }, ORIGIN);
  }
}

const troubleOf = (node: NodeState, image: string) => node.badImages.get(image) ?? node.badImages.get(EVERY_IMAGE);

/** Around the mean, between 0.7 and 1.3 of it. */
function spread(random: Random, meanMs: number): number {
  return meanMs * (0.7 + 0.6 * random());
}
