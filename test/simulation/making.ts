import type { SimulatedCluster } from '../../src/simulator/cluster.ts';
import { EVERY_IMAGE } from '../../src/simulator/kubelet.ts';
import { makeDaemonSet, makeNode } from '../../src/simulator/make-objects.ts';
import { keyOf, type NodeObject } from '../../src/simulator/objects.ts';
import { type Random, randomBelow } from '../../src/simulator/random.ts';
import { FORCE_DELETE_STUCK, PROGRESS_DEADLINE } from './checker.ts';
import type { Lasting } from './lasting.ts';
import { type DaemonSetSpec, pick, type Spec } from './spec.ts';

export const NAMESPACE = 'default';
export const FIRST_IMAGE = 'registry.example/agent:v1';
const POOLS = ['edge', 'general', 'large'];
const ZONES = ['zone-a', 'zone-b', 'zone-c'];
const HOPELESS_MAX = 3;
const DEADLINE_SECONDS = 600;

export function drawNode(name: string, random: Random, hasZones: boolean): NodeObject {
  const [pool, zone] = [pick(random, POOLS), pick(random, ZONES)];
  const labels = { 'example.com/pool': pool, ...(hasZones ? { 'topology.kubernetes.io/zone': zone } : {}) };
  const taints = random() < 0.1 ? [{ key: 'example.com/dedicated', effect: 'NoSchedule' }] : [];
  return makeNode({ name, labels, taints });
}

export function createDaemonSet(cluster: SimulatedCluster, spec: DaemonSetSpec): void {
  const { name, strategy, maxUnavailable, minReadySeconds, pool, toleratesAll, progressDeadlineSeconds } = spec;
  const annotations = {
    'apps.openyurt.io/update-strategy': strategy,
    'apps.openyurt.io/max-unavailable': maxUnavailable,
    ...(progressDeadlineSeconds === '' ? {} : { [PROGRESS_DEADLINE]: progressDeadlineSeconds }),
    ...(spec.isForceDeleteStuck ? { [FORCE_DELETE_STUCK]: 'true' } : {}),
    ...(spec.skipsCordoned ? { 'daemonpodupdater.io/cordoned': 'skip' } : {}),
  };
  const podSpec = {
    ...(pool === '' ? {} : { nodeSelector: { 'example.com/pool': pool } }),
    ...(toleratesAll ? { tolerations: [{ operator: 'Exists' }] } : {}),
    ...(spec.graceSeconds === 30 ? {} : { terminationGracePeriodSeconds: spec.graceSeconds }),
  };
  const made = { name, namespace: NAMESPACE, image: FIRST_IMAGE, annotations, minReadySeconds, podSpec };
  cluster.createDaemonSet(makeDaemonSet(made));
  cluster.fillDaemonSet(`${NAMESPACE}/${name}`);
}

/** Nodes where no pod ever runs, as on a virtual kubelet that takes only its own; their names. */
export function addHopelessNodes(cluster: SimulatedCluster, nodes: readonly NodeObject[]): string[] {
  for (const node of nodes) {
    cluster.createNode(node);
    cluster.setBadImage(node.metadata.name, EVERY_IMAGE, 'ImagePullBackOff');
  }
  return nodes.map(({ metadata }) => metadata.name);
}

/** Some pods break, long before anybody updates them: for good, or until another version comes. Names of the former's nodes. */
export function breakPods(lasting: Lasting, cluster: SimulatedCluster, spec: Spec, random: Random): string[] {
  const hopeless: string[] = [];
  const names = [...cluster.store.all('nodes')].map(({ metadata }) => metadata.name);
  for (let count = 1 + randomBelow(random, HOPELESS_MAX); count > 0 && names.length > 1; count -= 1) {
    const name = pick(random, names);
    const isForGood = random() < 0.5;
    lasting.setBadImage(name, isForGood ? EVERY_IMAGE : FIRST_IMAGE, 'CrashLoopBackOff');
    if (isForGood) hopeless.push(name);
    for (const { name: daemonSet } of spec.daemonSets) {
      for (const pod of cluster.podsOn(`${NAMESPACE}/${daemonSet}`, name)) cluster.deletePodAsUser(keyOf(pod), 0);
    }
  }
  waitOut(cluster, spec);
  return hopeless;
}

/** Longer than any progress deadline: what is broken now has been so before anybody's turn. */
export function waitOut(cluster: SimulatedCluster, { daemonSets }: Spec): void {
  const seconds = daemonSets.map(({ progressDeadlineSeconds }) => Number(progressDeadlineSeconds) || DEADLINE_SECONDS);
  cluster.advanceTo(cluster.nowMs + 1200 * Math.max(0, ...seconds) + 60_000);
}
