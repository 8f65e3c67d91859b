import { EVERY_IMAGE } from '../../src/simulator/kubelet.ts';
import { REPORTED_TAINTS } from '../../src/simulator/node-troubles.ts';
import { keyOf, type NodeObject, withMetadata } from '../../src/simulator/objects.ts';
import { randomBelow } from '../../src/simulator/random.ts';
import { PASSING_TAINTS } from './passing-taints.ts';
import { anyDaemonSet, anyNode, type Happening, type Scene, updateNode } from './scene.ts';
import { pick } from './spec.ts';

const EXCLUDE = 'daemonpodupdater.io/exclude';
const ZONE = 'topology.kubernetes.io/zone';

const REPORTS = Object.keys(REPORTED_TAINTS) as (keyof typeof REPORTED_TAINTS)[];

/** Versions that take their node down, sites that lose their uplink, nodes that join, taints of every kind. */
export const NODE_HAPPENINGS: readonly Happening[] = [
  {
    kind: 'system-taint',
    everyMs: 4000,
    act: (scene) => {
      const { cluster, random } = scene;
      const name = anyNode(scene)?.metadata.name;
      if (name === undefined) return;
      const forMs = 500 + 60_000 * random() ** 2;
      if (random() < 0.5) {
        const report = pick(random, REPORTS);
        cluster.troubles.setReported(name, report, true);
        scene.later(forMs, () => cluster.troubles.setReported(name, report, false));
      } else {
        const taint = pick(random, PASSING_TAINTS);
        cluster.troubles.setTaint(name, taint, true);
        scene.later(forMs, () => cluster.troubles.setTaint(name, taint, false));
      }
    },
  },
  {
    kind: 'node-killer',
    everyMs: 40_000,
    act: (scene) => {
      const { cluster, random, world } = scene;
      const daemonSet = anyDaemonSet(scene);
      if (daemonSet === undefined) return;
      const image = `registry.example/agent:v${world.nextNumber()}`;
      world.lasting.setDeadly(image, 200 + 20_000 * random() ** 2);
      cluster.updateTemplate(keyOf(daemonSet), image);
      scene.later(20_000 + 100_000 * random(), () => {
        const isThere = cluster.store.get('daemonsets', keyOf(daemonSet)) !== undefined;
        if (isThere) cluster.updateTemplate(keyOf(daemonSet), `registry.example/agent:v${world.nextNumber()}`);
        scene.later(60_000 * random(), () => world.lasting.setDeadly(image, undefined));
      });
    },
  },
  {
    kind: 'site-outage',
    everyMs: 45_000,
    act: (scene) => {
      const zone = anyNode(scene)?.metadata.labels?.[ZONE];
      sendAway(scene, ({ metadata }) => metadata.labels?.[ZONE] === zone, { withinMs: 8000, forMs: 120_000 });
    },
  },
  {
    kind: 'mass-away',
    everyMs: 60_000,
    act: (scene) => {
      const share = 0.5 + 0.45 * scene.random();
      sendAway(scene, () => scene.random() < share, { withinMs: 3000, forMs: 90_000 });
    },
  },
  {
    kind: 'node-flap',
    everyMs: 12_000,
    act: (scene) => {
      const { cluster, random, world } = scene;
      const name = anyNode(scene)?.metadata.name;
      if (name === undefined || world.lasting.away.has(name)) return;
      let atMs = 0;
      for (let count = 2 + randomBelow(random, 5); count > 0; count -= 1) {
        scene.later(atMs, () => cluster.setNodeReady(name, false, random() < 0.5 ? 'not-ready' : 'unreachable'));
        atMs += 300 + 8000 * random();
        scene.later(atMs, () => cluster.setNodeReady(name, true));
        atMs += 300 + 8000 * random();
      }
    },
  },
  {
    kind: 'node-stream',
    everyMs: 20_000,
    act: (scene) => {
      const { cluster, random, world } = scene;
      const node = world.newNode();
      const { name } = node.metadata;
      const startup = { key: 'example.com/agent-starting', effect: pick(random, ['NoSchedule', 'NoExecute']) };
      const hasStartupTaint = random() < 0.3;
      const taints = [...(node.spec.taints ?? []), ...(hasStartupTaint ? [startup] : [])];
      cluster.createNode({ ...node, spec: { ...node.spec, taints } });
      if (hasStartupTaint) world.lasting.taintFor(name, startup, 1000 + 30_000 * random());
      if (random() >= 0.5) return;
      world.lasting.setBadImage(name, EVERY_IMAGE, 'ImagePullBackOff');
      scene.later(120_000 * random(), () => cluster.setBadImage(name, EVERY_IMAGE, undefined));
    },
  },
  {
    kind: 'exclude',
    everyMs: 10_000,
    act: (scene) => {
      const node = anyNode(scene);
      if (node === undefined) return;
      const { [EXCLUDE]: _, ...others } = node.metadata.labels ?? {};
      const value = pick(scene.random, [undefined, 'false', 'true', '']);
      updateNode(scene, withMetadata(node, { labels: value === undefined ? others : { ...others, [EXCLUDE]: value } }));
    },
  },
  {
    kind: 'there-and-back',
    everyMs: 20_000,
    act: (scene) => {
      const { cluster, random, world } = scene;
      const daemonSet = anyDaemonSet(scene);
      if (daemonSet === undefined) return;
      const { template } = daemonSet.spec;
      cluster.updateTemplate(keyOf(daemonSet), `registry.example/agent:v${world.nextNumber()}`);
      scene.later(5000 * random() ** 2, () => {
        if (cluster.store.get('daemonsets', keyOf(daemonSet)) === undefined) return;
        cluster.changeDaemonSet(keyOf(daemonSet), (present) => ({ ...present, spec: { ...present.spec, template } }));
      });
    },
  },
];

/** Nodes go away within some seconds, and come back one by one. */
function sendAway(
  scene: Scene,
  isMeant: (node: NodeObject) => boolean,
  { withinMs, forMs }: { readonly withinMs: number; readonly forMs: number },
): void {
  const { cluster, random, world } = scene;
  const awayMs = 3000 + forMs * random();
  for (const object of [...cluster.store.all('nodes')]) {
    const { name } = object.metadata;
    if (world.lasting.away.has(name) || !isMeant(object as NodeObject)) continue;
    scene.later(withinMs * random(), () => cluster.setNodeReady(name, false));
    scene.later(withinMs + awayMs * (0.8 + 0.4 * random()), () => cluster.setNodeReady(name, true));
  }
}
