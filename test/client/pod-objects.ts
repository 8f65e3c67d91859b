import * as pb from './protobuf-encoder.ts';

/** The parts of a pod that a test can choose; the rest is a realistic daemon pod of about 6.5 KB. */
export interface PodChoice {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly nodeName?: string;
  readonly affinityNode?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerUid?: string;
  readonly deletedAt?: string;
  readonly phase?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly conditions?: readonly Condition[];
  readonly containers?: readonly ContainerChoice[];
  readonly initContainers?: readonly ContainerChoice[];
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly at?: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface ContainerChoice {
  readonly waiting?: string;
  readonly terminated?: { readonly exitCode: number; readonly reason: string };
  readonly lastExitCode?: number;
}

const CREATED = '2026-08-01T10:00:00Z';
const READY: Condition = { type: 'Ready', status: 'True', at: '2026-08-01T10:00:30Z' };

function filled(choice: PodChoice) {
  return {
    name: 'agent-x2x9q',
    namespace: 'kube-system',
    uid: '5d1ff0c0-7b3f-4e8e-9a52-2f3b0a6f1c11',
    resourceVersion: '123456',
    nodeName: 'edge-0001',
    affinityNode: 'edge-0001',
    labels: { app: 'agent', 'controller-revision-hash': '5f887fbb94', 'pod-template-generation': '3' },
    annotations: {},
    ownerUid: '9c0a1b7e-0000-4000-8000-1234567890ab',
    phase: 'Running',
    reason: '',
    message: '',
    conditions: [READY, { type: 'PodScheduled', status: 'True', at: CREATED }],
    containers: [{}],
    initContainers: [],
    ...choice,
  };
}

export function podJson(choice: PodChoice = {}): Record<string, unknown> {
  const pod = filled(choice);
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name: pod.name,
      generateName: 'agent-',
      namespace: pod.namespace,
      uid: pod.uid,
      resourceVersion: pod.resourceVersion,
      creationTimestamp: CREATED,
      ...(pod.deletedAt === undefined ? {} : { deletionTimestamp: pod.deletedAt, deletionGracePeriodSeconds: 30 }),
      labels: pod.labels,
      annotations: pod.annotations,
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Other', name: 'other', uid: 'not-the-controller' },
        { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'agent', uid: pod.ownerUid, controller: true },
      ],
      managedFields: [{ manager: 'kubelet', operation: 'Update', fieldsV1: JSON.parse(FIELDS_V1) }],
    },
    spec: {
      volumes: VOLUMES.map((name) => ({ name, hostPath: { path: `/var/lib/${name}`, type: 'DirectoryOrCreate' } })),
      containers: [{ name: 'agent', image: 'registry.example/agent:1.2.3', args: ARGUMENTS, env: ENVIRONMENT }],
      nodeName: pod.nodeName,
      hostNetwork: true,
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              { matchFields: [{ key: 'metadata.name', operator: 'In', values: [pod.affinityNode] }] },
            ],
          },
        },
      },
      tolerations: TOLERATIONS,
    },
    status: {
      phase: pod.phase,
      ...(pod.reason === '' ? {} : { reason: pod.reason }),
      ...(pod.message === '' ? {} : { message: pod.message }),
      conditions: pod.conditions.map((condition: Condition) => ({
        type: condition.type,
        status: condition.status,
        lastProbeTime: null,
        lastTransitionTime: condition.at ?? null,
        ...(condition.reason === undefined ? {} : { reason: condition.reason }),
        ...(condition.message === undefined ? {} : { message: condition.message }),
      })),
      containerStatuses: pod.containers.map(containerJson),
      initContainerStatuses: pod.initContainers.map(containerJson),
    },
  };
}

const FIELDS_V1 = JSON.stringify({
  'f:metadata': { 'f:labels': Object.fromEntries(Array.from({ length: 110 }, (_, i) => [`f:label-number-${i}`, {}])) },
});
const VOLUMES = Array.from({ length: 8 }, (_, i) => `volume-${i}`);
const ARGUMENTS = Array.from({ length: 12 }, (_, i) => `--some-long-flag-${i}=some-long-value-${i}`);
const ENVIRONMENT = Array.from({ length: 12 }, (_, i) => ({ name: `VARIABLE_${i}`, value: `value number ${i}` }));
const TOLERATIONS = ['not-ready', 'unreachable', 'disk-pressure', 'memory-pressure', 'pid-pressure'].map((key) => ({
  key: `node.kubernetes.io/${key}`,
  operator: 'Exists',
  effect: 'NoExecute',
}));

function containerJson(choice: ContainerChoice, i: number): Record<string, unknown> {
  const state =
    choice.waiting !== undefined
      ? { waiting: { reason: choice.waiting, message: 'because' } }
      : choice.terminated !== undefined
        ? { terminated: { ...choice.terminated, startedAt: CREATED, finishedAt: CREATED } }
        : { running: { startedAt: CREATED } };
  const lastState =
    choice.lastExitCode === undefined ? {} : { terminated: { exitCode: choice.lastExitCode, reason: 'Error' } };
  return { name: `c${i}`, state, lastState, ready: true, restartCount: 0, image: 'registry.example/agent:1.2.3' };
}

export function podBytes(choice: PodChoice = {}): Buffer {
  const pod = filled(choice);
  const metadata = [
    pb.text(1, pod.name),
    pb.text(2, 'agent-'),
    pb.text(3, pod.namespace),
    pb.text(4, ''),
    pb.text(5, pod.uid),
    pb.text(6, pod.resourceVersion),
    pb.varint(7, 0),
    pb.time(8, CREATED),
    ...(pod.deletedAt === undefined ? [] : [pb.time(9, pod.deletedAt), pb.varint(10, 30)]),
    ...pb.stringMap(11, pod.labels),
    ...pb.stringMap(12, pod.annotations),
    pb.message(13, [pb.text(1, 'Other'), pb.text(3, 'other'), pb.text(4, 'not-the-controller'), pb.text(5, 'v1')]),
    pb.message(13, [pb.text(1, 'DaemonSet'), pb.text(3, 'agent'), pb.text(4, pod.ownerUid), pb.varint(6, 1)]),
    pb.message(17, [pb.text(1, 'kubelet'), pb.message(7, [pb.text(1, FIELDS_V1)])]),
  ];
  const spec = [
    ...VOLUMES.map((name) => pb.message(1, [pb.text(1, name), pb.message(2, [pb.text(1, `/var/lib/${name}`)])])),
    pb.message(2, [
      pb.text(1, 'agent'),
      pb.text(2, 'registry.example/agent:1.2.3'),
      ...ARGUMENTS.map((argument) => pb.text(4, argument)),
      ...ENVIRONMENT.map(({ name, value }) => pb.message(7, [pb.text(1, name), pb.text(2, value)])),
    ]),
    ...(pod.nodeName === '' ? [] : [pb.text(10, pod.nodeName)]),
    pb.varint(11, 1),
    pb.message(18, [
      pb.message(1, [
        pb.message(1, [
          pb.message(1, [pb.message(2, [pb.text(1, 'metadata.name'), pb.text(2, 'In'), pb.text(3, pod.affinityNode)])]),
        ]),
      ]),
    ]),
    ...TOLERATIONS.map(({ key, operator, effect }) =>
      pb.message(22, [pb.text(1, key), pb.text(2, operator), pb.text(4, effect)]),
    ),
  ];
  const status = [
    pb.text(1, pod.phase),
    ...pod.conditions.map((condition: Condition) =>
      pb.message(2, [
        pb.text(1, condition.type),
        pb.text(2, condition.status),
        pb.message(3, []),
        ...(condition.at === undefined ? [] : [pb.time(4, condition.at)]),
        pb.text(5, condition.reason ?? ''),
        pb.text(6, condition.message ?? ''),
      ]),
    ),
    pb.text(3, pod.message),
    pb.text(4, pod.reason),
    ...pod.containers.map((container) => pb.message(8, containerParts(container))),
    ...pod.initContainers.map((container) => pb.message(10, containerParts(container))),
    pb.fixed64(1000),
  ];
  return pb.join([pb.message(1, metadata), pb.message(2, spec), pb.message(3, status)]);
}

function containerParts(choice: ContainerChoice): pb.Part[] {
  const state =
    choice.waiting !== undefined
      ? pb.message(1, [pb.text(1, choice.waiting), pb.text(2, 'because')])
      : choice.terminated !== undefined
        ? pb.message(3, [pb.varint(1, choice.terminated.exitCode), pb.text(3, choice.terminated.reason)])
        : pb.message(2, [pb.time(1, CREATED)]);
  const lastState =
    choice.lastExitCode === undefined
      ? []
      : [pb.message(3, [pb.message(3, [pb.varint(1, choice.lastExitCode), pb.text(3, 'Error')])])];
  return [pb.text(1, 'c'), pb.message(2, [state]), ...lastState, pb.varint(4, 1), pb.varint(5, 0)];
}
