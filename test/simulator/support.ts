import assert from 'node:assert/strict';
import type { SimRequest, SimResponse } from '../../src/simulator/api-types.ts';
import { type ClusterOptions, SimulatedCluster } from '../../src/simulator/cluster.ts';
import { makeDaemonSet, makeNode } from '../../src/simulator/make-objects.ts';
import type { PodObject, SimObject } from '../../src/simulator/objects.ts';
import { createRandom } from '../../src/simulator/random.ts';
import type { WatchEvent } from '../../src/simulator/watch.ts';

export const START_MS = 1_800_000_000_000;
export const AGENT = 'default/agent';
export const OLD = 'registry.example/agent:v1';
export const NEW = 'registry.example/agent:v2';

export interface WorldOptions extends Partial<ClusterOptions> {
  readonly nodes?: number;
  readonly maxUnavailable?: string;
  readonly strategy?: 'AdvancedRollingUpdate' | 'OTA' | 'none';
  readonly updateStrategy?: 'OnDelete' | 'RollingUpdate';
  readonly minReadySeconds?: number;
}

/** A cluster of nodes `n0`, `n1` … that run the old version of the DaemonSet `default/agent`. */
export function createWorld(options: WorldOptions = {}): SimulatedCluster {
  const { nodes = 10, maxUnavailable = '2', strategy = 'AdvancedRollingUpdate', minReadySeconds = 0 } = options;
  const base = { startMs: START_MS, startupMs: 1000, terminationMs: 200, heartbeatIntervalMs: 0, lagMs: 0 };
  const cluster = new SimulatedCluster({ ...base, ...options }, createRandom(7));
  for (let index = 0; index < nodes; index += 1) cluster.createNode(makeNode({ name: `n${index}` }));
  const opted = { 'apps.openyurt.io/update-strategy': strategy, 'apps.openyurt.io/max-unavailable': maxUnavailable };
  cluster.createDaemonSet(
    makeDaemonSet({
      name: 'agent',
      image: OLD,
      annotations: strategy === 'none' ? {} : opted,
      minReadySeconds,
      updateStrategy: options.updateStrategy ?? 'OnDelete',
      podSpec: { tolerations: [{ operator: 'Exists' }] },
    }),
  );
  cluster.fillDaemonSet(AGENT);
  run(cluster, 2000 + minReadySeconds * 1000);
  return cluster;
}

/** Lets so much time pass. */
export function run(cluster: SimulatedCluster, ms: number): void {
  cluster.advanceTo(cluster.nowMs + ms);
}

export function send(
  cluster: SimulatedCluster,
  request: Partial<SimRequest> & { url: string; json?: unknown },
): SimResponse {
  const { json, ...rest } = request;
  const body = json === undefined ? undefined : JSON.stringify(json);
  return cluster.handle({ method: 'GET', headers: {}, body, ...rest }, cluster.nowMs);
}

export function podOn(cluster: SimulatedCluster, node: string): PodObject {
  const [pod] = cluster.podsOn(AGENT, node);
  assert(pod !== undefined, `no pod on ${node}`);
  return pod;
}

export function hashOf(object: SimObject): string {
  return object.metadata.labels?.['controller-revision-hash'] ?? '';
}

export function podUrl(pod: SimObject): string {
  return `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`;
}

/** The updater deletes the pod, as it should: with its UID. */
export function deletePod(
  cluster: SimulatedCluster,
  pod: SimObject,
  uid: string | undefined = pod.metadata.uid,
): number {
  const preconditions = uid === undefined ? {} : { preconditions: { uid } };
  return send(cluster, { method: 'DELETE', url: podUrl(pod), json: preconditions }).status;
}

export function forceDelete(cluster: SimulatedCluster, pod: SimObject): number {
  const json = { preconditions: { uid: pod.metadata.uid }, gracePeriodSeconds: 0 };
  return send(cluster, { method: 'DELETE', url: podUrl(pod), json }).status;
}

export function mark(cluster: SimulatedCluster, pod: SimObject, condition: { status: string; hash: string }): number {
  const { status, hash } = condition;
  const conditions = [{ type: 'PodNeedUpgrade', status, message: `controllerrevision: ${hash}` }];
  const headers = { 'content-type': 'application/strategic-merge-patch+json' };
  const json = { metadata: { uid: pod.metadata.uid }, status: { conditions } };
  return send(cluster, { method: 'PATCH', url: `${podUrl(pod)}/status`, headers, json }).status;
}

export interface Recorded {
  readonly events: WatchEvent[];
  isEnded: boolean;
}

/** Opens a watch and keeps what it tells. */
export function record(cluster: SimulatedCluster, url: string): Recorded {
  const response = send(cluster, { url });
  assert(response.kind === 'watch');
  const recorded: Recorded = { events: [], isEnded: false };
  response.watch.start({
    event: (event) => recorded.events.push(event),
    end: () => {
      recorded.isEnded = true;
    },
  });
  return recorded;
}

export function newestHash(cluster: SimulatedCluster): string {
  const entry = cluster.index.entry(cluster.daemonSet(AGENT).metadata.uid);
  assert(entry?.newest !== undefined);
  return hashOf(entry.newest);
}
