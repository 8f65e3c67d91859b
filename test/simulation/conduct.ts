import { type DaemonSetKey, daemonSetOfSlot, nodeOfSlot, type SlotKey } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';
import { optedStrategy } from '../../src/simulator/observer-policy.ts';
import { BudgetTally } from './budget-tally.ts';
import type { CommitLog } from './commit-log.ts';
import { Knowledge, type KnownDaemonSet } from './knowledge.ts';
import type { SimProcess } from './process.ts';
import { DeletionLog } from './repeat-rule.ts';
import { RetryLog } from './retry-rule.ts';
import { ViewRule } from './view-rule.ts';

/** A deletion that may have been applied and that the process has not been shown the effect of. */
export interface Pending {
  readonly uid: string;
  /** The task has ended, and whether it was applied is not known. */
  isBlind: boolean;
}

/** Tells whose budget a change concerns. */
class PendingDeletions extends Map<SlotKey, Pending> {
  readonly #onChange: (slot: SlotKey) => void;

  constructor(onChange: (slot: SlotKey) => void) {
    super();
    this.#onChange = onChange;
  }

  override set(slot: SlotKey, pending: Pending): this {
    this.#onChange(slot);
    return super.set(slot, pending);
  }

  override delete(slot: SlotKey): boolean {
    this.#onChange(slot);
    return super.delete(slot);
  }
}

/** From what a deletion was decided. */
export interface Decision {
  readonly known: KnownDaemonSet;
  /** The oldest of what the process had been told. */
  readonly revision: number;
  /** How far the process had been told of DaemonSets. */
  readonly daemonSetsRevision: number;
  /** It could not but know that it took an available pod. */
  readonly isSurelyUp: boolean;
}

/** What a lane works on. */
interface OpenTask {
  readonly lane: number;
  readonly task: Task;
  /** Its rollout is over: nobody waits for the outcome. */
  isOrphan: boolean;
}

/** What one process knows and has done; made anew with an empty memory when it starts again. */
export class Conduct {
  readonly process: SimProcess;
  readonly knowledge: Knowledge;
  readonly view: ViewRule;
  /** What is in a lane. */
  readonly open = new Map<SlotKey, OpenTask>();
  readonly decisions = new WeakMap<Task, Decision>();
  readonly deletions = new DeletionLog();
  readonly pending: Map<SlotKey, Pending>;
  readonly #tallies = new Map<DaemonSetKey, { readonly known: KnownDaemonSet; readonly tally: BudgetTally }>();
  readonly retries = new RetryLog();
  /** Until when the API server asked to wait. */
  readonly notBefore = new Map<SlotKey, { readonly intent: string; readonly atMs: number }>();

  /** When it began to lead, for the last time. */
  ledSinceMs = Number.POSITIVE_INFINITY;
  readonly #mayBeExcused: (uid: string, nodeName: string) => boolean;

  constructor(process: SimProcess, log: CommitLog, mayBeExcused: (uid: string, nodeName: string) => boolean) {
    this.process = process;
    this.#mayBeExcused = mayBeExcused;
    this.knowledge = new Knowledge(process, log);
    this.view = new ViewRule(process);
    this.knowledge.pendingUidOf = (slot) => this.pending.get(slot)?.uid;
    this.pending = new PendingDeletions((slot) => {
      this.knowledge.followed.get(daemonSetOfSlot(slot))?.touched.add(nodeOfSlot(slot));
    });
  }

  decide(task: Task, decision: Omit<Decision, 'daemonSetsRevision'>): void {
    this.decisions.set(task, { ...decision, daemonSetsRevision: this.knowledge.daemonSetsRevision });
  }

  /** How far the process had been told of DaemonSets when it decided that; 0: it is not a deletion. */
  daemonSetsToldFor(task: Task): number {
    return this.decisions.get(task)?.daemonSetsRevision ?? 0;
  }

  tallyOf(key: DaemonSetKey, known: KnownDaemonSet): BudgetTally {
    const kept = this.#tallies.get(key);
    if (kept?.known === known) return kept.tally;
    const { knowledge, pending } = this;
    const tally = new BudgetTally({ key, knowledge, known, pending, mayBeExcused: this.#mayBeExcused });
    this.#tallies.set(key, { known, tally });
    return tally;
  }

  /** It begins to lead: what the base was before is of no account. */
  lead(): void {
    this.ledSinceMs = this.process.nowMs;
    for (const { tally } of this.#tallies.values()) tally.base.forget();
  }

  /** After every turn: who keeps a place, and how large the base has been, is told by what was so before. */
  settle(): void {
    for (const [key, known] of this.knowledge.followed) {
      const daemonSet = this.knowledge.daemonSets.get(key);
      if (daemonSet?.metadata.uid === known.uid) this.tallyOf(key, known).settle(daemonSet, this.process.nowMs);
    }
  }

  /** How many of the process's deletions are on their way to a replacement, over all DaemonSets. */
  underWay(): number {
    this.settle();
    let count = 0;
    for (const [key, known] of this.knowledge.followed) {
      // Under OTA nothing is replaced, and who deletes pods there is not waited for.
      const daemonSet = this.knowledge.daemonSets.get(key);
      if (daemonSet !== undefined && optedStrategy(daemonSet) === 'ota') continue;
      count += this.tallyOf(key, known).counts.underWay;
    }
    return count;
  }

  /** Fails when what was kept up to date event by event is not what it is when everything is looked at. */
  verify(): void {
    for (const [key, known] of this.knowledge.followed) {
      const daemonSet = this.knowledge.daemonSets.get(key);
      if (daemonSet !== undefined) this.tallyOf(key, known).verify(daemonSet, this.process.nowMs);
    }
  }

  /** The DaemonSet opted out or was deleted: with its rollout goes the memory of what was asked for it. */
  unfollow(key: DaemonSetKey): void {
    this.knowledge.followed.delete(key);
    this.view.close(key);
    for (const slot of this.pending.keys()) if (daemonSetOfSlot(slot) === key) this.pending.delete(slot);
    this.deletions.unfollow(key);
    for (const [slot, open] of this.open) if (daemonSetOfSlot(slot) === key) open.isOrphan = true;
  }
}

/** What is to be done; the same again is a retry. */
export function intentOf(task: Task): string {
  const what = task.action === 'mark' ? ` ${task.needsUpgrade} ${task.hash}` : '';
  return `${task.action} ${task.uid}${what}`;
}
