import type { SimulatedCluster } from '../../src/simulator/cluster.ts';
import type { Entry } from '../../src/simulator/cluster-index.ts';
import { EVERY_IMAGE } from '../../src/simulator/kubelet.ts';
import { REPORTED_TAINTS } from '../../src/simulator/node-troubles.ts';
import { isConditionTrue, type NodeObject, type Taint } from '../../src/simulator/objects.ts';
import { allowedUnavailable, isCordonedOff, isExcluded, optedStrategy } from '../../src/simulator/observer-policy.ts';
import type { Trouble } from '../../src/simulator/pod-status.ts';
import { type Random, shuffled } from '../../src/simulator/random.ts';
import { PASSING_TAINTS } from './passing-taints.ts';

const MAINTENANCE = 'example.com/maintenance';
const BAD_MAX = 6;

/** What is wrong with nodes for longer than a moment: what ends when the cluster calms down, and what never does. */
export class Lasting {
  readonly #cluster: SimulatedCluster;
  readonly #bad: { readonly nodeName: string; readonly image: string }[] = [];
  readonly #stuck = new Set<string>();
  readonly #deadly = new Set<string>();
  /** Nodes that are NotReady from the beginning to the end. */
  readonly away = new Set<string>();
  /** Nodes where no new pod comes up, to the end. */
  readonly hopeless = new Set<string>();

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
  }

  setBadImage(nodeName: string, image: string, trouble: Trouble | undefined): void {
    if (trouble !== undefined) this.#bad.push({ nodeName, image });
    this.#cluster.setBadImage(nodeName, image, trouble);
  }

  setStuck(nodeName: string, isStuck: boolean): void {
    if (isStuck) this.#stuck.add(nodeName);
    this.#cluster.kubelets.setStuckTerminating(nodeName, isStuck);
  }

  setDeadly(image: string, afterMs: number | undefined): void {
    this.#deadly.add(image);
    this.#cluster.troubles.setDeadly(image, afterMs);
  }

  /** Goes whatever else happens. */
  taintFor(nodeName: string, taint: Taint, forMs: number): void {
    this.#cluster.timeline.after(forMs, () => this.#cluster.troubles.setTaint(nodeName, taint, false));
  }

  /** All is well again, but for nodes that are away and those that are past help. */
  end(): void {
    const { troubles, kubelets, store } = this.#cluster;
    for (const { nodeName, image } of this.#bad) {
      if (!this.hopeless.has(nodeName)) this.#cluster.setBadImage(nodeName, image, undefined);
    }
    for (const nodeName of this.#stuck) kubelets.setStuckTerminating(nodeName, false);
    for (const image of this.#deadly) troubles.setDeadly(image, undefined);
    for (const object of [...store.all('nodes')]) {
      const { metadata, spec, status } = object as NodeObject;
      const { name } = metadata;
      for (const taint of spec.taints ?? []) {
        const isPassing = PASSING_TAINTS.some(({ key, effect }) => key === taint.key && effect === taint.effect);
        if (isPassing || taint.key === MAINTENANCE) troubles.setTaint(name, taint, false);
      }
      for (const type of Object.keys(REPORTED_TAINTS) as (keyof typeof REPORTED_TAINTS)[]) {
        if (isConditionTrue(status.conditions, type)) troubles.setReported(name, type, false);
      }
      if (!this.away.has(name)) this.#cluster.setNodeReady(name, true);
    }
  }

  /** Nodes that were past help are not: whoever forgot that they were broken before counts them as failed, and has no place left. */
  heal(): void {
    for (const nodeName of this.hopeless) this.#cluster.setBadImage(nodeName, EVERY_IMAGE, undefined);
    this.hopeless.clear();
  }

  /** The newest version never comes up on some nodes: one fewer than may be down at once. */
  spoilNewest(random: Random): void {
    const entries = [...this.#cluster.index.entries()];
    const imageOf = ({ daemonSet }: Entry): string => daemonSet.spec.template.spec.containers[0]?.image ?? '';
    for (const entry of entries) {
      const { daemonSet, slots } = entry;
      const image = imageOf(entry);
      // An image that another DaemonSet has too would be bad for both, and more than may be down.
      if (entries.some((other) => other !== entry && imageOf(other) === image)) continue;
      if (optedStrategy(daemonSet) !== 'advancedrollingupdate') continue;
      // A percentage is of those that belong.
      const there = [...slots.values()].filter(({ placement, isNodeReady, nodeName }) => {
        const node = this.#cluster.index.node(nodeName);
        const isLeftOut = node === undefined || isExcluded(node) || isCordonedOff(daemonSet, node);
        return placement.shouldRun && isNodeReady && !isLeftOut;
      });
      const count = Math.min(BAD_MAX, allowedUnavailable(daemonSet, there.length) - 1 - this.hopeless.size);
      for (const { nodeName } of shuffled(random, there).slice(0, Math.max(0, count))) {
        this.#cluster.setBadImage(nodeName, image, 'CrashLoopBackOff');
        this.hopeless.add(nodeName);
      }
    }
  }
}
