import { controllerUid, keyOf, withMetadata } from '../../src/simulator/objects.ts';
import {
  annotate,
  anyDaemonSet,
  anyNode,
  type Happening,
  isThere,
  MAX_UNAVAILABLE,
  STRATEGY,
  updateNode,
} from './scene.ts';
import { drawMaxUnavailable, pick } from './spec.ts';

/** What users do. */
export const USER_HAPPENINGS: readonly Happening[] = [
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
