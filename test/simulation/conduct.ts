import { type DaemonSetKey, daemonSetOfSlot, type SlotKey } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';
import { type CommitLog, Knowledge } from './knowledge.ts';
import type { SimProcess } from './process.ts';
import { DeletionLog } from './repeat-rule.ts';

/** A deletion that may have been applied and that the process has not been shown the effect of. */
export interface Pending {
  readonly uid: string;
  /** The task has ended, and whether it was applied is not known. */
  isBlind: boolean;
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
  /** What is in a lane. */
  readonly open = new Map<SlotKey, OpenTask>();
  readonly pending = new Map<SlotKey, Pending>();
  readonly deletions = new DeletionLog();
  readonly recent = new Map<SlotKey, { readonly uid: string; readonly timesMs: number[] }>();
  /** Until when the API server asked to wait. */
  readonly notBefore = new Map<SlotKey, { readonly intent: string; readonly atMs: number }>();

  constructor(process: SimProcess, log: CommitLog) {
    this.process = process;
    this.knowledge = new Knowledge(process, log);
  }

  /** The DaemonSet opted out or was deleted: with its rollout goes the memory of what was asked for it. */
  unfollow(key: DaemonSetKey): void {
    this.knowledge.followed.delete(key);
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
