import assert from 'node:assert/strict';
import { type DaemonSetKey, type SlotKey, slotKey } from '../../src/protocol/slot.ts';
import type { DaemonSetObject } from '../../src/simulator/objects.ts';
import { placementOf } from '../../src/simulator/placement.ts';
import { NO_SHARE, type Share, type ShareOptions, shareOf } from './budget-share.ts';
import { type Knowledge, type KnownDaemonSet, type KnownPod, templateGeneration } from './knowledge.ts';

export interface BudgetCounts {
  eligible: number;
  /** |U ∪ P| */
  unavailable: number;
  /** |F ∪ P| */
  inFlight: number;
}

interface TallyOptions {
  readonly key: DaemonSetKey;
  readonly knowledge: Knowledge;
  readonly known: KnownDaemonSet;
  readonly pending: ReadonlyMap<SlotKey, { readonly uid: string }>;
}

/**
 * The sets of docs/simulation.md for one DaemonSet as one process knows it, kept up to date: `settle` looks again only at
 * nodes that were touched since, or that become something else by time. `verify` does it all anew.
 */
export class BudgetTally {
  readonly counts: BudgetCounts = { eligible: 0, unavailable: 0, inFlight: 0 };
  readonly #options: TallyOptions;
  readonly #shares = new Map<string, Share>();
  /** Nodes whose share ends by time alone. */
  readonly #ripening = new Set<string>();
  #spec: DaemonSetObject['spec'] | undefined;
  #generation = 0;

  constructor(options: TallyOptions) {
    this.#options = options;
  }

  shareOn(nodeName: string): Share {
    return this.#shares.get(nodeName) ?? NO_SHARE;
  }

  settle(daemonSet: DaemonSetObject, nowMs: number): void {
    const { knowledge, known } = this.#options;
    const generation = templateGeneration(daemonSet);
    if (this.#spec !== daemonSet.spec || this.#generation !== generation) {
      this.#spec = daemonSet.spec;
      this.#generation = generation;
      known.touchAll();
    }
    const { touched } = known;
    for (const name of this.#ripening) if (this.shareOn(name).untilMs <= nowMs) touched.add(name);
    const newest = known.newest();
    for (const name of touched) {
      const node = knowledge.nodes.get(name);
      const isEligible = node !== undefined && knowledge.placement(daemonSet, known, node).shouldRun;
      const pods = known.podsOn(name);
      const share = isEligible ? shareOf({ node, pods, ...this.#historyOf(name), daemonSet, newest, nowMs }) : NO_SHARE;
      this.#replace(name, share);
    }
    touched.clear();
  }

  /** Fails when the sets, made anew from everything that is known, are others than those kept up to date. */
  verify(daemonSet: DaemonSetObject, nowMs: number): void {
    this.settle(daemonSet, nowMs);
    const { key, knowledge, known } = this.#options;
    const byNode = new Map<string, KnownPod[]>();
    for (const pod of known.pods.values()) byNode.set(pod.nodeName, [...(byNode.get(pod.nodeName) ?? []), pod]);
    const newest = known.newest();
    const whole: BudgetCounts = { eligible: 0, unavailable: 0, inFlight: 0 };
    for (const [name, node] of knowledge.nodes) {
      if (!placementOf(daemonSet, node).shouldRun) continue;
      const pods = byNode.get(name) ?? [];
      const share = shareOf({ node, pods, ...this.#historyOf(name), daemonSet, newest, nowMs });
      add(whole, share, 1);
      const { isUnavailable, isInFlight } = this.shareOn(name);
      assert.deepEqual({ isUnavailable, isInFlight }, pick(share), `the checker's view of ${name} for ${key}`);
    }
    assert.deepEqual(this.counts, whole, `the checker's sets for ${key}`);
  }

  #historyOf(nodeName: string): Pick<ShareOptions, 'pendingUid' | 'downAfterMs'> {
    const { key, pending, known, knowledge } = this.#options;
    const replacedAtMs = known.replacedAtMs.get(nodeName);
    const notReadySinceMs = knowledge.notReadySinceMs.get(nodeName);
    return {
      pendingUid: pending.size === 0 ? undefined : pending.get(slotKey(key, nodeName))?.uid,
      downAfterMs:
        replacedAtMs === undefined || notReadySinceMs === undefined ? undefined : notReadySinceMs - replacedAtMs,
    };
  }

  #replace(name: string, share: Share): void {
    add(this.counts, this.shareOn(name), -1);
    add(this.counts, share, 1);
    if (share === NO_SHARE) this.#shares.delete(name);
    else this.#shares.set(name, share);
    if (share.untilMs === Number.POSITIVE_INFINITY) this.#ripening.delete(name);
    else this.#ripening.add(name);
  }
}

function add(counts: BudgetCounts, share: Share, sign: 1 | -1): void {
  if (share.isEligible) counts.eligible += sign;
  if (share.isUnavailable) counts.unavailable += sign;
  if (share.isInFlight) counts.inFlight += sign;
}

function pick({ isUnavailable, isInFlight }: Share): Pick<Share, 'isUnavailable' | 'isInFlight'> {
  return { isUnavailable, isInFlight };
}
