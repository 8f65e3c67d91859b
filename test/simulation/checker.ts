import type { ApiRequest } from '../../src/client/api.ts';
import type { Controller } from '../../src/controller/controller.ts';
import type { Outcome } from '../../src/protocol/outcome.ts';
import { daemonSetOfSlot, nodeOfSlot, type SlotKey } from '../../src/protocol/slot.ts';
import type { Task, TaskBatch } from '../../src/protocol/task.ts';
import type { SimResponse } from '../../src/simulator/api-types.ts';
import type { SimulatedCluster } from '../../src/simulator/cluster.ts';
import { isTerminating, revisionHashOf } from '../../src/simulator/cluster-index.ts';
import {
  controllerUid,
  type DaemonSetObject,
  findCondition,
  nodeNameOf,
  type PodObject,
} from '../../src/simulator/objects.ts';
import { optedStrategy } from '../../src/simulator/observer-policy.ts';
import { judgeBudget, type Planned } from './budget-rule.ts';
import { holderOf } from './candidate.ts';
import type { StampClock } from './clocks.ts';
import { CommitLog } from './commit-log.ts';
import { Conduct, intentOf } from './conduct.ts';
import { isOfRevision } from './generations.ts';
import { isHeld } from './hold.ts';
import type { KnownDaemonSet } from './knowledge.ts';
import { excessOf } from './memory.ts';
import type { SimProcess } from './process.ts';
import { SlotHistory } from './slot-history.ts';
import type { Spoilage } from './spoilage.ts';
import { StandingRule } from './standing-rule.ts';
import { type Trace, Violation } from './trace.ts';
import { Truth } from './truth.ts';
import { TruthRule } from './truth-rule.ts';
import { whatIsUnreadable } from './unreadable-rule.ts';

export const FORCE_DELETE_STUCK = 'daemonpodupdater.io/force-delete-stuck';
export const PROGRESS_DEADLINE = 'daemonpodupdater.io/progress-deadline-seconds';
const PROGRESS_DEADLINE_DEFAULT_SECONDS = 600;

/** The sets are made anew, and must be the same, every so many deletions (and in the end). */
const VERIFY_EVERY = 200;

export interface CheckerParts {
  readonly stamps: StampClock;
  readonly spoilage: Spoilage;
  /** Over all DaemonSets of one process. */
  readonly maxInFlight: number;
  /** No clock is wrong but in its speed. */
  readonly areClocksTrue: boolean;
}

/**
 * Holds every process to the rules of docs/simulation.md, after every event. It is told what streams have delivered, what was
 * sent, and what the API server did; it shares no code with what it checks.
 */
export class Checker {
  readonly #cluster: SimulatedCluster;
  readonly #log: CommitLog;
  readonly #trace: Trace;
  readonly #truth: Truth;
  readonly #truthRule: TruthRule;
  readonly #history: SlotHistory;
  readonly #maxInFlight: number;
  readonly #standing: StandingRule;
  #checkedDeletes = 0;
  deletes = 0;
  marks = 0;
  /** The node of the last deletion that was applied. */
  lastDeletedOn = '';

  constructor(cluster: SimulatedCluster, trace: Trace, parts: CheckerParts) {
    this.#cluster = cluster;
    this.#maxInFlight = parts.maxInFlight;
    this.#standing = new StandingRule(parts.maxInFlight);
    this.#history = new SlotHistory(cluster, parts.areClocksTrue);
    this.#truth = new Truth(cluster, parts.stamps);
    this.#truthRule = new TruthRule(cluster, this.#history);
    this.#log = new CommitLog(cluster.store, parts.spoilage);
    this.#trace = trace;
  }

  admit(process: SimProcess): Conduct {
    return new Conduct(process, this.#log, (uid, nodeName) => this.#history.mayBeExcused(uid, nodeName));
  }

  onSend(conduct: Conduct, lane: number, batch: TaskBatch): void {
    for (const task of batch.tasks) {
      this.#checkSlot(conduct, task);
      const staleness = conduct.view.judge(task);
      if (staleness !== '') this.#fail('stale-view', conduct, `${task.action} of ${task.slot}, but ${staleness}`);
      conduct.open.set(task.slot, { lane, task, isOrphan: false });
      if (task.action === 'delete') this.#checkDelete(conduct, task);
      else if (task.action === 'mark') this.#checkMark(conduct, task);
      else if (task.action === 'force-delete') this.#checkForce(conduct, task);
    }
  }

  onOutcome(conduct: Conduct, outcome: Outcome): void {
    const { action, code, slot, retryAfterMs } = outcome;
    const open = conduct.open.get(slot);
    conduct.open.delete(slot);
    if (retryAfterMs > 0 && open !== undefined && !open.isOrphan) {
      conduct.notBefore.set(slot, { intent: intentOf(open.task), atMs: conduct.process.nowMs + retryAfterMs });
    }
    const pending = conduct.pending.get(outcome.slot);
    if (pending === undefined || pending.uid !== outcome.uid) return;
    if (action === 'observe') {
      // The API server was asked, long after the write, and the pod is untouched.
      if (code === 'done' && !outcome.isTerminating) this.#forget(conduct, slot);
      return;
    }
    if (code === 'done' || code === 'gone' || code === 'unknown') pending.isBlind = true;
    else this.#forget(conduct, slot);
  }

  onLaneLost(conduct: Conduct, lane: number): void {
    for (const [slot, open] of conduct.open) {
      if (open.lane !== lane) continue;
      conduct.open.delete(slot);
      const pending = conduct.pending.get(slot);
      if (pending?.uid === open.task.uid && open.task.action === 'delete') pending.isBlind = true;
    }
  }

  /** A write leaves a lane. */
  onDeparture(conduct: Conduct, task: Task, request: ApiRequest): void {
    const body = JSON.parse(typeof request.body === 'string' ? request.body : '{}') as {
      readonly preconditions?: { readonly uid?: string };
      readonly metadata?: { readonly uid?: string };
    };
    const uid = request.method === 'DELETE' ? body.preconditions?.uid : body.metadata?.uid;
    const { method, path } = request;
    if (uid !== task.uid) this.#fail('precondition', conduct, `${method} ${path} is not bound to a UID`);
    const holder = holderOf(this.#cluster.store);
    if (holder !== conduct.process.id)
      this.#fail('leader', conduct, `writes while ${holder || 'nobody'} holds the lease`);
  }

  /** The API server has handled a write; maybe for the second time. */
  onHandled(conduct: Conduct, task: Task, response: SimResponse): void {
    if (response.status >= 300) return;
    const after = response.kind === 'object' ? response.object : undefined;
    if (after !== undefined && after.metadata.uid !== task.uid) {
      this.#fail('owner', conduct, `${task.action} of ${task.pod} met another pod than ${task.uid}`);
    }
    if (task.action === 'mark') this.marks += 1;
    if (task.action !== 'delete') return;
    this.deletes += 1;
    this.lastDeletedOn = nodeOfSlot(task.slot);
    if (this.#truth.isWantedSince(task.uid, conduct.daemonSetsToldFor(task))) {
      this.#fail('wanted-pod', conduct, `${task.pod} was deleted, and is of the template that the process knew`);
    }
    const excess = this.#truthRule.judge(conduct, task);
    if (excess !== '') this.#fail('truth', conduct, `${task.slot}: ${excess}`);
  }

  /** A turn is over. `mayDecide`: the process leads, as far as it knows, and is not about to end. */
  onPumped(conduct: Conduct, controller: Controller, mayDecide: boolean): void {
    conduct.settle();
    const excess = excessOf(controller, conduct.process.nowMs, this.#truth.slotsEver);
    const problem = excess ?? (mayDecide ? this.#standing.judge(conduct, controller) : undefined);
    if (problem !== undefined) this.#fail(problem.rule, conduct, problem.what);
  }

  #checkSlot(conduct: Conduct, task: Task): void {
    const open = conduct.open.get(task.slot);
    if (open !== undefined) {
      this.#fail('one-a-slot', conduct, `${task.slot} is sent to a lane while lane ${open.lane} works on it`);
    }
    const { nowMs } = conduct.process;
    // Another decision about the slot is another request, and may go at once.
    const wait = conduct.notBefore.get(task.slot);
    if (wait?.intent === intentOf(task) && nowMs < wait.atMs) {
      this.#fail('retry-after', conduct, `${task.slot} is tried ${Math.round(wait.atMs - nowMs)} ms too early`);
    }
    conduct.notBefore.delete(task.slot);
    const retries = conduct.retries.add(task, nowMs);
    if (retries !== '') this.#fail('backoff', conduct, retries);
  }

  #checkDelete(conduct: Conduct, task: Task): void {
    const { known, daemonSet, strategy } = this.#known(conduct, task);
    if (strategy !== 'advancedrollingupdate')
      this.#fail('ota-delete', conduct, `${task.slot} is deleted under ${strategy}`);
    const target = known.pods.get(task.uid);
    if (target === undefined) this.#fail('stale', conduct, `${task.slot}: the pod is known to be gone`);
    const { pod } = target;
    if (isTerminating(pod)) this.#fail('stale', conduct, `${task.slot}: the pod is known to be terminating`);
    this.#checkOwner(conduct, task, pod);
    this.#checkOld(conduct, { task, pod, known, daemonSet });
    const pending = conduct.pending.get(task.slot);
    if (pending?.uid === task.uid && pending.isBlind) {
      this.#fail('blind-repeat', conduct, `${task.slot} is deleted again before anything was observed`);
    }
    this.#checkBudget(conduct, { task, target, known, daemonSet });
    this.#checkRepeats(conduct, task, known);
    if (++this.#checkedDeletes % VERIFY_EVERY === 0) conduct.verify();
    conduct.pending.set(task.slot, { uid: task.uid, isBlind: false });
  }

  /** A deletion that had no effect. */
  #forget(conduct: Conduct, slot: SlotKey): void {
    conduct.pending.delete(slot);
    conduct.deletions.takeBack(slot);
  }

  #checkRepeats(conduct: Conduct, { slot, uid }: Task, known: KnownDaemonSet): void {
    const newest = known.newest();
    const hash = newest === undefined ? '' : revisionHashOf(newest);
    const nodeUid = conduct.knowledge.nodes.get(nodeOfSlot(slot))?.metadata.uid ?? '';
    const problem = conduct.deletions.add(slot, { uid, hash, nodeUid, atMs: conduct.process.nowMs });
    if (problem !== '') this.#fail('repeat', conduct, `${slot}: ${problem}`);
  }

  #checkForce(conduct: Conduct, task: Task): void {
    const { known, daemonSet, strategy } = this.#known(conduct, task);
    const { annotations = {} } = daemonSet.metadata;
    if (strategy !== 'advancedrollingupdate')
      this.#fail('ota-delete', conduct, `${task.slot} is deleted under ${strategy}`);
    if (annotations[FORCE_DELETE_STUCK] !== 'true')
      this.#fail('force', conduct, `${task.slot}: nobody asked for force`);
    const target = known.pods.get(task.uid);
    if (target === undefined) this.#fail('stale', conduct, `${task.slot}: the pod is known to be gone`);
    this.#checkOwner(conduct, task, target.pod);
    const deadlineMs = 1000 * Number(annotations[PROGRESS_DEADLINE] ?? PROGRESS_DEADLINE_DEFAULT_SECONDS);
    const leavingMs = conduct.process.nowMs - (target.leavingSinceMs ?? Number.POSITIVE_INFINITY);
    if (leavingMs < 0 || (!target.isHint && leavingMs < deadlineMs)) {
      this.#fail('force', conduct, `${task.slot}: forced after ${leavingMs} ms, the deadline is ${deadlineMs}`);
    }
  }

  #checkMark(conduct: Conduct, task: Task & { action: 'mark' }): void {
    const { known, strategy } = this.#known(conduct, task);
    if (strategy !== 'ota') this.#fail('ota-mark', conduct, `${task.slot} is marked under ${strategy}`);
    const target = known.pods.get(task.uid);
    if (target === undefined) this.#fail('stale', conduct, `${task.slot}: the pod is known to be gone`);
    this.#checkOwner(conduct, task, target.pod);
    const mark = findCondition(target.pod.status.conditions, 'PodNeedUpgrade');
    const isSame =
      mark?.status === (task.needsUpgrade ? 'True' : 'False') && mark.message === `controllerrevision: ${task.hash}`;
    if (isSame) this.#fail('needless-write', conduct, `${task.slot} is known to be marked so already`);
  }

  /** The DaemonSet of a task as the process knows it; a write for one that did not opt in is a violation. */
  #known(
    conduct: Conduct,
    task: Task,
  ): { readonly known: KnownDaemonSet; readonly daemonSet: DaemonSetObject; readonly strategy: string } {
    const key = daemonSetOfSlot(task.slot);
    const known = conduct.knowledge.followed.get(key);
    const daemonSet = conduct.knowledge.daemonSets.get(key);
    const strategy = daemonSet === undefined ? undefined : optedStrategy(daemonSet);
    if (known === undefined || daemonSet === undefined || strategy === undefined) {
      this.#fail('opted-out', conduct, `${task.action} of ${task.slot}, which is known not to have opted in`);
    }
    if (isHeld(daemonSet)) this.#fail('paused', conduct, `${task.action} of ${task.slot}, which is known to be paused`);
    if (daemonSet.metadata.uid !== known.uid) this.#fail('opted-out', conduct, `${task.slot} is of a former DaemonSet`);
    const unread = whatIsUnreadable(conduct.knowledge, known, task);
    if (unread !== '')
      this.#fail('unreadable', conduct, `${task.action} of ${task.slot}, but ${unread} cannot be read`);
    return { known, daemonSet, strategy };
  }

  #checkOwner(conduct: Conduct, task: Task, pod: PodObject): void {
    const known = conduct.knowledge.followed.get(daemonSetOfSlot(task.slot));
    if (known !== undefined && controllerUid(pod) !== known.uid) {
      this.#fail('owner', conduct, `${task.pod} does not belong to the DaemonSet`);
    }
    if (nodeNameOf(pod) !== nodeOfSlot(task.slot)) this.#fail('owner', conduct, `${task.pod} is not on ${task.slot}`);
  }

  #checkOld(
    conduct: Conduct,
    about: { task: Task; pod: PodObject; known: KnownDaemonSet; daemonSet: DaemonSetObject },
  ): void {
    const { task, pod, known, daemonSet } = about;
    const { generation = 0 } = daemonSet.metadata;
    if ((daemonSet.status.observedGeneration ?? 0) < generation)
      this.#fail('generation', conduct, `${task.slot}: generation ${generation} has not been observed`);
    const newest = known.newest();
    if (newest === undefined) this.#fail('current-pod', conduct, `${task.slot}: no revision is known`);
    if (isOfRevision(pod, newest, daemonSet) || this.#truth.saysLater(pod, daemonSet))
      this.#fail('current-pod', conduct, `${task.slot}: ${task.pod} is current`);
  }

  #checkBudget(conduct: Conduct, about: Planned): void {
    const { task, known } = about;
    const { knowledge } = conduct;
    const { problem, isSurelyUp } = judgeBudget(conduct, about, this.#maxInFlight);
    if (problem !== undefined) this.#fail(problem.rule, conduct, `${task.slot}: ${problem.what}`);
    const revision = Math.min(knowledge.nodesRevision, knowledge.daemonSetsRevision, known.podsRevision);
    // Of a node that cannot be read nobody knows where it belongs.
    const isSure = isSurelyUp && knowledge.unreadable.nodes.size === 0;
    conduct.decide(task, { known, revision, isSurelyUp: isSure });
  }

  #fail(rule: string, conduct: Conduct, message: string): never {
    this.#trace.note(this.#cluster.nowMs, 'checker', rule);
    throw new Violation(rule, `${conduct.process.id}: ${message}`);
  }
}
