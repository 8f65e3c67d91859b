import assert from 'node:assert/strict';
import { Controller } from '../../src/controller/controller.ts';
import type { ControllerPorts, DaemonSetEvent, LogFields, LogLevel } from '../../src/controller/ports.ts';
import type { TrafficOptions } from '../../src/controller/traffic.ts';
import type { DaemonSetRecord, PodRecord } from '../../src/kube/records.ts';
import {
  BATCH_MAX,
  IN_FLIGHT_PER_DAEMON_SET_MAX,
  LANE_IN_FLIGHT_MAX,
  TASK_TIMEOUT_MS,
} from '../../src/manager/limits.ts';
import type { Outcome, OutcomeCode } from '../../src/protocol/outcome.ts';
import { type DaemonSetKey, daemonSetKey, daemonSetOfSlot, nodeOfSlot } from '../../src/protocol/slot.ts';
import type { Task, TaskBatch } from '../../src/protocol/task.ts';
import { budget, daemonSet, node, outcome, pod, revision, T0 } from '../rollout/records.ts';

export interface SentBatch extends TaskBatch {
  readonly lane: number;
}

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Everything the controller wanted done, in order. */
export class RecordingPorts implements ControllerPorts {
  readonly follows: DaemonSetRecord[] = [];
  readonly unfollows: DaemonSetKey[] = [];
  readonly revisionReads: DaemonSetKey[] = [];
  readonly batches: SentBatch[] = [];
  readonly events: DaemonSetEvent[] = [];
  readonly logs: LogLine[] = [];
  readonly ended: Outcome[] = [];

  follow(record: DaemonSetRecord): void {
    this.follows.push(record);
  }

  unfollow(key: DaemonSetKey): void {
    this.unfollows.push(key);
  }

  readRevisions(key: DaemonSetKey): void {
    this.revisionReads.push(key);
  }

  send(lane: number, batch: TaskBatch): void {
    this.batches.push({ lane, ...batch });
  }

  recordEvent(event: DaemonSetEvent): void {
    this.events.push(event);
  }

  log(level: LogLevel, message: string, fields: LogFields): void {
    this.logs.push({ level, message, fields });
  }

  taskDone(ended: Outcome): void {
    this.ended.push(ended);
  }

  reasons(): string[] {
    return this.events.map(({ reason }) => reason);
  }
}

/** A DaemonSet of `kube-system` that opted in with that budget. */
export function optedIn(name: string, maxUnavailable: string, changes: Partial<DaemonSetRecord> = {}): DaemonSetRecord {
  return daemonSet({
    name,
    uid: `uid-${name}`,
    annotations: budget(maxUnavailable),
    selector: { matchLabels: { app: name }, matchExpressions: [] },
    ...changes,
  });
}

export const DEFAULTS: TrafficOptions = {
  lanes: 2,
  batchMax: BATCH_MAX,
  laneInFlightMax: LANE_IN_FLIGHT_MAX,
  qps: 0,
  burst: 0,
  maxInFlight: Number.POSITIVE_INFINITY,
  maxInFlightPerDaemonSet: IN_FLIGHT_PER_DAEMON_SET_MAX,
  taskTimeoutMs: TASK_TIMEOUT_MS,
  // One pump does all there is to do, unless a test is about that.
  slotsATurn: Number.POSITIVE_INFINITY,
  isDryRun: false,
  random: () => 0,
};

/** A controller, what it sends, and a cluster that does what the tests let it do, in virtual time. */
export class World {
  readonly ports = new RecordingPorts();
  readonly controller: Controller;
  nowMs = T0;
  /** Tasks that lanes hold, oldest first. */
  readonly held: { readonly lane: number; readonly task: Task }[] = [];
  readonly #nodes: readonly string[];
  readonly #pods = new Map<string, PodRecord>();
  readonly #daemonSets = new Map<DaemonSetKey, DaemonSetRecord>();
  /** Hash of what the cluster makes new pods of, and its number. */
  #newest = { hash: 'new', number: 2 };
  #taken = 0;
  #created = 0;

  constructor(nodeCount: number, options: Partial<TrafficOptions> = {}, { hasDaemonSets = true } = {}) {
    this.controller = new Controller({ ...DEFAULTS, ...options }, this.ports);
    const digits = String(nodeCount).length;
    this.#nodes = Array.from({ length: nodeCount }, (_, index) => `n${String(index + 1).padStart(digits, '0')}`);
    for (const name of this.#nodes) this.controller.onNode({ type: 'added', object: node(name) }, this.nowMs);
    this.controller.onNodesSynced();
    if (hasDaemonSets) this.controller.onDaemonSetsSynced();
  }

  lead(writeUntilMs = Number.POSITIVE_INFINITY, writeUntilWallMs?: number): void {
    this.controller.setLeadership({ isLeading: true, writeUntilMs, writeUntilWallMs });
  }

  standBy(): void {
    this.controller.setLeadership({ isLeading: false, writeUntilMs: 0 });
  }

  /** The DaemonSet appears, with a pod of `hash` on the first `nodeCount` nodes, and everything about it is read. */
  add(record: DaemonSetRecord, hash = 'old', nodeCount = this.#nodes.length): DaemonSetKey {
    const key = daemonSetKey(record.namespace, record.name);
    this.apply(record);
    this.readRevisions(record);
    for (const name of this.#nodes.slice(0, nodeCount)) this.createPod(key, name, hash);
    this.sync(key);
    return key;
  }

  apply(record: DaemonSetRecord): void {
    const key = daemonSetKey(record.namespace, record.name);
    const type = this.#daemonSets.has(key) ? 'modified' : 'added';
    this.#daemonSets.set(key, record);
    this.controller.onDaemonSet({ type, object: record }, this.nowMs);
  }

  delete(record: DaemonSetRecord): void {
    this.#daemonSets.delete(daemonSetKey(record.namespace, record.name));
    this.controller.onDaemonSet({ type: 'deleted', object: record }, this.nowMs);
  }

  readRevisions(record: DaemonSetRecord): void {
    const key = daemonSetKey(record.namespace, record.name);
    for (const [number, hash] of ['old', 'new'].entries()) {
      const object = revision(hash, number + 1, { ownerUid: record.uid, uid: `${record.uid}-${hash}` });
      this.controller.onRevision(key, { type: 'added', object }, this.nowMs);
    }
  }

  /** Its template changes again, and its revision is read. */
  supersede(record: DaemonSetRecord, hash: string): void {
    this.#newest = { hash, number: this.#newest.number + 1 };
    const object = revision(hash, this.#newest.number, { ownerUid: record.uid, uid: `${record.uid}-${hash}` });
    this.controller.onRevision(daemonSetKey(record.namespace, record.name), { type: 'added', object }, this.nowMs);
  }

  sync(key: DaemonSetKey): void {
    this.controller.onSynced(key, 'pods');
    this.controller.onSynced(key, 'revisions');
    this.controller.onRevisionsRead(key);
  }

  createPod(key: DaemonSetKey, nodeName: string, hash: string, changes: Partial<PodRecord> = {}): PodRecord {
    this.#created += 1;
    const uid = `pod-${this.#created}`;
    const ownerUid = this.#daemonSets.get(key)?.uid;
    const object = pod(nodeName, hash, { uid, name: uid, ownerUid, ...changes });
    this.#pods.set(uid, object);
    this.controller.onPod(key, { type: 'added', object }, this.nowMs);
    return object;
  }

  /** Lets time pass and pumps; what was sent is held by its lane until it is answered. */
  pump(afterMs = 0, wallMs?: number): Task[] {
    this.nowMs += afterMs;
    this.controller.pump(this.nowMs, wallMs);
    const fresh = this.ports.batches.slice(this.#taken);
    this.#taken = this.ports.batches.length;
    const tasks: Task[] = [];
    for (const { lane, tasks: sent } of fresh) {
      for (const task of sent) this.held.push({ lane, task });
      tasks.push(...sent);
    }
    return tasks;
  }

  answer(task: Task, code: OutcomeCode, changes: Partial<Outcome> = {}): void {
    const index = this.held.findIndex((held) => held.task === task);
    assert.notEqual(index, -1, 'only what a lane holds can be answered');
    this.held.splice(index, 1);
    this.controller.onOutcomes([outcome(task, code, changes)], this.nowMs);
  }

  loseLane(lane: number, reopenInMs = 100): Task[] {
    const lost = this.held.filter((held) => held.lane === lane).map(({ task }) => task);
    const left = this.held.filter((held) => held.lane !== lane);
    this.held.splice(0, this.held.length, ...left);
    this.controller.onLaneLost(lane, this.nowMs + reopenInMs, this.nowMs);
    return lost;
  }

  /** The pod of the task goes away, as the watch tells it. */
  deletePod(task: Task): void {
    const object = this.#pods.get(task.uid);
    assert.ok(object !== undefined, `${task.uid} is deleted once`);
    this.#pods.delete(task.uid);
    const key = daemonSetOfSlot(task.slot);
    const terminating = { ...object, isTerminating: true, deletionAtMs: this.nowMs + 30_000, resourceVersion: '2' };
    this.controller.onPod(key, { type: 'modified', object: terminating }, this.nowMs);
    this.controller.onPod(key, { type: 'deleted', object: terminating }, this.nowMs);
  }

  /** The deletion is accepted and done, and the node has a new pod that is Ready. */
  replace(task: Task): void {
    this.answer(task, 'done');
    this.deletePod(task);
    this.createPod(daemonSetOfSlot(task.slot), nodeOfSlot(task.slot), this.#newest.hash, {
      createdAtMs: this.nowMs,
      readyChangedAtMs: this.nowMs,
    });
  }

  /** The watch shows what a mark has written. */
  mark(task: Task): void {
    const object = this.#pods.get(task.uid);
    assert.ok(object !== undefined && task.action === 'mark');
    const status = task.needsUpgrade ? 'True' : 'False';
    const marked = { ...object, needUpgrade: { status, message: `controllerrevision: ${task.hash}` } };
    this.#pods.set(task.uid, marked);
    this.controller.onPod(daemonSetOfSlot(task.slot), { type: 'modified', object: marked }, this.nowMs);
  }

  counts(key: DaemonSetKey) {
    const followed = this.controller.find(key);
    assert.ok(followed !== undefined, `${key} is followed`);
    return followed.rollout.counts();
  }

  /** Replaces everything that is sent, oldest first, until nothing is sent any more; returns the nodes in order. */
  finish(): string[] {
    const order: string[] = [];
    for (this.pump(); this.held.length > 0; this.pump(1)) {
      const [first] = this.held;
      if (first === undefined) break;
      order.push(nodeOfSlot(first.task.slot));
      this.replace(first.task);
    }
    return order;
  }
}

export function nodesOf(tasks: readonly Task[]): string[] {
  return tasks.map(({ slot }) => nodeOfSlot(slot)).sort();
}

export function daemonSetsOf(tasks: readonly Task[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { slot } of tasks) {
    const key = daemonSetOfSlot(slot);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}
