import type { NodeRecord, PodRecord } from '../../src/kube/records.ts';
import type { OutcomeCode } from '../../src/protocol/outcome.ts';
import type { SlotKey } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';
import { Rollout } from '../../src/rollout/rollout.ts';
import { budget, DS_UID, daemonSet, KEY, node, outcome, pod, revision, T0 } from './records.ts';

export interface WorldOptions {
  readonly nodeCount: number;
  readonly allowed: number;
  readonly minReadySeconds: number;
  /** Share of nodes where a new pod never becomes Ready. */
  readonly badShare: number;
  /** Share of requests whose answer is lost, half of them before they were applied. */
  readonly lostShare: number;
  readonly hasNodeFlaps: boolean;
  readonly random: () => number;
}

type Action = () => void;

/**
 * A cluster as simple as can be: objects, a late watch, a DaemonSet controller that recreates, kubelets that start, and a
 * worker that deletes. `worstUnavailable` is what an observer with the whole truth saw.
 */
export class World {
  readonly rollout = new Rollout({ key: KEY, namespace: 'kube-system', name: 'agent', uid: DS_UID });
  readonly nodes = new Map<string, NodeRecord>();
  readonly pods = new Map<string, PodRecord>();
  readonly violations: string[] = [];
  deleteCount = 0;
  worstUnavailable = 0;
  nowMs = T0;
  readonly #options: WorldOptions;
  readonly #agenda: { atMs: number; order: number; action: Action }[] = [];
  readonly #readyAtMs = new Map<string, number>();
  #order = 0;
  readonly #watchedMs = { nodes: T0, pods: T0 };

  constructor(options: WorldOptions) {
    this.#options = options;
    const { rollout } = this;
    const annotations = budget(String(options.allowed));
    rollout.setDaemonSet(daemonSet({ annotations, minReadySeconds: options.minReadySeconds }), T0);
    rollout.upsertRevision(revision('new', 2), T0);
    for (let index = 0; index < options.nodeCount; index += 1) {
      const name = `n${String(index).padStart(3, '0')}`;
      this.nodes.set(name, place(name));
      this.pods.set(name, pod(name, 'old'));
      this.#readyAtMs.set(`${name}-old`, 0);
      rollout.upsertNode(place(name), T0);
      rollout.upsertPod(pod(name, 'old'), T0);
    }
    rollout.setSynced(true, T0);
  }

  /** Runs for that long, or until nothing is left to happen. */
  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    if (this.#options.hasNodeFlaps) for (const name of this.nodes.keys()) this.#planFlap(name);
    this.#control();
    for (;;) {
      this.#agenda.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      const wakeMs = this.rollout.nextWakeMs() ?? Number.POSITIVE_INFINITY;
      const next = this.#agenda[0];
      if (next !== undefined && next.atMs <= wakeMs) this.#agenda.shift();
      const atMs = Math.min(next?.atMs ?? Number.POSITIVE_INFINITY, wakeMs);
      if (atMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, atMs);
      if (next !== undefined && next.atMs <= wakeMs) next.action();
      else this.rollout.tick(this.nowMs);
      this.#control();
    }
  }

  isAvailable(name: string): boolean {
    const record = this.pods.get(name);
    const readyAtMs = this.#readyAtMs.get(record?.uid ?? '') ?? Number.POSITIVE_INFINITY;
    const isLongEnough = readyAtMs + this.#options.minReadySeconds * 1000 <= this.nowMs;
    return record?.isReady === true && !record.isTerminating && isLongEnough;
  }

  unavailableCount(): number {
    return [...this.nodes.values()].filter(({ name, isReady }) => isReady && !this.isAvailable(name)).length;
  }

  #later(afterMs: number, action: Action): void {
    this.#order += 1;
    this.#agenda.push({ atMs: this.nowMs + afterMs, order: this.#order, action });
  }

  #upTo(ms: number): number {
    return Math.floor(this.#options.random() * ms);
  }

  /** Each watch is late, by different times, but in order. */
  #watch(what: 'nodes' | 'pods', action: Action): void {
    const atMs = Math.max(this.#watchedMs[what], this.nowMs + this.#upTo(3000));
    this.#watchedMs[what] = atMs;
    this.#later(atMs - this.nowMs, action);
  }

  #control(): void {
    for (const key of this.rollout.select({ count: 5, window: Number.POSITIVE_INFINITY }, this.nowMs))
      this.#send(key, 0);
  }

  #send(key: SlotKey, afterMs: number): void {
    this.#later(afterMs + this.#upTo(200), () => {
      const task = this.rollout.taskFor(key, this.nowMs);
      if (task === undefined) return;
      this.rollout.onSent(key, this.nowMs);
      this.#later(this.#upTo(500), () => this.#serve(task));
    });
  }

  /** The API server gets the request, or not; the answer gets back, or not. */
  #serve(task: Task): void {
    const isLost = this.#options.random() < this.#options.lostShare;
    const isApplied = !isLost || this.#options.random() < 0.5;
    const record = [...this.pods.values()].find(({ uid }) => uid === task.uid);
    let code: OutcomeCode = record === undefined ? 'gone' : 'done';
    if (!isLost && this.#options.random() < 0.1) code = 'throttled';
    else if (isApplied && record !== undefined && task.action === 'delete') this.#delete(record);
    const isTerminating = record?.isTerminating ?? false;
    this.#later(this.#upTo(500), () => {
      const answer = outcome(task, isLost ? 'unknown' : code, { isTerminating });
      const { then, afterMs } = this.rollout.onOutcome(answer, this.nowMs);
      if (then === 'retry') this.#send(task.slot, afterMs + 1000);
    });
  }

  #delete(record: PodRecord): void {
    if (record.isTerminating) return;
    this.deleteCount += 1;
    if (record.revisionHash !== 'old') this.violations.push(`deleted the current pod ${record.uid}`);
    this.#setPod({ ...record, isTerminating: true });
    this.worstUnavailable = Math.max(this.worstUnavailable, this.unavailableCount());
    this.#whenNodeReady(record.nodeName, 2000, () => this.#remove(record));
  }

  #remove(record: PodRecord): void {
    this.pods.delete(record.nodeName);
    const gone = { ...record, isTerminating: true };
    this.#watch('pods', () => this.rollout.removePod(gone, this.nowMs));
    this.#later(this.#upTo(3000), () => this.#create(record.nodeName));
  }

  #create(name: string): void {
    const isBad = this.#options.random() < this.#options.badShare;
    this.#setPod(pod(name, 'new', { isReady: false, createdAtMs: this.nowMs, readyChangedAtMs: this.nowMs }));
    if (isBad) return;
    this.#whenNodeReady(name, 5000, () => {
      const record = this.pods.get(name);
      if (record === undefined) return;
      this.#readyAtMs.set(record.uid, this.nowMs);
      this.#setPod({ ...record, isReady: true, readyChangedAtMs: this.nowMs });
    });
  }

  /** A kubelet does nothing while its node is away. */
  #whenNodeReady(name: string, withinMs: number, action: Action): void {
    this.#later(this.#upTo(withinMs), () => {
      if (this.nodes.get(name)?.isReady === true) action();
      else this.#whenNodeReady(name, withinMs, action);
    });
  }

  #planFlap(name: string): void {
    if (this.#options.random() < 0.7) return;
    this.#later(this.#upTo(120_000), () => this.#setNode(name, false));
    this.#later(120_000 + this.#upTo(300_000), () => this.#setNode(name, true));
  }

  #setNode(name: string, isReady: boolean): void {
    const record = place(name, { isReady, readyChangedAtMs: this.nowMs });
    this.nodes.set(name, record);
    this.worstUnavailable = Math.max(this.worstUnavailable, this.unavailableCount());
    this.#watch('nodes', () => this.rollout.upsertNode(record, this.nowMs));
  }

  #setPod(record: PodRecord): void {
    this.pods.set(record.nodeName, record);
    this.#watch('pods', () => this.rollout.upsertPod(record, this.nowMs));
  }
}

/** Each in a zone of its own: when one goes away, the others there did not go with it. */
function place(name: string, changes: Partial<NodeRecord> = {}): NodeRecord {
  return node(name, { labels: { 'topology.kubernetes.io/zone': name }, ...changes });
}
