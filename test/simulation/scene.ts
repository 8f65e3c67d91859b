import type { SimulatedCluster } from '../../src/simulator/cluster.ts';
import {
  type DaemonSetObject,
  keyOf,
  type NodeObject,
  type PodObject,
  withMetadata,
} from '../../src/simulator/objects.ts';
import { type Random, randomBelow } from '../../src/simulator/random.ts';
import { type Kind, pick } from './spec.ts';
import type { World } from './world.ts';

/** Something that happens again and again, at random times. */
export interface Happening {
  readonly kind: Kind;
  /** Between two of them, at full intensity. */
  readonly everyMs: number;
  act(scene: Scene): void;
}

export interface Scene {
  readonly world: World;
  readonly cluster: SimulatedCluster;
  readonly random: Random;
  /** Later, but only as long as things go wrong. */
  later(delayMs: number, part: () => void): void;
}

export function anyNode({ cluster, random }: Scene): NodeObject | undefined {
  const nodes = [...cluster.store.all('nodes')];
  return nodes.length === 0 ? undefined : (pick(random, nodes) as NodeObject);
}

export function anyPod({ cluster, random }: Scene): PodObject | undefined {
  const pods = [...cluster.store.all('pods')];
  return pods.length === 0 ? undefined : (pick(random, pods) as PodObject);
}

export function anyDaemonSet({ cluster, random }: Scene): DaemonSetObject | undefined {
  const daemonSets = [...cluster.store.all('daemonsets')];
  return daemonSets.length === 0 ? undefined : (pick(random, daemonSets) as DaemonSetObject);
}

export function updateNode({ cluster }: Scene, node: NodeObject): void {
  cluster.store.update('nodes', node, 'user');
}

/** A spell on some nodes at once: outages come in groups. */
export function someNodes(scene: Scene): NodeObject[] {
  const count = scene.random() < 0.8 ? 1 : 1 + randomBelow(scene.random, 5);
  return Array.from({ length: count }, () => anyNode(scene)).filter((node) => node !== undefined);
}

export const STRATEGY = 'apps.openyurt.io/update-strategy';
export const MAX_UNAVAILABLE = 'apps.openyurt.io/max-unavailable';

export function annotate(scene: Scene, daemonSet: DaemonSetObject, name: string, value: string | undefined): void {
  scene.cluster.changeDaemonSet(keyOf(daemonSet), (present) => {
    const { [name]: _, ...others } = present.metadata.annotations ?? {};
    return withMetadata(present, { annotations: value === undefined ? others : { ...others, [name]: value } });
  });
}

export function isThere(scene: Scene, daemonSet: DaemonSetObject): boolean {
  return scene.cluster.store.get('daemonsets', keyOf(daemonSet)) !== undefined;
}
