import type { DaemonSetObject, Labels, Metadata, NodeObject, PodSpec, Taint } from './objects.ts';

function metadata(name: string, extra: Partial<Metadata>): Metadata {
  return { name, uid: '', resourceVersion: '', creationTimestamp: '', ...extra };
}

export interface NodeOptions {
  readonly name: string;
  readonly labels?: Labels;
  readonly taints?: readonly Taint[];
}

/** A Ready node, about as large as real ones without their image lists. */
export function makeNode({ name, labels = {}, taints = [] }: NodeOptions): NodeObject {
  const healthy = ['MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => ({ type, status: 'False' }));
  const resources = { cpu: '8', memory: '32Gi', pods: '110', 'ephemeral-storage': '100Gi' };
  const defaults = {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: metadata(name, {
      labels: { ...defaults, ...labels },
      annotations: { 'node.alpha.kubernetes.io/ttl': '0' },
    }),
    spec: { providerID: `simulated://${name}`, taints },
    status: {
      capacity: resources,
      allocatable: resources,
      conditions: [...healthy, { type: 'Ready', status: 'True', reason: 'KubeletReady' }],
      addresses: [{ type: 'Hostname', address: name }],
      nodeInfo: { kubeletVersion: 'v1.37.2', operatingSystem: 'linux', architecture: 'amd64', osImage: 'simulated' },
    },
  };
}

export interface DaemonSetOptions {
  readonly name: string;
  readonly namespace?: string;
  readonly image: string;
  /** `spec.updateStrategy.type`. */
  readonly updateStrategy?: 'OnDelete' | 'RollingUpdate';
  readonly annotations?: Labels;
  readonly minReadySeconds?: number;
  /** Added to the pod template's spec. */
  readonly podSpec?: Partial<PodSpec>;
}

export function makeDaemonSet(options: DaemonSetOptions): DaemonSetObject {
  const { name, namespace = 'default', image, annotations = {}, minReadySeconds = 0 } = options;
  const labels = { app: name };
  const resources = { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '128Mi' } };
  const env = [{ name: 'LOG_LEVEL', value: 'info' }];
  const containers = [{ name: 'main', image, env, resources, imagePullPolicy: 'IfNotPresent' }];
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: metadata(name, { namespace, labels, annotations }),
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers, ...options.podSpec } },
      updateStrategy: { type: options.updateStrategy ?? 'OnDelete' },
      minReadySeconds,
    },
    status: {},
  };
}
