import assert from 'node:assert/strict';
import { type DaemonSetKey, type SlotKey, slotKey } from '../../src/protocol/slot.ts';
import { isTerminating, revisionHashOf } from '../../src/simulator/cluster-index.ts';
import type { DaemonSetObject } from '../../src/simulator/objects.ts';
import { BudgetBase } from './budget-base.ts';
import {
  type Kept,
  minReadyMsOf,
  NO_SHARE,
  type Share,
  type ShareOptions,
  shareOf,
  unreadableShare,
} from './budget-share.ts';
import { isOfRevision, templateGeneration } from './generations.ts';
import type { Knowledge, KnownDaemonSet } from './knowledge.ts';
import type { KnownPod } from './known-pod.ts';

type About = Pick<ShareOptions, 'daemonSet' | 'newest' | 'nowMs' | 'isFirstLook'>;

export interface BudgetCounts {
  eligible: number;
  /** |B| */
  base: number;
  /** |U ∪ P| */
  unavailable: number;
  /** |H ∪ P| */
  holding: number;
  underWay: number;
}

interface TallyOptions {
  readonly key: DaemonSetKey;
  readonly knowledge: Knowledge;
  readonly known: KnownDaemonSet;
  readonly pending: ReadonlyMap<SlotKey, { readonly uid: string }>;
  /** In the true state: see `SlotHistory`. */
  readonly mayBeExcused: (uid: string, nodeName: string) => boolean;
}

/** So long after its pod was replaced, and minReadySeconds, a node that goes NotReady has failed. */
const NODE_FAILURE_MS = 5 * 60_000;

/**
 * The sets of docs/simulation.md for one DaemonSet as one process knows it, kept up to date: `settle` looks again only at
 * nodes that were touched since, or that become something else by time. `verify` does it all anew.
 */
export class BudgetTally {
  readonly counts: BudgetCounts = { ...ZERO };
  readonly base = new BudgetBase();
  readonly #options: TallyOptions;
  readonly #shares = new Map<string, Share>();
  readonly #kept = new Map<string, Kept>();
  /** Nodes whose share ends by time alone. */
  readonly #ripening = new Set<string>();
  /** By node: put together once. */
  readonly #slots = new Map<string, SlotKey>();
  #hasBegun = false;
  #spec: DaemonSetObject['spec'] | undefined;
  #generation = 0;

  constructor(options: TallyOptions) {
    this.#options = options;
  }

  shareOn(nodeName: string): Share {
    return this.#shares.get(nodeName) ?? NO_SHARE;
  }

  /** Names of the nodes in a set, for messages. */
  names(set: 'isUnavailable' | 'isHolding' | 'isUnderWay'): string {
    return [...this.#shares].flatMap(([name, share]) => (share[set] ? [`${name} ${share.why}`] : [])).join(', ');
  }

  settle(daemonSet: DaemonSetObject, nowMs: number): void {
    const { known } = this.#options;
    const generation = templateGeneration(daemonSet);
    if (this.#spec !== daemonSet.spec || this.#generation !== generation) {
      this.#spec = daemonSet.spec;
      this.#generation = generation;
      known.touchAll();
    }
    const isFirstLook = known.isComplete && !this.#hasBegun;
    this.#hasBegun = known.isComplete;
    if (isFirstLook) known.touchAll();
    const { touched } = known;
    for (const name of this.#ripening) if (this.shareOn(name).untilMs <= nowMs) touched.add(name);
    const about = { daemonSet, newest: known.newest(), nowMs, isFirstLook };
    for (const name of touched) this.#replace(name, this.#shareOf(name, known.podsOn(name), about, true));
    touched.clear();
    known.wereUp.clear();
    if (known.isComplete) this.base.add(this.counts.base, nowMs);
  }

  /** Fails when the sets, made anew from everything that is known, are others than those kept up to date. */
  verify(daemonSet: DaemonSetObject, nowMs: number): void {
    this.settle(daemonSet, nowMs);
    const { key, knowledge, known } = this.#options;
    const byNode = Map.groupBy(known.pods.values(), ({ nodeName }) => nodeName);
    const about = { daemonSet, newest: known.newest(), nowMs, isFirstLook: false };
    const whole: BudgetCounts = { ...ZERO };
    for (const name of new Set([...knowledge.nodes.keys(), ...knowledge.unreadable.nodes])) {
      const share = this.#shareOf(name, byNode.get(name) ?? [], about, false);
      add(whole, share, 1);
      const { isUnavailable, isHolding } = this.shareOn(name);
      // Excuses come and go with time alone, and are looked at again once a second.
      if (share.untilMs < Number.POSITIVE_INFINITY) add(whole, share, -1);
      if (share.untilMs < Number.POSITIVE_INFINITY) add(whole, this.shareOn(name), 1);
      else if (isUnavailable !== share.isUnavailable || isHolding !== share.isHolding) {
        assert.fail(`the checker's view of ${name} for ${key}: unavailable ${isUnavailable}, holding ${isHolding}`);
      }
    }
    assert.deepEqual(this.counts, whole, `the checker's sets for ${key}`);
  }

  #shareOf(name: string, pods: readonly KnownPod[], about: About, isToKeep: boolean): Share {
    const { pending, known, knowledge, mayBeExcused } = this.#options;
    const { daemonSet } = about;
    const pendingUid = pending.size === 0 ? undefined : pending.get(this.#slotOf(name))?.uid;
    if (knowledge.unreadable.nodes.has(name)) return unreadableShare(pods, pendingUid);
    const node = knowledge.nodes.get(name);
    if (node === undefined) {
      this.#kept.delete(name);
      return NO_SHARE;
    }
    const { share, kept } = shareOf({
      node,
      pods,
      pendingUid,
      placement: knowledge.placement(daemonSet, known, node),
      kept: this.#kept.get(name),
      isBlamed: this.#isBlamed(name, pods, about),
      wasUpMeanwhile: known.wereUp.has(name),
      cameAtMs: knowledge.cameAtMs.get(name),
      mayBeExcused: () => mayBeExcused(known.uid, name),
      ...about,
    });
    if (isToKeep) this.#kept.set(name, kept);
    return share;
  }

  /** The node went NotReady soon after this process had replaced its pod: the new pod may be why, and its place is kept. */
  #isBlamed(name: string, pods: readonly KnownPod[], { daemonSet, newest, nowMs }: About): boolean {
    const { knowledge, known } = this.#options;
    const replaced = known.replaced.get(name);
    const awayMs = replaced === undefined ? undefined : knowledge.notReadySinceMs.get(name);
    if (replaced === undefined || awayMs === undefined || awayMs < replaced.atMs) return false;
    const soonMs = minReadyMsOf(daemonSet) + NODE_FAILURE_MS;
    const staying = pods.filter(({ pod }) => !isTerminating(pod));
    const isNew = staying.every(({ pod }) => newest !== undefined && isOfRevision(pod, newest, daemonSet));
    if (staying.length > 1 || !isNew || awayMs - replaced.atMs > soonMs) return false;
    // Another version is not to blame.
    if (newest !== undefined && replaced.hash !== revisionHashOf(newest)) return false;
    const isRecent = (other: string): boolean => {
      const sinceMs = awayMs - (known.replaced.get(other)?.atMs ?? Number.NEGATIVE_INFINITY);
      return sinceMs >= 0 && sinceMs <= soonMs;
    };
    return !knowledge.site.mayBeSite(name, nowMs, { isRecent, counts: (other) => this.shareOn(other).isEligible });
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

const ZERO: BudgetCounts = { eligible: 0, base: 0, unavailable: 0, holding: 0, underWay: 0 };

function add(counts: BudgetCounts, share: Share, sign: 1 | -1): void {
  if (share.isEligible) counts.eligible += sign;
  if (share.isBase) counts.base += sign;
  if (share.isUnavailable) counts.unavailable += sign;
  if (share.isHolding) counts.holding += sign;
  if (share.isUnderWay) counts.underWay += sign;
}
