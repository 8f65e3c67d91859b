import assert from 'node:assert/strict';
import type { DaemonSetEvent } from '../../src/controller/ports.ts';
import { type DaemonSetKey, daemonSetKey } from '../../src/protocol/slot.ts';
import type { RolloutCounts } from '../../src/rollout/counts.ts';
import { SimulatedCluster } from '../../src/simulator/cluster.ts';
import { type Entry, type IndexedPod, isAvailable, type Slot } from '../../src/simulator/cluster-index.ts';
import { makeDaemonSet, makeNode, type NodeOptions } from '../../src/simulator/make-objects.ts';
import type { PodSpec } from '../../src/simulator/objects.ts';
import { createRandom, forkRandom, type Random } from '../../src/simulator/random.ts';
import { Checker } from './checker.ts';
import { ProcessClock, StampClock } from './clocks.ts';
import { Network } from './network.ts';
import { SimProcess } from './process.ts';
import { Records } from './records.ts';
import { specOf } from './spec.ts';
import { Spoilage } from './spoilage.ts';
import { Trace } from './trace.ts';
import { Updater } from './updater.ts';

export interface StagedDaemonSet {
  readonly name?: string;
  readonly maxUnavailable: string;
  readonly minReadySeconds?: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly podSpec?: Partial<PodSpec>;
}

export interface StageOptions {
  readonly nodes: number;
  readonly nodeAt?: (index: number) => Partial<NodeOptions>;
  readonly daemonSets: readonly StagedDaemonSet[];
  readonly startupMs?: number;
  readonly terminationMs?: number;
  readonly podsPerSecond?: number;
  /** Over all DaemonSets, and for each. */
  readonly maxInFlight?: number;
  readonly maxInFlightPerDaemonSet?: number;
}

const START_MS = 1_800_000_000_000;
const NAMESPACE = 'default';
const STEP_MS = 1000;
const OLD_IMAGE = 'registry.example/agent:v1';

/**
 * One story in virtual time: a cluster made by hand and one updater, on a network where nothing goes wrong. The checker holds
 * it to its rules as in the seeded simulation: whatever breaks one fails the test.
 */
export class Stage {
  readonly cluster: SimulatedCluster;
  readonly events: DaemonSetEvent[] = [];
  readonly names: readonly string[];
  readonly #options: StageOptions;
  readonly #checker: Checker;
  readonly #network: Network;
  readonly #records: Records;
  readonly #random: Random = createRandom(7);
  #updater: Updater | undefined;
  #processes = 0;

  constructor(options: StageOptions) {
    this.#options = options;
    const { nodes, nodeAt, daemonSets, startupMs = 2000, terminationMs = 500, podsPerSecond = 60 } = options;
    const pace = { startupMs, terminationMs, podsPerSecond, reactionMs: 50 };
    this.cluster = new SimulatedCluster({ startMs: START_MS, isObserved: true, ...pace }, forkRandom(this.#random));
    const spoilage = new Spoilage(this.cluster.store);
    const stamps = new StampClock();
    const { maxInFlight = Number.POSITIVE_INFINITY } = options;
    this.#checker = new Checker(this.cluster, TRACE, { stamps, spoilage, maxInFlight, areClocksTrue: true });
    const spec = { ...specOf(1), kinds: new Map(), latencyMs: 2 };
    this.#network = new Network({
      cluster: this.cluster,
      trace: TRACE,
      spec,
      random: forkRandom(this.#random),
      tally: new Map(),
    });
    this.#records = new Records(stamps, spoilage);
    this.names = Array.from({ length: nodes }, (_, index) => `n${String(index).padStart(4, '0')}`);
    for (const [index, name] of this.names.entries()) this.cluster.createNode(makeNode({ name, ...nodeAt?.(index) }));
    for (const daemonSet of daemonSets) this.#create(daemonSet);
    this.run(3000);
  }

  /** A process starts, and leads when the lease lets it. */
  start(): this {
    const { maxInFlight = Number.POSITIVE_INFINITY, maxInFlightPerDaemonSet = 250 } = this.#options;
    const { nowMs, timeline } = this.cluster;
    this.#processes += 1;
    const clock = new ProcessClock({ startMs: nowMs, originMs: nowMs, rate: 1 });
    const process = new SimProcess({ id: `updater-${this.#processes}`, clock, timeline });
    const updater = new Updater({
      process,
      network: this.#network,
      checker: this.#checker,
      records: this.#records,
      trace: TRACE,
      random: forkRandom(this.#random),
      controller: { lanes: 2, qps: 0, burst: 0, maxInFlight, maxInFlightPerDaemonSet },
      pageLimit: 500,
      gatherMs: 15,
      onLeading: () => {},
      onStale: () => {},
      onStopped: () => {},
      onEvent: (event) => this.events.push(event),
    });
    this.#updater = updater;
    process.run(() => updater.start());
    this.until(() => updater.controller.leadership.isLeading && updater.controller.hasSynced, 60_000);
    return this;
  }

  /** The process dies without a word, and another one takes over. */
  restart(): this {
    this.#updater?.process.kill();
    return this.start();
  }

  run(forMs: number): this {
    this.cluster.advanceTo(this.cluster.nowMs + forMs);
    return this;
  }

  /** Lets time pass until it is so; fails when it is not within that. */
  until(isSo: () => boolean, withinMs: number): this {
    const endMs = this.cluster.nowMs + withinMs;
    while (!isSo()) {
      assert.ok(this.cluster.nowMs < endMs, `not so within ${withinMs / 1000} s: ${String(isSo)}`);
      this.run(Math.min(STEP_MS, endMs - this.cluster.nowMs));
    }
    return this;
  }

  /** A user sets the image. */
  roll(image: string, name = 'agent'): this {
    this.cluster.updateTemplate(`${NAMESPACE}/${name}`, image);
    return this;
  }

  key(name = 'agent'): DaemonSetKey {
    return daemonSetKey(NAMESPACE, name);
  }

  counts(name = 'agent'): RolloutCounts {
    for (const { key, rollout } of this.#updater?.controller.followed() ?? []) {
      if (key === this.key(name)) return rollout.counts();
    }
    return assert.fail(`${name} is not followed`);
  }

  /** Names of nodes where an available pod has that image. */
  runningOn(image: string, name = 'agent'): string[] {
    return this.#slots(name, ({ pods }) =>
      pods.some((pod) => this.#hasImage(pod, image) && this.#isAvailable(pod, name)),
    );
  }

  /** Names of nodes that have a pod with that image, however it is. */
  touchedBy(image: string, name = 'agent'): string[] {
    return this.#slots(name, ({ pods }) => pods.some((pod) => this.#hasImage(pod, image)));
  }

  /** How many nodes are not Ready. */
  dead(name = 'agent'): number {
    return this.#slots(name, ({ isNodeReady, hasNode }) => hasNode && !isNodeReady).length;
  }

  /** How many nodes have no available pod. */
  without(name = 'agent'): number {
    return this.#slots(name, ({ pods }) => !pods.some((pod) => this.#isAvailable(pod, name))).length;
  }

  #slots(name: string, isMeant: (slot: Slot) => boolean): string[] {
    return [...this.#entry(name).slots.values()].filter(isMeant).map(({ nodeName }) => nodeName);
  }

  #hasImage({ pod }: IndexedPod, image: string): boolean {
    return pod.spec.containers.some((container) => container.image === image);
  }

  #isAvailable(indexed: IndexedPod, name: string): boolean {
    return isAvailable(indexed, this.#entry(name).daemonSet.spec.minReadySeconds ?? 0, this.cluster.nowMs);
  }

  reasons(type: 'Warning' | 'Normal'): string[] {
    return this.events.filter((event) => event.type === type).map(({ reason }) => reason);
  }

  #entry(name: string): Entry {
    const entry = this.cluster.index.entry(this.cluster.daemonSet(this.key(name)).metadata.uid);
    return entry ?? assert.fail(`there is no ${name}`);
  }

  #create({ name = 'agent', maxUnavailable, minReadySeconds = 0, annotations, podSpec = {} }: StagedDaemonSet): void {
    const opted = {
      'apps.openyurt.io/update-strategy': 'AdvancedRollingUpdate',
      'apps.openyurt.io/max-unavailable': maxUnavailable,
      ...annotations,
    };
    const made = { name, namespace: NAMESPACE, image: OLD_IMAGE, annotations: opted, minReadySeconds, podSpec };
    this.cluster.createDaemonSet(makeDaemonSet(made));
    this.cluster.fillDaemonSet(`${NAMESPACE}/${name}`);
  }
}

const TRACE = new Trace(false);
