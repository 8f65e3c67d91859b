import { podBytes } from '../../test/client/pod-objects.ts';
import * as pb from '../../test/client/protobuf-encoder.ts';

/** Digits of a node's number in all names: up to a million. */
const DIGITS = 6;
/** Stand for what is filled in; never part of anything else in the objects below. */
const INDEX = '@'.repeat(DIGITS);
const GENERATION = '%%%';
const VERSION = '^'.repeat(10);

export const DAEMON_SET_UID = '9c0a1b7e-0000-4000-8000-1234567890ab';

/** An encoded object whose name, UID and version are filled in where it is needed: encoding anew would take longer than decoding. */
export class WireTemplate {
  readonly #bytes: Buffer;
  readonly #indexAt: readonly number[];
  readonly #generationAt: readonly number[];
  readonly #versionAt: readonly number[];

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#indexAt = placesOf(bytes, INDEX);
    this.#generationAt = placesOf(bytes, GENERATION);
    this.#versionAt = placesOf(bytes, VERSION);
  }

  get length(): number {
    return this.#bytes.length;
  }

  fill(index: number, generation: number, version: number): Buffer {
    const filled = Buffer.from(this.#bytes);
    for (const at of this.#indexAt) filled.write(digits(index, DIGITS), at, 'latin1');
    for (const at of this.#generationAt) filled.write(digits(generation, GENERATION.length), at, 'latin1');
    for (const at of this.#versionAt) filled.write(digits(version, VERSION.length), at, 'latin1');
    return filled;
  }
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0');
}

function placesOf(bytes: Buffer, mark: string): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at + mark.length)) places.push(at);
  return places;
}

export type PodLook = 'running' | 'noticed' | 'terminating' | 'creating' | 'starting';

/** A daemon pod of about 6.5 KB. `noticed`: changed in nothing that this program reads. */
function podTemplate(look: PodLook, hash: string): Buffer {
  const node = `edge-${INDEX}`;
  const isReady = look === 'running' || look === 'noticed' || look === 'terminating';
  const at = '2026-08-01T10:00:30Z';
  return podBytes({
    name: `agent-${GENERATION}-${INDEX}`,
    uid: `5d1ff0c0-7b3f-4e8e-9a52-${GENERATION}000${INDEX}`,
    resourceVersion: VERSION,
    nodeName: node,
    affinityNode: node,
    ownerUid: DAEMON_SET_UID,
    labels: { app: 'agent', 'controller-revision-hash': hash, 'pod-template-generation': '3' },
    phase: look === 'creating' || look === 'starting' ? 'Pending' : 'Running',
    ...(look === 'terminating' ? { deletedAt: '2026-08-02T10:00:00Z' } : {}),
    ...(look === 'noticed' ? { annotations: { 'example.com/noticed': 'now' } } : {}),
    conditions: [
      { type: 'Ready', status: isReady ? 'True' : 'False', at },
      { type: 'PodScheduled', status: 'True', at },
      ...(look === 'starting' ? [{ type: 'Initialized', status: 'True', at }] : []),
    ],
    containers: [look === 'creating' || look === 'starting' ? { waiting: 'ContainerCreating' } : {}],
  });
}

/** A node of about 6 KB, most of it its list of images. */
function nodeTemplate(heartbeat: number): Buffer {
  const name = `edge-${INDEX}`;
  const labels = {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
    'beta.kubernetes.io/arch': 'amd64',
    'beta.kubernetes.io/os': 'linux',
    'topology.kubernetes.io/region': 'region-1',
    'topology.kubernetes.io/zone': 'zone-a',
    'node.kubernetes.io/instance-type': 'edge.large',
    'example.com/pool': 'edge',
    'example.com/owner': 'field-team',
  };
  const time = (field: number) => pb.message(field, [pb.varint(1, 1_785_000_000 + heartbeat), pb.varint(2, 0)]);
  const conditions = ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => {
    const status = type === 'Ready' ? 'True' : 'False';
    const since = pb.message(4, [pb.varint(1, 1_780_000_000), pb.varint(2, 0)]);
    return pb.message(4, [
      pb.text(1, type),
      pb.text(2, status),
      time(3),
      since,
      pb.text(5, 'Kubelet'),
      pb.text(6, 'ok'),
    ]);
  });
  const images = Array.from({ length: 50 }, (_, i) => {
    return pb.message(8, [pb.text(1, `registry.example/some/image-${i}@sha256:${'ab'.repeat(32)}`), pb.varint(2, 1e8)]);
  });
  const metadata = [
    pb.text(1, name),
    pb.text(5, `77777777-0000-4000-8000-000000${INDEX}`),
    pb.text(6, VERSION),
    pb.message(8, [pb.varint(1, 1_780_000_000), pb.varint(2, 0)]),
    ...pb.stringMap(11, labels),
  ];
  const spec = [pb.text(3, `provider://${name}`)];
  return pb.join([pb.message(1, metadata), pb.message(2, spec), pb.message(3, [...conditions, ...images])]);
}

export interface WireObjects {
  pod(look: PodLook, hash: string): WireTemplate;
  readonly node: WireTemplate;
  podEvent(type: string, look: PodLook, hash: string): WireTemplate;
  readonly heartbeat: WireTemplate;
}

export function wireObjects(): WireObjects {
  const made = new Map<string, WireTemplate>();
  const template = (key: string, make: () => Buffer): WireTemplate => {
    const known = made.get(key) ?? new WireTemplate(make());
    made.set(key, known);
    return known;
  };
  return {
    pod: (look, hash) => template(`${look} ${hash}`, () => podTemplate(look, hash)),
    podEvent: (type, look, hash) =>
      template(`${type} ${look} ${hash}`, () => pb.frame(type, 'Pod', podTemplate(look, hash))),
    node: new WireTemplate(nodeTemplate(0)),
    heartbeat: new WireTemplate(pb.frame('MODIFIED', 'Node', nodeTemplate(60))),
  };
}

export function listOf(kind: string, items: readonly Uint8Array[], continueToken: string): Buffer {
  return pb.listBytes(kind, { items, continueToken });
}
