import type { SimulatedCluster } from '../../src/simulator/cluster.ts';
import { deletePod } from '../../src/simulator/graceful-delete.ts';
import { makeNode } from '../../src/simulator/make-objects.ts';
import {
  controllerUid,
  type DaemonSetObject,
  keyOf,
  type NodeObject,
  type PodObject,
  withMetadata,
} from '../../src/simulator/objects.ts';
import { forkRandom, type Random, randomBelow } from '../../src/simulator/random.ts';
import { drawMaxUnavailable, type Kind, pick, type Spec } from './spec.ts';
import type { World } from './world.ts';

/** Something that happens again and again, at random times. */
interface Happening {
  readonly kind: Kind;
  /** Between two of them, at full intensity. */
  readonly everyMs: number;
  act(scene: Scene): void;
}

interface Scene {
  readonly world: World;
  readonly cluster: SimulatedCluster;
  readonly random: Random;
  /** Later, but only as long as things go wrong. */
  later(delayMs: number, part: () => void): void;
}

/** What users change once more shortly before the end: no later change hides what became of this one. */
const LAST_WORDS: ReadonlySet<Kind> = new Set<Kind>(['strategy', 'max-unavailable', 'opt-out', 'template', 'rollback']);
const LAST_WORDS_MS = 40_000;

const OLD_IMAGE = 'registry.example/agent:v1';

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
        const atMs = this.#world.cluster.nowMs + spec.faultMs - LAST_WORDS_MS * random();
        this.#world.cluster.timeline.at(atMs, () => this.#act(happening, random));
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

function anyNode({ cluster, random }: Scene): NodeObject | undefined {
  const nodes = [...cluster.store.all('nodes')];
  return nodes.length === 0 ? undefined : (pick(random, nodes) as NodeObject);
}

function anyPod({ cluster, random }: Scene): PodObject | undefined {
  const pods = [...cluster.store.all('pods')];
  return pods.length === 0 ? undefined : (pick(random, pods) as PodObject);
}

function anyDaemonSet({ cluster, random }: Scene): DaemonSetObject | undefined {
  const daemonSets = [...cluster.store.all('daemonsets')];
  return daemonSets.length === 0 ? undefined : (pick(random, daemonSets) as DaemonSetObject);
}

function updateNode({ cluster }: Scene, node: NodeObject): void {
  cluster.store.update('nodes', node, 'user');
}

/** A spell on some nodes at once: outages come in groups. */
function someNodes(scene: Scene): NodeObject[] {
  const count = scene.random() < 0.8 ? 1 : 1 + randomBelow(scene.random, 5);
  return Array.from({ length: count }, () => anyNode(scene)).filter((node) => node !== undefined);
}

const STRATEGY = 'apps.openyurt.io/update-strategy';
const MAX_UNAVAILABLE = 'apps.openyurt.io/max-unavailable';

function annotate(scene: Scene, daemonSet: DaemonSetObject, name: string, value: string | undefined): void {
  scene.cluster.changeDaemonSet(keyOf(daemonSet), (present) => {
    const { [name]: _, ...others } = present.metadata.annotations ?? {};
    return withMetadata(present, { annotations: value === undefined ? others : { ...others, [name]: value } });
  });
}

function isThere(scene: Scene, daemonSet: DaemonSetObject): boolean {
  return scene.cluster.store.get('daemonsets', keyOf(daemonSet)) !== undefined;
}

const HAPPENINGS: readonly Happening[] = [
  {
    kind: 'api-restart',
    everyMs: 60_000,
    act: ({ world, random, later }) => {
      world.network.setDown(true);
      later(200 + 20_000 * random() ** 2, () => world.network.setDown(false));
    },
  },
  {
    kind: 'compaction',
    everyMs: 5_000,
    act: ({ cluster, random }) => {
      cluster.api.sendBookmarks();
      cluster.store.compact(cluster.store.revision - randomBelow(random, 30));
    },
  },
  {
    kind: 'node-not-ready',
    everyMs: 4_000,
    act: (scene) => {
      for (const { metadata } of someNodes(scene)) {
        if (scene.world.isAway(metadata.name)) continue;
        scene.cluster.setNodeReady(metadata.name, false);
        scene.later(2000 + 60_000 * scene.random() ** 2, () => scene.cluster.setNodeReady(metadata.name, true));
      }
    },
  },
  {
    kind: 'node-vanish',
    everyMs: 20_000,
    act: (scene) => {
      const node = anyNode(scene);
      if (node === undefined || scene.cluster.store.count('nodes') <= 1) return;
      const { name, labels = {} } = node.metadata;
      scene.cluster.deleteNode(name);
      if (scene.random() < 0.2) return;
      scene.later(500 + 60_000 * scene.random(), () => {
        if (scene.cluster.store.get('nodes', name) === undefined) scene.cluster.createNode(makeNode({ name, labels }));
      });
    },
  },
  {
    kind: 'new-node',
    everyMs: 20_000,
    act: (scene) => {
      const { cluster, world } = scene;
      cluster.createNode(world.newNode());
    },
  },
  {
    kind: 'pod-flap',
    everyMs: 2_000,
    act: (scene) => {
      const pod = anyPod(scene);
      if (pod === undefined || pod.status.phase !== 'Running') return;
      const key = keyOf(pod);
      scene.cluster.kubelets.setPodReady(key, false);
      scene.later(100 + 15_000 * scene.random() ** 2, () => {
        const present = scene.cluster.store.get('pods', key) as PodObject | undefined;
        const isSame = present?.metadata.uid === pod.metadata.uid && present.metadata.deletionTimestamp === undefined;
        const isUp = scene.cluster.kubelets.isUp(present?.spec.nodeName ?? '');
        if (isSame && isUp) scene.cluster.kubelets.setPodReady(key, true);
      });
    },
  },
  {
    kind: 'bad-image',
    everyMs: 5_000,
    act: (scene) => {
      const node = anyNode(scene);
      const daemonSet = anyDaemonSet(scene);
      if (node === undefined || daemonSet === undefined) return;
      const image = daemonSet.spec.template.spec.containers[0]?.image ?? OLD_IMAGE;
      const trouble = scene.random() < 0.5 ? 'CrashLoopBackOff' : 'ImagePullBackOff';
      scene.world.setBadImage(node.metadata.name, image, trouble);
      scene.later(60_000 * scene.random(), () => scene.world.setBadImage(node.metadata.name, image, undefined));
    },
  },
  {
    kind: 'stuck-terminating',
    everyMs: 5_000,
    act: (scene) => {
      const name = anyNode(scene)?.metadata.name;
      if (name === undefined) return;
      scene.world.setStuck(name, true);
      scene.later(60_000 * scene.random(), () => scene.world.setStuck(name, false));
    },
  },
  {
    kind: 'foreign-delete',
    everyMs: 2_000,
    act: (scene) => {
      const pod = anyPod(scene);
      if (pod === undefined) return;
      scene.cluster.deletePodAsUser(keyOf(pod), scene.random() < 0.3 ? 0 : undefined);
    },
  },
  {
    kind: 'pod-failed',
    everyMs: 6_000,
    act: (scene) => {
      const pod = anyPod(scene);
      if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
      const conditions = (pod.status.conditions ?? []).map((condition) =>
        condition.type === 'Ready' ? { ...condition, status: 'False' } : condition,
      );
      const status = { ...pod.status, phase: 'Failed', reason: 'Evicted', conditions };
      scene.cluster.store.update('pods', { ...pod, status }, 'kubelet');
    },
  },
  {
    kind: 'decoy-pods',
    everyMs: 8_000,
    act: (scene) => {
      const pod = anyPod(scene);
      if (pod === undefined) return;
      const { namespace = '', labels = {}, ownerReferences = [] } = pod.metadata;
      const isOrphan = scene.random() < 0.5;
      const others = isOrphan
        ? []
        : ownerReferences.map((owner) => ({ ...owner, uid: `${owner.uid.slice(0, -4)}ffff` }));
      const name = `decoy-${scene.world.nextNumber()}`;
      const { ownerReferences: _, ...metadata } = pod.metadata;
      const owned = others.length === 0 ? {} : { ownerReferences: others };
      const decoy = {
        ...pod,
        metadata: { ...metadata, name, namespace, labels, uid: '', resourceVersion: '', ...owned },
      };
      scene.cluster.create('pods', decoy);
    },
  },
  {
    kind: 'slow-cluster',
    everyMs: 40_000,
    act: ({ cluster, random, later, world }) => {
      cluster.daemonSets.setReactionMs(20_000 * random());
      cluster.kubelets.setStartupMs(40_000 * random());
      later(30_000 * random(), () => world.resetPace());
    },
  },
  { kind: 'crash', everyMs: 25_000, act: ({ world, random }) => world.crash(5_000 * random() ** 2) },
  {
    kind: 'restart',
    everyMs: 45_000,
    act: ({ world }) => world.restart(),
  },
  {
    kind: 'pause',
    everyMs: 30_000,
    act: ({ world, random }) =>
      world.pause(1000 + 40_000 * random() ** 2, pick(random, [undefined, 'renewal', 'batch'] as const)),
  },
  { kind: 'stall', everyMs: 5_000, act: ({ world, random }) => world.pause(50 + 3_000 * random() ** 2, undefined) },
  {
    kind: 'lane-death',
    everyMs: 4_000,
    act: ({ world, random }) => {
      const updater = pick(random, world.updaters);
      updater.loseLane(randomBelow(random, updater.laneCount), 3000 * random());
    },
  },
  {
    kind: 'resize',
    everyMs: 4_000,
    act: ({ world, random }) => pick(random, world.updaters).resize(1 + randomBelow(random, 8)),
  },
  {
    kind: 'clock-step',
    everyMs: 15_000,
    act: ({ world, cluster, random }) => world.stamps.step(cluster.nowMs, (random() - 0.5) * 1_200_000),
  },
  {
    kind: 'template',
    everyMs: 15_000,
    act: (scene) => {
      const daemonSet = anyDaemonSet(scene);
      if (daemonSet === undefined) return;
      scene.cluster.updateTemplate(keyOf(daemonSet), `registry.example/agent:v${scene.world.nextNumber()}`);
    },
  },
  {
    kind: 'rollback',
    everyMs: 60_000,
    act: (scene) => {
      const daemonSet = anyDaemonSet(scene);
      if (daemonSet === undefined) return;
      const { uid } = daemonSet.metadata;
      const owned = [...scene.cluster.store.all('controllerrevisions')].filter(
        (object) => controllerUid(object) === uid,
      );
      if (owned.length === 0) return;
      const { data } = pick(scene.random, owned) as { readonly data?: unknown };
      const template = (data as { spec: { template: { $patch?: string } } }).spec.template;
      const { $patch: _, ...wanted } = template;
      scene.cluster.changeDaemonSet(keyOf(daemonSet), (present) => {
        return { ...present, spec: { ...present.spec, template: wanted as typeof present.spec.template } };
      });
    },
  },
  {
    kind: 'max-unavailable',
    everyMs: 10_000,
    act: (scene) => {
      const daemonSet = anyDaemonSet(scene);
      if (daemonSet !== undefined) annotate(scene, daemonSet, MAX_UNAVAILABLE, drawMaxUnavailable(scene.random));
    },
  },
  {
    kind: 'opt-out',
    everyMs: 20_000,
    act: (scene) => {
      const daemonSet = anyDaemonSet(scene);
      const present = daemonSet?.metadata.annotations?.[STRATEGY];
      if (daemonSet === undefined || present === undefined) return;
      annotate(scene, daemonSet, STRATEGY, scene.random() < 0.5 ? undefined : 'Rolling');
      // The users come back even when nothing goes wrong any more.
      scene.cluster.timeline.after(500 + 20_000 * scene.random(), () => {
        if (isThere(scene, daemonSet)) annotate(scene, daemonSet, STRATEGY, present);
      });
    },
  },
  {
    kind: 'strategy',
    everyMs: 25_000,
    act: (scene) => {
      const daemonSet = anyDaemonSet(scene);
      if (daemonSet?.metadata.annotations?.[STRATEGY] === undefined) return;
      const isOta = daemonSet.metadata.annotations[STRATEGY] === 'OTA';
      annotate(scene, daemonSet, STRATEGY, isOta ? pick(scene.random, ['AdvancedRollingUpdate', 'auto']) : 'OTA');
    },
  },
  {
    kind: 'not-on-delete',
    everyMs: 40_000,
    act: (scene) => {
      const daemonSet = anyDaemonSet(scene);
      if (daemonSet === undefined) return;
      const setType = (type: string): void => {
        if (!isThere(scene, daemonSet)) return;
        scene.cluster.changeDaemonSet(keyOf(daemonSet), (present) => {
          return { ...present, spec: { ...present.spec, updateStrategy: { type } } };
        });
      };
      setType('RollingUpdate');
      scene.cluster.timeline.after(500 + 15_000 * scene.random(), () => setType('OnDelete'));
    },
  },
  {
    kind: 'recreate',
    everyMs: 50_000,
    act: (scene) => {
      const daemonSet = anyDaemonSet(scene);
      if (daemonSet === undefined) return;
      const { name, namespace = '', annotations = {}, labels = {} } = daemonSet.metadata;
      scene.cluster.deleteDaemonSet(keyOf(daemonSet));
      const metadata = { name, namespace, annotations, labels, uid: '', resourceVersion: '', creationTimestamp: '' };
      scene.cluster.timeline.after(200 + 8000 * scene.random(), () => {
        if (!isThere(scene, daemonSet)) scene.cluster.createDaemonSet({ ...daemonSet, metadata, status: {} });
      });
    },
  },
  {
    kind: 'min-ready',
    everyMs: 30_000,
    act: (scene) => {
      const daemonSet = anyDaemonSet(scene);
      if (daemonSet === undefined) return;
      const minReadySeconds = pick(scene.random, [0, 3, 10, 30]);
      scene.cluster.changeDaemonSet(keyOf(daemonSet), (present) => {
        return { ...present, spec: { ...present.spec, minReadySeconds } };
      });
    },
  },
  {
    kind: 'cordon',
    everyMs: 10_000,
    act: (scene) => {
      const name = anyNode(scene)?.metadata.name;
      if (name !== undefined) scene.cluster.setCordoned(name, scene.random() < 0.5);
    },
  },
  {
    kind: 'taint',
    everyMs: 8_000,
    act: (scene) => {
      const node = anyNode(scene);
      if (node === undefined) return;
      const others = (node.spec.taints ?? []).filter(({ key }) => key !== 'example.com/maintenance');
      const effect = pick(scene.random, ['', 'NoSchedule', 'NoExecute', 'PreferNoSchedule']);
      const taints = effect === '' ? others : [...others, { key: 'example.com/maintenance', effect }];
      updateNode(scene, { ...node, spec: { ...node.spec, taints } });
    },
  },
  {
    kind: 'relabel',
    everyMs: 8_000,
    act: (scene) => {
      const node = anyNode(scene);
      if (node === undefined) return;
      const pool = pick(scene.random, ['edge', 'general', 'large']);
      const labels = { ...node.metadata.labels, 'example.com/pool': pool };
      updateNode(scene, withMetadata(node, { labels }));
    },
  },
];

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
