import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listPods, makeNodeNotReady, type NodeObject } from '../control-plane/cluster.ts';
import { isReady } from '../control-plane/pod-facts.ts';
import { waitFor } from '../control-plane/processes.ts';
import { metricOf, stopUpdater, type Updater } from '../control-plane/updater.ts';
import { type Cluster, useCluster, withSubject } from './fixture.ts';
import { printedStatus } from './viewer.ts';

const NODES = 30;
const ALLOWED = 2;
const PATIENCE_MS = 120_000;
/** How long nothing may happen before "nothing happens" is believed; a node is asked about again 15 s after it went. */
const QUIET_MS = 8_000;
const ZONES = ['zone-a', 'zone-b', 'zone-c'];

function rolling(maxUnavailable: string): Record<string, string> {
  return {
    'apps.openyurt.io/update-strategy': 'AdvancedRollingUpdate',
    'apps.openyurt.io/max-unavailable': maxUnavailable,
  };
}

async function nodesThat({ plane }: Cluster, isWanted: (node: NodeObject) => boolean): Promise<string[]> {
  const { items } = await plane.admin.list<NodeObject>('/api/v1/nodes');
  return items.filter(isWanted).map(({ metadata }) => metadata.name);
}

const isAway = ({ status }: NodeObject) => !isReady(status?.conditions);

/** The version that takes down every node where it is: until `isOver`. */
async function killNodes(cluster: Cluster, name: string, isOver: () => boolean): Promise<void> {
  const { admin } = cluster.plane;
  while (!isOver()) {
    const away = new Set(await nodesThat(cluster, isAway));
    for (const { spec } of await listPods(admin, { name })) {
      const node = spec.nodeName ?? '';
      const isNew = spec.containers?.[0]?.image === 'example.test/agent:2';
      if (isNew && node !== '' && !away.has(node)) await makeNodeNotReady(admin, node);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function staysQuiet(what: string, hasHappened: () => boolean | Promise<boolean>): Promise<void> {
  await assert.rejects(waitFor(hasHappened, { timeoutMs: QUIET_MS, what }), /waited/, what);
}

async function counted(updater: Updater, name: string, what: string): Promise<number> {
  return await metricOf(updater, `daemonpodupdater_rollout_${what}`, { daemonset: name });
}

describe('who is in the budget, on a real control plane', () => {
  const cluster = useCluster({ nodes: NODES, startupMs: 300 });

  it('trust 1, 5: a version takes its nodes down, nothing is tolerated → max of them, after restarts too, and it is not done', async () => {
    const options = { name: 'killer', annotations: rolling(String(ALLOWED)), tolerations: [] };
    await withSubject(cluster(), options, async ({ name, observer, change }, first) => {
      let isOver = false;
      observer.begin();
      await change('example.test/agent:2');
      const killing = killNodes(cluster(), name, () => isOver);
      try {
        const dead = async () => (await nodesThat(cluster(), isAway)).length;
        await waitFor(async () => (await dead()) >= ALLOWED, {
          timeoutMs: PATIENCE_MS,
          what: 'the first nodes to die',
        });
        let updater = first;
        for (let life = 0; life < 3; life += 1) {
          const { program } = updater;
          await staysQuiet('a further node dies', async () => (await dead()) > ALLOWED);
          assert.equal(await counted(updater, name, 'failed'), ALLOWED, `life ${life}`);
          const [shown] = JSON.parse(
            await printedStatus(cluster().plane.adminKubeconfigPath, name, '-n', 'default', '-o', 'json'),
          ).daemonSets;
          assert.notEqual(shown.state, 'done');
          await program.stop('SIGKILL', PATIENCE_MS);
          updater = await cluster().startUpdater(
            '--leader-elect-lease-duration',
            '4s',
            '--leader-elect-renew-deadline',
            '3s',
            '--leader-elect-retry-period',
            '1s',
          );
        }
        await staysQuiet('a further node dies', async () => (await dead()) > ALLOWED);
        await stopUpdater(updater);
        assert.equal(observer.report.deletedPods, ALLOWED);
      } finally {
        isOver = true;
        await killing;
      }
    });
  });

  it('trust 3: a site goes away in the middle → everybody else is updated', async () => {
    const options = { name: 'site', annotations: rolling(String(ALLOWED)), tolerations: [] };
    await withSubject(cluster(), options, async ({ observer, change }) => {
      const site = await nodesThat(cluster(), ({ metadata }) => {
        return metadata.labels?.['topology.kubernetes.io/zone'] === ZONES[0];
      });
      observer.begin();
      await change('example.test/agent:2');
      await waitFor(() => observer.report.updatedNodes >= NODES / 3, {
        timeoutMs: PATIENCE_MS,
        what: 'a third to be updated',
      });
      await Promise.all(site.map(async (node) => await makeNodeNotReady(cluster().plane.admin, node)));
      await waitFor(() => observer.report.updatedNodes >= NODES - site.length, {
        timeoutMs: PATIENCE_MS,
        what: 'the others to be updated',
      });
    });
  });

  it('trust 4: most nodes are away → a percentage is of those that can be reached', async () => {
    await withSubject(
      cluster(),
      { name: 'few', annotations: rolling('10%') },
      async ({ name, observer, change }, updater) => {
        const away = cluster().nodeNames.slice(0, NODES - 10);
        await Promise.all(away.map(async (node) => await makeNodeNotReady(cluster().plane.admin, node)));
        await waitFor(async () => (await counted(updater, name, 'allowed_unavailable')) === 1, {
          timeoutMs: PATIENCE_MS,
          what: 'the updater to see that they are away',
        });
        await observer.settle();
        observer.begin();
        const generation = await change('example.test/agent:2');
        const report = await observer.complete(generation, PATIENCE_MS);
        assert.deepEqual([report.updatedNodes, report.unavailablePeak], [10, 1]);
      },
    );
  });

  it('trust 1: Ready nodes get a taint when their pod is deleted → as many as allowed, until it is taken away', async () => {
    const options = { name: 'tainted', annotations: rolling(String(ALLOWED)), tolerations: [] };
    await withSubject(cluster(), options, async ({ name, observer, change }) => {
      const { admin } = cluster().plane;
      const taint = { key: 'node.kubernetes.io/network-unavailable', effect: 'NoSchedule' };
      const tainted = new Set<string>();
      let isOver = false;
      const tainting = (async () => {
        while (!isOver) {
          const there = new Set((await listPods(admin, { name })).map(({ spec }) => spec.nodeName));
          for (const node of cluster().nodeNames) {
            if (there.has(node) || tainted.has(node)) continue;
            tainted.add(node);
            await admin.patch(`/api/v1/nodes/${node}`, { spec: { taints: [taint] } });
          }
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      })();
      try {
        observer.begin();
        const generation = await change('example.test/agent:2');
        await waitFor(() => observer.report.deletedPods >= ALLOWED, { timeoutMs: PATIENCE_MS, what: 'deletions' });
        // Some may be recreated before their taint comes; those count no more.
        await waitFor(async () => (await podlessNodes()) === ALLOWED || observer.report.updatedNodes === NODES, {
          timeoutMs: PATIENCE_MS,
          what: 'nodes without a pod',
        });
        await staysQuiet('a further node without a pod', async () => (await podlessNodes()) > ALLOWED);
        isOver = true;
        await tainting;
        for (const node of tainted) await admin.patch(`/api/v1/nodes/${node}`, { spec: { taints: [] } });
        await observer.complete(generation, PATIENCE_MS);
      } finally {
        isOver = true;
        await tainting;
      }

      async function podlessNodes(): Promise<number> {
        const there = new Set((await listPods(admin, { name })).map(({ spec }) => spec.nodeName));
        return NODES - there.size;
      }
    });
  });
});
