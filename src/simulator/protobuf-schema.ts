/**
 * Field numbers of Kubernetes' protobuf messages, for the objects that the simulator serves in that encoding.
 * Source: generated.proto of k8s.io/api/core/v1, k8s.io/apimachinery/pkg/apis/meta/v1, pkg/runtime, pkg/api/resource.
 */
export type FieldType = 'string' | 'integer' | 'boolean' | 'time' | 'strings' | 'stringMap' | 'quantityMap';

export interface Schema {
  readonly [field: string]: readonly [number, FieldType] | readonly [number, 'message' | 'messages', Schema];
}

const OWNER_REFERENCE: Schema = {
  kind: [1, 'string'],
  name: [3, 'string'],
  uid: [4, 'string'],
  apiVersion: [5, 'string'],
  controller: [6, 'boolean'],
  blockOwnerDeletion: [7, 'boolean'],
};

const OBJECT_META: Schema = {
  name: [1, 'string'],
  generateName: [2, 'string'],
  namespace: [3, 'string'],
  uid: [5, 'string'],
  resourceVersion: [6, 'string'],
  generation: [7, 'integer'],
  creationTimestamp: [8, 'time'],
  deletionTimestamp: [9, 'time'],
  deletionGracePeriodSeconds: [10, 'integer'],
  labels: [11, 'stringMap'],
  annotations: [12, 'stringMap'],
  ownerReferences: [13, 'messages', OWNER_REFERENCE],
  finalizers: [14, 'strings'],
};

export const LIST_META: Schema = {
  resourceVersion: [2, 'string'],
  continue: [3, 'string'],
  remainingItemCount: [4, 'integer'],
};

const REQUIREMENT: Schema = { key: [1, 'string'], operator: [2, 'string'], values: [3, 'strings'] };
const NODE_TERM: Schema = { matchExpressions: [1, 'messages', REQUIREMENT], matchFields: [2, 'messages', REQUIREMENT] };
const NODE_AFFINITY: Schema = {
  requiredDuringSchedulingIgnoredDuringExecution: [1, 'message', { nodeSelectorTerms: [1, 'messages', NODE_TERM] }],
};

const CONTAINER: Schema = {
  name: [1, 'string'],
  image: [2, 'string'],
  command: [3, 'strings'],
  args: [4, 'strings'],
  workingDir: [5, 'string'],
  ports: [
    6,
    'messages',
    { name: [1, 'string'], hostPort: [2, 'integer'], containerPort: [3, 'integer'], protocol: [4, 'string'] },
  ],
  env: [7, 'messages', { name: [1, 'string'], value: [2, 'string'] }],
  resources: [8, 'message', { limits: [1, 'quantityMap'], requests: [2, 'quantityMap'] }],
  imagePullPolicy: [14, 'string'],
};

const TOLERATION: Schema = {
  key: [1, 'string'],
  operator: [2, 'string'],
  value: [3, 'string'],
  effect: [4, 'string'],
  tolerationSeconds: [5, 'integer'],
};

const POD_SPEC: Schema = {
  containers: [2, 'messages', CONTAINER],
  restartPolicy: [3, 'string'],
  terminationGracePeriodSeconds: [4, 'integer'],
  dnsPolicy: [6, 'string'],
  nodeSelector: [7, 'stringMap'],
  serviceAccountName: [8, 'string'],
  nodeName: [10, 'string'],
  hostNetwork: [11, 'boolean'],
  affinity: [18, 'message', { nodeAffinity: [1, 'message', NODE_AFFINITY] }],
  schedulerName: [19, 'string'],
  initContainers: [20, 'messages', CONTAINER],
  tolerations: [22, 'messages', TOLERATION],
  priorityClassName: [24, 'string'],
  priority: [25, 'integer'],
  enableServiceLinks: [30, 'boolean'],
};

const POD_CONDITION: Schema = {
  type: [1, 'string'],
  status: [2, 'string'],
  lastProbeTime: [3, 'time'],
  lastTransitionTime: [4, 'time'],
  reason: [5, 'string'],
  message: [6, 'string'],
};

const CONTAINER_STATE: Schema = {
  waiting: [1, 'message', { reason: [1, 'string'], message: [2, 'string'] }],
  running: [2, 'message', { startedAt: [1, 'time'] }],
  terminated: [
    3,
    'message',
    {
      exitCode: [1, 'integer'],
      signal: [2, 'integer'],
      reason: [3, 'string'],
      message: [4, 'string'],
      startedAt: [5, 'time'],
      finishedAt: [6, 'time'],
    },
  ],
};

const CONTAINER_STATUS: Schema = {
  name: [1, 'string'],
  state: [2, 'message', CONTAINER_STATE],
  lastState: [3, 'message', CONTAINER_STATE],
  ready: [4, 'boolean'],
  restartCount: [5, 'integer'],
  image: [6, 'string'],
  imageID: [7, 'string'],
  containerID: [8, 'string'],
  started: [9, 'boolean'],
};

const POD_STATUS: Schema = {
  phase: [1, 'string'],
  conditions: [2, 'messages', POD_CONDITION],
  message: [3, 'string'],
  reason: [4, 'string'],
  hostIP: [5, 'string'],
  podIP: [6, 'string'],
  startTime: [7, 'time'],
  containerStatuses: [8, 'messages', CONTAINER_STATUS],
  qosClass: [9, 'string'],
  initContainerStatuses: [10, 'messages', CONTAINER_STATUS],
  podIPs: [12, 'messages', { ip: [1, 'string'] }],
};

const TAINT: Schema = { key: [1, 'string'], value: [2, 'string'], effect: [3, 'string'], timeAdded: [4, 'time'] };

const NODE_SPEC: Schema = {
  podCIDR: [1, 'string'],
  providerID: [3, 'string'],
  unschedulable: [4, 'boolean'],
  taints: [5, 'messages', TAINT],
  podCIDRs: [7, 'strings'],
};

const NODE_CONDITION: Schema = {
  type: [1, 'string'],
  status: [2, 'string'],
  lastHeartbeatTime: [3, 'time'],
  lastTransitionTime: [4, 'time'],
  reason: [5, 'string'],
  message: [6, 'string'],
};

const NODE_INFO: Schema = {
  kernelVersion: [4, 'string'],
  osImage: [5, 'string'],
  containerRuntimeVersion: [6, 'string'],
  kubeletVersion: [7, 'string'],
  operatingSystem: [9, 'string'],
  architecture: [10, 'string'],
};

const NODE_STATUS: Schema = {
  capacity: [1, 'quantityMap'],
  allocatable: [2, 'quantityMap'],
  phase: [3, 'string'],
  conditions: [4, 'messages', NODE_CONDITION],
  addresses: [5, 'messages', { type: [1, 'string'], address: [2, 'string'] }],
  nodeInfo: [7, 'message', NODE_INFO],
};

const STATUS_DETAILS: Schema = {
  name: [1, 'string'],
  group: [2, 'string'],
  kind: [3, 'string'],
  causes: [4, 'messages', { reason: [1, 'string'], message: [2, 'string'], field: [3, 'string'] }],
  retryAfterSeconds: [5, 'integer'],
  uid: [6, 'string'],
};

/** By kind. */
export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Pod: { metadata: [1, 'message', OBJECT_META], spec: [2, 'message', POD_SPEC], status: [3, 'message', POD_STATUS] },
  Node: { metadata: [1, 'message', OBJECT_META], spec: [2, 'message', NODE_SPEC], status: [3, 'message', NODE_STATUS] },
  PartialObjectMetadata: { metadata: [1, 'message', OBJECT_META] },
  Status: {
    metadata: [1, 'message', LIST_META],
    status: [2, 'string'],
    message: [3, 'string'],
    reason: [4, 'string'],
    details: [5, 'message', STATUS_DETAILS],
    code: [6, 'integer'],
  },
};
