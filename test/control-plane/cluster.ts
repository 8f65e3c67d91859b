import { type ApiClient, ApiError, type KubeObject } from './api-client.ts';
import { KUBELET_LABEL } from './kwok-config.ts';
import { isReady } from './pod-facts.ts';
import { forEachConcurrently, waitFor } from './processes.ts';

/** What has to happen on a slow machine, too: much longer than it takes. */
const PATIENCE_MS = 180_000;
/** On a pod: when its node came back, only so that the pod changes. */
const SEEN_ANNOTATION = 'test.daemonpodupdater.io/node-returned';
/** How many writes are under way at once while a cluster is set up. */
const SETUP_CONCURRENCY = 32;

export interface NodeObject extends KubeObject {
  readonly spec?: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

export interface PodObject extends KubeObject {
  readonly spec: { readonly nodeName?: string; readonly containers?: readonly { readonly image: string }[] };
  readonly status?: { readonly phase?: string; readonly conditions?: readonly Condition[] };
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface DaemonSetObject extends KubeObject {
  readonly status?: {
    readonly observedGeneration?: number;
    readonly desiredNumberScheduled: number;
    readonly numberAvailable?: number;
    readonly updatedNumberScheduled?: number;
  };
}

export interface NodesOptions {
  /** Nodes are called `<prefix>-00000` and so on; those that start with `bad-` break some images (kwok-config.ts). */
  readonly prefix?: string;
  readonly zones?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly unknown[];
}

/** Creates Ready nodes with stand-in kubelets; the answer is their names. */
export async function createNodes(api: ApiClient, count: number, options: NodesOptions = {}): Promise<string[]> {
  const prefix = options.prefix ?? 'node';
  const names = Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(5, '0')}`);
  const zones = options.zones ?? ['zone-a', 'zone-b', 'zone-c'];
  await forEachConcurrently(names.entries(), SETUP_CONCURRENCY, async ([index, name]) => {
    const labels = {
      'kubernetes.io/hostname': name,
      'kubernetes.io/os': 'linux',
      'topology.kubernetes.io/zone': zones[index % zones.length],
      [KUBELET_LABEL]: 'running',
      ...options.labels,
    };
    await api.post('/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels },
      spec: { taints: options.taints ?? [] },
      status: newNodeStatus(),
    });
  });
  return names;
}

/** The API server takes a node's status with its creation, which saves the write that a kubelet would make. */
function newNodeStatus(): unknown {
  const resources = { cpu: '64', memory: '256Gi', pods: '250', 'ephemeral-storage': '1Ti' };
  const now = new Date().toISOString();
  const condition = (type: string, status: string, reason: string) => ({
    type,
    status,
    reason,
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  });
  return {
    capacity: resources,
    allocatable: resources,
    conditions: [
      condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory'),
      condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure'),
      condition('PIDPressure', 'False', 'KubeletHasSufficientPID'),
      condition('Ready', 'True', 'KubeletReady'),
    ],
    nodeInfo: {
      architecture: 'amd64',
      bootID: '',
      containerRuntimeVersion: 'kwok',
      kernelVersion: 'kwok',
      kubeProxyVersion: 'kwok',
      kubeletVersion: 'kwok',
      machineID: '',
      operatingSystem: 'linux',
      osImage: '',
      systemUUID: '',
    },
  };
}

/**
 * Loses a node: its stand-in kubelet stops, and the node and its pods are reported as the lifecycle controller reports
 * those of a node whose heartbeats stay away.
 */
export async function makeNodeNotReady(api: ApiClient, name: string): Promise<void> {
  await api.patch(`/api/v1/nodes/${name}`, { metadata: { labels: { [KUBELET_LABEL]: 'stopped' } } });
  const condition = { type: 'Ready', reason: 'NodeStatusUnknown', lastTransitionTime: new Date().toISOString() };
  const lost = { ...condition, status: 'Unknown', message: 'Kubelet stopped posting node status.' };
  await api.patch(`/api/v1/nodes/${name}/status`, { status: { conditions: [lost] } }, 'strategic');
  await setPodsReady(api, name, { ...condition, status: 'False' });
}

/** The pods of a node that run get this Ready condition. */
async function setPodsReady(api: ApiClient, nodeName: string, condition: Condition): Promise<void> {
  for (const pod of await podsOn(api, nodeName)) {
    if (pod.status?.phase === 'Running') await patchPod(api, pod, { status: { conditions: [condition] } });
  }
}

async function podsOn(api: ApiClient, nodeName: string): Promise<readonly PodObject[]> {
  const { items } = await api.list<PodObject>(
    `/api/v1/pods?fieldSelector=${encodeURIComponent(`spec.nodeName=${nodeName}`)}`,
  );
  return items;
}

type PodPatch = { readonly status: unknown } | { readonly metadata: unknown };

async function patchPod(api: ApiClient, { metadata }: PodObject, patch: PodPatch): Promise<void> {
  const path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}${'status' in patch ? '/status' : ''}`;
  await api.patch(path, patch, 'strategic').catch((error: unknown) => {
    // Deleted since it was listed, by whoever rolls out.
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  });
}

/** Starts the node's stand-in kubelet again, which reports the node and its pods as ready. */
export async function makeNodeReady(api: ApiClient, name: string): Promise<void> {
  await api.patch(`/api/v1/nodes/${name}`, { metadata: { labels: { [KUBELET_LABEL]: 'running' } } });
  await waitFor(async () => isReady((await api.get<NodeObject>(`/api/v1/nodes/${name}`)).status?.conditions), {
    timeoutMs: PATIENCE_MS,
    what: `node ${name} to be Ready`,
  });
  const condition = { type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() };
  for (const pod of await podsOn(api, name)) {
    // kwok does not look again at pods that it has started once, nor at those that came while the node was away.
    if (pod.status?.phase === 'Running') await patchPod(api, pod, { status: { conditions: [condition] } });
    else await patchPod(api, pod, { metadata: { annotations: { [SEEN_ANNOTATION]: condition.lastTransitionTime } } });
  }
}

/** Brings back every node that was lost. */
export async function makeAllNodesReady(api: ApiClient): Promise<void> {
  const lost = await api.list<NodeObject>(`/api/v1/nodes?labelSelector=${KUBELET_LABEL}%3Dstopped`);
  for (const { metadata } of lost.items) await makeNodeReady(api, metadata.name);
}

export interface DaemonSetOptions {
  readonly name: string;
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly podAnnotations?: Readonly<Record<string, string>>;
  readonly image?: string;
  readonly updateStrategy?: unknown;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly minReadySeconds?: number;
  readonly terminationGracePeriodSeconds?: number;
  /** Absent: every taint is tolerated. */
  readonly tolerations?: readonly unknown[];
  readonly imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
}

/** A DaemonSet of a usual size (a log collector's), so that its pods cost what real ones cost. */
export function daemonSetManifest(options: DaemonSetOptions): unknown {
  const labels = { app: options.name };
  const variable = (index: number) => ({ name: `SETTING_${index}`, value: `value-of-setting-${index}` });
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: options.name, namespace: options.namespace ?? 'default', annotations: options.annotations ?? {} },
    spec: {
      selector: { matchLabels: labels },
      updateStrategy: options.updateStrategy ?? { type: 'OnDelete' },
      minReadySeconds: options.minReadySeconds ?? 0,
      template: {
        metadata: { labels, annotations: options.podAnnotations ?? {} },
        spec: {
          // A grace period would keep the pod for that long only with a kubelet that waits.
          terminationGracePeriodSeconds: options.terminationGracePeriodSeconds ?? 5,
          ...(options.nodeSelector === undefined ? {} : { nodeSelector: options.nodeSelector }),
          tolerations: options.tolerations ?? [{ operator: 'Exists' }],
          containers: [
            {
              name: 'agent',
              image: options.image ?? 'example.test/agent:1',
              imagePullPolicy: options.imagePullPolicy ?? 'IfNotPresent',
              env: Array.from({ length: 12 }, (_, index) => variable(index)),
              resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
              volumeMounts: [{ name: 'logs', mountPath: '/var/log', readOnly: true }],
            },
          ],
          volumes: [{ name: 'logs', hostPath: { path: '/var/log' } }],
        },
      },
    },
  };
}

export async function createDaemonSet(api: ApiClient, options: DaemonSetOptions): Promise<void> {
  await api.post(`/apis/apps/v1/namespaces/${options.namespace ?? 'default'}/daemonsets`, daemonSetManifest(options));
}

export interface DaemonSetReference {
  readonly name: string;
  readonly namespace?: string;
}

function daemonSetPath({ name, namespace = 'default' }: DaemonSetReference): string {
  return `/apis/apps/v1/namespaces/${namespace}/daemonsets/${name}`;
}

export async function getDaemonSet(api: ApiClient, reference: DaemonSetReference): Promise<DaemonSetObject> {
  return await api.get<DaemonSetObject>(daemonSetPath(reference));
}

/** A new template: the DaemonSet controller makes a new revision of it. */
export async function setImage(api: ApiClient, reference: DaemonSetReference, image: string): Promise<void> {
  const template = { spec: { containers: [{ name: 'agent', image }] } };
  await api.patch(daemonSetPath(reference), { spec: { template } }, 'strategic');
}

export async function listPods(
  api: ApiClient,
  { name, namespace = 'default' }: DaemonSetReference,
): Promise<PodObject[]> {
  const selector = encodeURIComponent(`app=${name}`);
  const list = await api.list<PodObject>(`/api/v1/namespaces/${namespace}/pods?labelSelector=${selector}`);
  return [...list.items];
}

/**
 * Waits until the DaemonSet runs on so many nodes and all of its pods are available, by its status and by what they are
 * now: the status is written later.
 */
export async function waitUntilAvailable(api: ApiClient, reference: DaemonSetReference, count: number): Promise<void> {
  await waitFor(
    async () => {
      const { metadata, status } = await getDaemonSet(api, reference);
      return (
        status?.observedGeneration === metadata.generation &&
        status?.desiredNumberScheduled === count &&
        status.numberAvailable === count &&
        (await areReady(api, reference, count))
      );
    },
    { timeoutMs: PATIENCE_MS + count * 100, pollMs: 200, what: `${count} pods of ${reference.name} to be available` },
  );
}

async function areReady(api: ApiClient, reference: DaemonSetReference, count: number): Promise<boolean> {
  const pods = await listPods(api, reference);
  return (
    pods.length === count &&
    pods.every(({ metadata, status }) => metadata.deletionTimestamp === undefined && isReady(status?.conditions))
  );
}

/** Waits until the DaemonSet controller makes pods of the newest template, and no others. */
export async function waitUntilObserved(api: ApiClient, reference: DaemonSetReference): Promise<void> {
  await waitFor(
    async () => {
      const { metadata, status } = await getDaemonSet(api, reference);
      return status?.observedGeneration === metadata.generation;
    },
    { timeoutMs: PATIENCE_MS, what: `the template of ${reference.name} to be observed` },
  );
}

/** Deletes the DaemonSet and waits until none of its pods is left. */
export async function deleteDaemonSet(api: ApiClient, reference: DaemonSetReference): Promise<void> {
  await api.delete(`${daemonSetPath(reference)}?propagationPolicy=Foreground`);
  await waitFor(async () => (await api.find(daemonSetPath(reference))) === undefined, {
    timeoutMs: 2 * PATIENCE_MS,
    pollMs: 200,
    what: `${reference.name} to be deleted`,
  });
}
