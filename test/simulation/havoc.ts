import type { SimulatedCluster } from '../../src/simulator/cluster.ts';
import { deletePod } from '../../src/simulator/graceful-delete.ts';
import { type PodObject, withMetadata } from '../../src/simulator/objects.ts';
import { forkRandom, type Random } from '../../src/simulator/random.ts';
import { CLUSTER_HAPPENINGS } from './cluster-happenings.ts';
import { HOLD } from './hold.ts';
import { NODE_HAPPENINGS } from './node-happenings.ts';
import type { Happening } from './scene.ts';
import type { Kind, Spec } from './spec.ts';
import { STREAM_OUTAGE } from './stream-outage.ts';
import { SUSPEND, WALL_STEP } from './suspension.ts';
import { USER_HAPPENINGS } from './user-happenings.ts';
import type { World } from './world.ts';

/** The order matters: each draws its randomness in turn. */
const HAPPENINGS: readonly Happening[] = [
  ...CLUSTER_HAPPENINGS,
  ...USER_HAPPENINGS,
  STREAM_OUTAGE,
  HOLD,
  SUSPEND,
  WALL_STEP,
  ...NODE_HAPPENINGS,
];

/** What users change once more shortly before the end: no later change hides what became of this one. */
const LAST_WORDS: ReadonlySet<Kind> = new Set<Kind>(['strategy', 'max-unavailable', 'opt-out', 'template', 'rollback']);
const LAST_WORDS_MS = [40_000, 4000];

/** Sets going what the spec wants; everything ends with `end`. */
export class Havoc {
  readonly #world: World;
  readonly #random: Random;
  #isOver = false;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  start(spec: Spec): void {
    for (const happening of HAPPENINGS) {
      const random = forkRandom(this.#random);
      const intensity = spec.kinds.get(happening.kind);
      if (intensity === undefined) continue;
      this.#plan(happening, happening.everyMs / intensity, random);
      if (LAST_WORDS.has(happening.kind)) {
        const endMs = this.#world.cluster.nowMs + spec.faultMs;
        for (const beforeMs of LAST_WORDS_MS) {
          this.#world.cluster.timeline.at(endMs - beforeMs * random(), () => this.#act(happening, random));
        }
      }
    }
  }

  end(): void {
    this.#isOver = true;
  }

  #plan(happening: Happening, meanMs: number, random: Random): void {
    const { timeline } = this.#world.cluster;
    const pauseMs = Math.min(-Math.log(1 - random()) * meanMs, 3_600_000);
    timeline.after(pauseMs, () => {
      if (this.#isOver) return;
      this.#act(happening, random);
      this.#plan(happening, meanMs, random);
    });
  }

  #act(happening: Happening, random: Random): void {
    const { cluster } = this.#world;
    this.#world.happened(happening.kind);
    happening.act({
      world: this.#world,
      cluster,
      random,
      later: (delayMs, part) => cluster.timeline.after(delayMs, () => this.#isOver || part()),
    });
  }
}

/** Pods from before Kubernetes wrote revision hashes: only their template generation is known. */
export function stripHashLabels(cluster: SimulatedCluster, random: Random): void {
  for (const object of [...cluster.store.all('pods')]) {
    if (random() >= 0.3) continue;
    const { 'controller-revision-hash': _, ...labels } = object.metadata.labels ?? {};
    cluster.store.update('pods', withMetadata(object, { labels }), 'user');
  }
}

/** Pods that nobody owns are of no further use. */
export function removeDecoys(cluster: SimulatedCluster): void {
  for (const object of [...cluster.store.all('pods')]) {
    if (!object.metadata.name.startsWith('decoy-')) continue;
    deletePod(cluster.store, { pod: object as PodObject, gracePeriodSeconds: 0, nowMs: cluster.nowMs, origin: 'user' });
  }
}

/** A pod whose readiness somebody took away gets it back. */
export function heal(cluster: SimulatedCluster, key: string): void {
  const pod = cluster.store.get('pods', key) as PodObject | undefined;
  const isRunning = pod?.status.phase === 'Running' && pod.metadata.deletionTimestamp === undefined;
  const containers = (pod?.status.containerStatuses ?? []) as readonly { readonly state: object }[];
  const isHealthy = containers.some(({ state }) => 'running' in state);
  if (isRunning && isHealthy) cluster.kubelets.setPodReady(key, true);
}
