import { nodeOfSlot } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';
import type { SimulatedCluster } from '../../src/simulator/cluster.ts';
import type { Conduct } from './conduct.ts';
import type { SlotHistory } from './slot-history.ts';
import { TrueBudget } from './true-budget.ts';

/** The budget in the true state, whatever a process could know. */
export class TruthRule {
  readonly #budget: TrueBudget;
  readonly #history: SlotHistory;

  constructor(cluster: SimulatedCluster, history: SlotHistory) {
    this.#history = history;
    this.#budget = new TrueBudget(cluster, history);
  }

  /** A deletion was applied: by how much it goes too far; '' when it does not. */
  judge(conduct: Conduct, task: Task): string {
    const decision = conduct.decisions.get(task);
    if (decision === undefined) return '';
    const { known, revision, isSurelyUp } = decision;
    const nodeName = nodeOfSlot(task.slot);
    this.#history.onDeletion(known.uid, nodeName);
    const isAwaited = conduct.pending.get(task.slot)?.uid === task.uid;
    this.#budget.onDeletion(known.uid, nodeName, isAwaited ? known : undefined);
    // Nobody waits for a request that was answered, and arrives once more.
    if (!isSurelyUp || !isAwaited) return '';
    const isHint = (uid: string): boolean => known.pods.get(uid)?.isHint ?? false;
    const excess = this.#budget.excess(known.uid, nodeName, { revision, decider: known, isHint });
    if (excess === undefined || excess.known <= excess.allowed) return '';
    const { down, allowed } = excess;
    return `${down} nodes without a pod, ${excess.known} of them by its doing or told to it, ${allowed} allowed`;
  }
}
