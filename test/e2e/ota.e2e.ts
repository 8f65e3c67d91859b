import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { summarizeWrites } from '../control-plane/audit.ts';
import { listPods, type PodObject } from '../control-plane/cluster.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { waitFor } from '../control-plane/processes.ts';
import { useCluster, withSubject } from './fixture.ts';

const NODES = 100;
const TIMEOUT_MS = 180_000;
const QUIET_MS = 3_000;
const OTA = { 'apps.openyurt.io/update-strategy': 'OTA' };

function markOf(pod: PodObject): string {
  const condition = pod.status?.conditions?.find(({ type }) => type === 'PodNeedUpgrade');
  return condition === undefined ? 'none' : `${condition.status} ${condition.message ?? ''}`;
}

/** `hash of the pod's own revision → mark`, with how many pods have it. */
async function countMarks(plane: ControlPlane, name: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const pod of await listPods(plane.admin, { name })) {
    const mark = `${pod.metadata.labels?.['controller-revision-hash']} → ${markOf(pod)}`;
    counts.set(mark, (counts.get(mark) ?? 0) + 1);
  }
  return counts;
}

async function waitForMarks(plane: ControlPlane, name: string, wanted: Record<string, number>): Promise<void> {
  let counts = new Map<string, number>();
  await waitFor(
    async () => {
      counts = await countMarks(plane, name);
      return counts.size === Object.keys(wanted).length && [...counts].every(([mark, count]) => wanted[mark] === count);
    },
    { timeoutMs: TIMEOUT_MS, pollMs: 200, what: `marks ${JSON.stringify(wanted)}` },
  ).catch((cause: unknown) => {
    throw new Error(`the marks are ${JSON.stringify([...counts])}`, { cause });
  });
}

async function newestHash(plane: ControlPlane, name: string): Promise<string> {
  const path = `/apis/apps/v1/namespaces/default/controllerrevisions?labelSelector=${encodeURIComponent(`app=${name}`)}`;
  const { items } = await plane.admin.list<PodObject & { revision: number }>(path);
  const newest = items.toSorted((a, b) => b.revision - a.revision)[0];
  return newest?.metadata.labels?.['controller-revision-hash'] ?? '';
}

describe('OTA on a real control plane', () => {
  const cluster = useCluster({ nodes: NODES, startupMs: 100 });

  it('OTA: a new template → every pod marked with one write, none deleted; a replaced pod is marked up to date', async () => {
    const { plane } = cluster();
    await withSubject(cluster(), { name: 'ota', annotations: OTA }, async ({ name, observer, change }) => {
      const oldHash = await newestHash(plane, name);
      await waitForMarks(plane, name, { [`${oldHash} → False controllerrevision: ${oldHash}`]: NODES });
      const written = async (count: number) =>
        await cluster().updaterWritesOnce(name, (writes) => writes.length >= count);
      assert.equal((await written(NODES)).length, NODES);

      observer.begin();
      await change('example.test/agent:2');
      const newHash = await waitFor(
        async () => {
          const hash = await newestHash(plane, name);
          return hash === oldHash ? undefined : hash;
        },
        { timeoutMs: TIMEOUT_MS, what: 'the new revision' },
      );
      const outdated = `${oldHash} → True controllerrevision: ${newHash}`;
      await waitForMarks(plane, name, { [outdated]: NODES });
      const marking = summarizeWrites((await written(2 * NODES)).slice(NODES));
      assert.deepEqual(
        { ...marking, duplicates: [...marking.duplicates], pods: marking.pods.size },
        {
          writes: NODES,
          deletes: 0,
          patches: NODES,
          refused: {},
          duplicates: [],
          pods: NODES,
        },
      );
      assert.equal(observer.report.deletedPods, 0);

      const [replaced] = await listPods(plane.admin, { name });
      await plane.admin.delete(`/api/v1/namespaces/default/pods/${replaced?.metadata.name}`);
      await waitForMarks(plane, name, {
        [outdated]: NODES - 1,
        [`${newHash} → False controllerrevision: ${newHash}`]: 1,
      });
      const settled = 2 * NODES + 1;
      assert.equal((await written(settled)).length, settled);
      await assert.rejects(
        waitFor(async () => (await cluster().updaterWrites(name)).length > settled, {
          timeoutMs: QUIET_MS,
          pollMs: 500,
          what: 'another write',
        }),
        /waited/,
      );
    });
  });
});
