import assert from 'node:assert/strict';
import { type DaemonSetKey, type SlotKey, slotKey } from '../../src/protocol/slot.ts';
import type { DaemonSetObject, NodeObject } from '../../src/simulator/objects.ts';
import { placementOf } from '../../src/simulator/placement.ts';
import { NO_SHARE, type Share, type ShareOptions, shareOf, unreadableShare } from './budget-share.ts';
import { templateGeneration } from './generations.ts';
import type { Knowledge, KnownDaemonSet, KnownPod } from './knowledge.ts';

type About = Pick<ShareOptions, 'daemonSet' | 'newest' | 'nowMs'>;

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
  /** By node: put together once. */
  readonly #slots = new Map<string, SlotKey>();
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
    const about = { daemonSet, newest: known.newest(), nowMs };
    for (const name of touched) {
      const node = knowledge.nodes.get(name);
      const isEligible = node !== undefined && knowledge.placement(daemonSet, known, node).shouldRun;
      this.#replace(name, this.#shareOf(name, isEligible ? node : undefined, known.podsOn(name), about));
    }
    touched.clear();
  }

  /** Fails when the sets, made anew from everything that is known, are others than those kept up to date. */
  verify(daemonSet: DaemonSetObject, nowMs: number): void {
    this.settle(daemonSet, nowMs);
    const { key, knowledge, known } = this.#options;
    const byNode = Map.groupBy(known.pods.values(), ({ nodeName }) => nodeName);
    const about = { daemonSet, newest: known.newest(), nowMs };
    const whole: BudgetCounts = { eligible: 0, unavailable: 0, inFlight: 0 };
    for (const name of new Set([...knowledge.nodes.keys(), ...knowledge.unreadable.nodes])) {
      const node = knowledge.nodes.get(name);
      const isEligible = node !== undefined && placementOf(daemonSet, node).shouldRun;
      const share = this.#shareOf(name, isEligible ? node : undefined, byNode.get(name) ?? [], about);
      add(whole, share, 1);
      const { isUnavailable, isInFlight } = this.shareOn(name);
      if (isUnavailable !== share.isUnavailable || isInFlight !== share.isInFlight) {
        assert.fail(`the checker's view of ${name} for ${key}: unavailable ${isUnavailable}, in flight ${isInFlight}`);
      }
    }
    assert.deepEqual(this.counts, whole, `the checker's sets for ${key}`);
  }

  /** `node` undefined: it is not eligible. */
  #shareOf(name: string, node: NodeObject | undefined, pods: readonly KnownPod[], about: About): Share {
    const { pending, known, knowledge } = this.#options;
    const pendingUid = pending.size === 0 ? undefined : pending.get(this.#slotOf(name))?.uid;
    if (knowledge.unreadable.nodes.has(name)) return unreadableShare(pods, pendingUid);
    if (node === undefined) return NO_SHARE;
    const replacedAtMs = known.replacedAtMs.get(name);
    const notReadySinceMs = replacedAtMs === undefined ? undefined : knowledge.notReadySinceMs.get(name);
    const downAfterMs =
      replacedAtMs === undefined || notReadySinceMs === undefined ? undefined : notReadySinceMs - replacedAtMs;
    return shareOf({ node, pods, pendingUid, downAfterMs, ...about });
  }

  #slotOf(nodeName: string): SlotKey {
    let slot = this.#slots.get(nodeName);
    if (slot === undefined) {
      slot = slotKey(this.#options.key, nodeName);
      this.#slots.set(nodeName, slot);
    }
    return slot;
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
