import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ChaosProxy } from '../chaos/proxy.ts';
import {
  createDaemonSet,
  daemonSetManifest,
  deleteDaemonSet,
  getDaemonSet,
  listPods,
  setImage,
  waitUntilAvailable,
} from '../control-plane/cluster.ts';
import { writeKubeconfig } from '../control-plane/control-plane-files.ts';
import { waitFor } from '../control-plane/processes.ts';
import { startUpdater, stopUpdater, type Updater } from '../control-plane/updater.ts';
import { type Cluster, useCluster } from './fixture.ts';

const NODES = 20;
const PATIENCE_MS = 120_000;
/** Templates that differ for a minute are believed; here none may. */
const BEGIN_TIMEOUT_MS = 40_000;
/** An event of the DaemonSet is with the updater, and what it had sent is done. */
const HEARD_MS = 3_000;
const QUIET_MS = 10_000;

function rolling(maxUnavailable: string): Record<string, string> {
  return {
    'apps.openyurt.io/update-strategy': 'AdvancedRollingUpdate',
    'apps.openyurt.io/max-unavailable': maxUnavailable,
  };
}

async function imagesOf({ plane }: Cluster, name: string): Promise<Map<string, string>> {
  const pods = await listPods(plane.admin, { name });
  const alive = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return new Map(alive.map(({ metadata, spec }) => [metadata.uid ?? '', spec.containers?.[0]?.image ?? '']));
}

function countOf(images: ReadonlyMap<string, string>, image: string): number {
  return [...images.values()].filter((each) => each === image).length;
}

/** An updater that reads and writes through a proxy, which holds back every watch of ControllerRevisions from the beginning. */
async function startBehind(cluster: Cluster, proxy: ChaosProxy): Promise<Updater> {
  const { plane, account } = cluster;
  proxy.latencyMs = (request) =>
    request?.kind === 'watch' && request.path.includes('/controllerrevisions') ? Number.POSITIVE_INFINITY : 0;
  const { token, namespace, name: user } = account;
  const path = join(plane.files.directory, 'behind.kubeconfig');
  const kubeconfigPath = await writeKubeconfig({ path, ...proxy.route, user, token, namespace });
  return await startUpdater(plane, { kubeconfigPath, name: 'updater-behind' });
}

async function assertCompared({ program }: Updater): Promise<void> {
  assert.doesNotMatch(await program.logTail(2000), /is taken for the template/, 'the API server tells the same twice');
}

describe('wanted pods, on a real control plane', () => {
  const cluster = useCluster({ nodes: NODES, startupMs: 300 });

  it('trust 6: an undo in the middle, no watch of revisions brings anything → no pod of the first version goes any more', async () => {
    const { plane } = cluster();
    const { admin } = plane;
    const name = 'undone';
    const proxy = await ChaosProxy.start(plane);
    await createDaemonSet(admin, { name, annotations: rolling('1') });
    await waitUntilAvailable(admin, { name }, NODES);
    const updater = await startBehind(cluster(), proxy);
    try {
      await setImage(admin, { name }, 'example.test/agent:2');
      await waitFor(async () => countOf(await imagesOf(cluster(), name), 'example.test/agent:2') >= 4, {
        timeoutMs: BEGIN_TIMEOUT_MS,
        what: 'the new version on four nodes',
      });
      await setImage(admin, { name }, 'example.test/agent:1');
      await waitFor(
        async () => {
          const { metadata, status } = await getDaemonSet(admin, { name });
          return status?.observedGeneration === metadata.generation;
        },
        { timeoutMs: PATIENCE_MS, what: 'the undo to be observed' },
      );
      await delay(HEARD_MS);
      const wanted = [...(await imagesOf(cluster(), name))].filter(([, image]) => image === 'example.test/agent:1');
      assert.ok(wanted.length > NODES / 2, `${wanted.length} of ${NODES} were not replaced yet`);
      await waitFor(async () => countOf(await imagesOf(cluster(), name), 'example.test/agent:1') === NODES, {
        timeoutMs: PATIENCE_MS,
        what: 'the first version on all nodes',
      });
      await delay(QUIET_MS);
      const left = await imagesOf(cluster(), name);
      assert.deepEqual(
        wanted.filter(([uid]) => !left.has(uid)),
        [],
        'wanted pods were deleted',
      );
      await assertCompared(updater);
    } finally {
      await stopUpdater(updater);
      await proxy.stop();
      await deleteDaemonSet(admin, { name });
    }
  });

  it('trust 7: deleted without its pods and made again with another template → every adopted pod is replaced', async () => {
    const { plane } = cluster();
    const { admin } = plane;
    const name = 'remade';
    const path = `/apis/apps/v1/namespaces/default/daemonsets/${name}`;
    const replaced = { name, annotations: rolling('50%') };
    await createDaemonSet(admin, replaced);
    await waitUntilAvailable(admin, { name }, NODES);
    const updater = await cluster().startUpdater();
    try {
      for (const version of [2, 3]) {
        await setImage(admin, { name }, `example.test/agent:${version}`);
        await waitFor(async () => countOf(await imagesOf(cluster(), name), `example.test/agent:${version}`) === NODES, {
          timeoutMs: PATIENCE_MS,
          what: `version ${version} on all nodes`,
        });
      }
      await waitUntilAvailable(admin, { name }, NODES);
      await admin.delete(`${path}?propagationPolicy=Orphan`);
      await waitFor(async () => (await admin.find(path)) === undefined, { timeoutMs: PATIENCE_MS, what: 'its end' });
      const orphans = await imagesOf(cluster(), name);
      assert.equal(orphans.size, NODES, 'its pods stay');
      // All that may be said in more than one way is in it, so that the templates are compared in earnest.
      const manifest = daemonSetManifest({ ...replaced, image: 'example.test/agent:4' }) as {
        spec: { template: { spec: Record<string, unknown> } };
      };
      Object.assign(manifest.spec.template.spec, {
        securityContext: {},
        serviceAccountName: 'default',
        hostAliases: [],
        initContainers: [],
        affinity: { podAntiAffinity: {}, nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
        volumes: [
          { name: 'logs', hostPath: { path: '/var/log', type: '' } },
          { name: 'empty', emptyDir: {} },
          { name: 'projected', projected: { sources: [{ downwardAPI: { items: [] } }] } },
        ],
      });
      await admin.post('/apis/apps/v1/namespaces/default/daemonsets', manifest);
      await waitFor(async () => countOf(await imagesOf(cluster(), name), 'example.test/agent:4') > 0, {
        timeoutMs: BEGIN_TIMEOUT_MS,
        what: 'the first adopted pod to be replaced',
      });
      await waitFor(async () => countOf(await imagesOf(cluster(), name), 'example.test/agent:4') === NODES, {
        timeoutMs: PATIENCE_MS,
        what: 'all adopted pods to be replaced',
      });
      await assertCompared(updater);
    } finally {
      await stopUpdater(updater);
      await deleteDaemonSet(admin, { name });
    }
  });
});
