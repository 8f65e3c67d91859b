import { makeNode } from '../../src/simulator/make-objects.ts';
import { controllerUid, keyOf, type PodObject } from '../../src/simulator/objects.ts';
import { randomBelow } from '../../src/simulator/random.ts';
import { anyDaemonSet, anyNode, anyPod, type Happening, someNodes } from './scene.ts';
import { pick } from './spec.ts';

const FIRST_IMAGE = 'registry.example/agent:v1';

/** What befalls the API server, nodes, pods, and the updater's processes. */
export const CLUSTER_HAPPENINGS: readonly Happening[] = [
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
        if (scene.world.lasting.away.has(metadata.name)) continue;
        scene.cluster.setNodeReady(metadata.name, false);
        scene.later(2000 + 60_000 * scene.random() ** 2, () => scene.cluster.setNodeReady(metadata.name, true));
      }
    },
  },
  {
    kind: 'node-brought-down',
    everyMs: 4_000,
    act: ({ world, cluster, random, later }) => {
      const name = world.checker.lastDeletedOn;
      if (cluster.store.get('nodes', name) === undefined || world.lasting.away.has(name)) return;
      cluster.setNodeReady(name, false);
      later(1000 + 120_000 * random() ** 2, () => cluster.setNodeReady(name, true));
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
      const image = daemonSet.spec.template.spec.containers[0]?.image ?? FIRST_IMAGE;
      const trouble = scene.random() < 0.5 ? 'CrashLoopBackOff' : 'ImagePullBackOff';
      scene.world.lasting.setBadImage(node.metadata.name, image, trouble);
      scene.later(60_000 * scene.random(), () => scene.world.lasting.setBadImage(node.metadata.name, image, undefined));
    },
  },
  {
    kind: 'stuck-terminating',
    everyMs: 5_000,
    act: (scene) => {
      const name = anyNode(scene)?.metadata.name;
      if (name === undefined) return;
      scene.world.lasting.setStuck(name, true);
      scene.later(60_000 * scene.random(), () => scene.world.lasting.setStuck(name, false));
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
    kind: 'mass-delete',
    everyMs: 25_000,
    act: (scene) => {
      const { cluster, random, world } = scene;
      const daemonSet = anyDaemonSet(scene);
      if (daemonSet === undefined) return;
      // Somebody does not want to wait for the updater.
      if (random() < 0.5) cluster.updateTemplate(keyOf(daemonSet), `registry.example/agent:v${world.nextNumber()}`);
      for (const object of [...cluster.store.all('pods')]) {
        const isOwned = controllerUid(object) === daemonSet.metadata.uid;
        if (isOwned && random() < 0.5) cluster.deletePodAsUser(keyOf(object));
      }
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
    kind: 'unreadable',
    everyMs: 5_000,
    act: (scene) => {
      const resource = pick(scene.random, [
        'nodes',
        'nodes',
        'pods',
        'pods',
        'daemonsets',
        'controllerrevisions',
      ] as const);
      const objects = [...scene.cluster.store.all(resource)];
      if (objects.length === 0) return;
      const object = pick(scene.random, objects);
      scene.world.spoilage.begin(resource, object);
      scene.later(60_000 * scene.random() ** 2, () => scene.world.spoilage.end(object.metadata.uid));
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
  {
    kind: 'two-leaders',
    everyMs: 12_000,
    act: ({ world, random }) =>
      world.pauseLeader(14_000 + 20_000 * random(), pick(random, [undefined, 'renewal', 'batch', 'batch'] as const)),
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
];
