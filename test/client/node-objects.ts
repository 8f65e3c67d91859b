import * as pb from './protobuf-encoder.ts';

export interface NodeChoice {
  readonly name?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  readonly ready?: string;
}

const CREATED = '2026-08-01T10:00:00Z';

function filledNode(choice: NodeChoice) {
  return {
    name: 'edge-0001',
    uid: '77777777-0000-4000-8000-000000000001',
    resourceVersion: '99',
    labels: {
      'kubernetes.io/hostname': 'edge-0001',
      'topology.kubernetes.io/zone': 'zone-a',
      'kubernetes.io/os': 'linux',
    },
    taints: [{ key: 'dedicated', value: 'edge', effect: 'NoSchedule' }],
    ready: 'True',
    ...choice,
  };
}

export function nodeJson(choice: NodeChoice = {}): Record<string, unknown> {
  const node = filledNode(choice);
  return {
    kind: 'Node',
    metadata: {
      name: node.name,
      uid: node.uid,
      resourceVersion: node.resourceVersion,
      creationTimestamp: CREATED,
      labels: node.labels,
    },
    spec: { taints: node.taints },
    status: {
      conditions: [
        { type: 'MemoryPressure', status: 'False', lastTransitionTime: CREATED },
        { type: 'Ready', status: node.ready, lastTransitionTime: CREATED },
      ],
    },
  };
}

export function nodeBytes(choice: NodeChoice = {}): Buffer {
  const node = filledNode(choice);
  return pb.join([
    pb.message(1, [
      pb.text(1, node.name),
      pb.text(5, node.uid),
      pb.text(6, node.resourceVersion),
      pb.time(8, CREATED),
      ...pb.stringMap(11, node.labels),
    ]),
    pb.message(
      2,
      node.taints.map(({ key, value, effect }) =>
        pb.message(5, [pb.text(1, key), pb.text(2, value ?? ''), pb.text(3, effect)]),
      ),
    ),
    pb.message(3, [
      pb.message(4, [pb.text(1, 'MemoryPressure'), pb.text(2, 'False'), pb.time(4, CREATED)]),
      pb.message(4, [pb.text(1, 'Ready'), pb.text(2, node.ready), pb.time(4, CREATED)]),
    ]),
  ]);
}
