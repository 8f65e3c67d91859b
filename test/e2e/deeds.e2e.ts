import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import type { KubeObject } from '../control-plane/api-client.ts';
import { appliedDeletions } from '../control-plane/audit.ts';
import { listPods } from '../control-plane/cluster.ts';
import { STARTUP_ANNOTATION } from '../control-plane/kwok-config.ts';
import { waitFor } from '../control-plane/processes.ts';
import type { Updater } from '../control-plane/updater.ts';
import { useCluster, withSubject } from './fixture.ts';
import { printed } from './viewer.ts';

const NODES = 40;
const TIMEOUT_MS = 180_000;
const ROLLING = {
  'apps.openyurt.io/update-strategy': 'AdvancedRollingUpdate',
  'apps.openyurt.io/max-unavailable': '10%',
};
const SAID = "Node didn't have enough resource: cpu, requested: 4000, used: 250, capacity: 4000";

interface SeenEvent extends KubeObject {
  readonly reason: string;
  readonly note: string;
  readonly regarding: { readonly name: string };
}

interface PlanRow {
  readonly node: string;
  readonly reason: string;
  readonly message: string;
  readonly trouble?: string;
  readonly troubleMessage?: string;
}

type Line = Readonly<Record<string, string>>;

/** The lines about writes. */
async function written({ program }: Updater): Promise<Line[]> {
  const text = await readFile(program.logPath, 'utf8');
  const lines = text.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line): Line => JSON.parse(line)).filter(({ action }) => action !== undefined);
}

describe('what was done to pods, on a real control plane', () => {
  const cluster = useCluster({ nodes: NODES, startupMs: 300 });

  async function eventsOf(name: string): Promise<SeenEvent[]> {
    const { items } = await cluster().plane.admin.list<SeenEvent>('/apis/events.k8s.io/v1/namespaces/default/events');
    return items.filter(({ regarding }) => regarding.name === name);
  }

  async function eventOf(name: string, reason: string): Promise<SeenEvent> {
    const look = async () => (await eventsOf(name)).find((event) => event.reason === reason);
    return await waitFor(look, { timeoutMs: TIMEOUT_MS, pollMs: 200, what: `the event ${reason}` });
  }

  it('trust 13: a rollout → each deletion of the audit log is one line at info; PodsReplaced counts them all, in few events', async () => {
    await withSubject(
      cluster(),
      { name: 'told', annotations: ROLLING },
      async ({ name, observer, change }, updater) => {
        observer.begin();
        await observer.complete(await change('example.test/agent:2'), TIMEOUT_MS);
        await eventOf(name, 'RolloutCompleted');
        const writes = await cluster().updaterWritesOnce(name, (all) => appliedDeletions(all).length >= NODES);
        const lines = (await written(updater)).filter(({ message }) => message === 'pod deleted');
        const keyOf = (pod: string | undefined, uid: string | undefined): string => `${pod} ${uid}`;
        assert.deepEqual(
          lines.map(({ pod, uid }) => keyOf(pod, uid)).sort(),
          appliedDeletions(writes)
            .map(({ pod, uid }) => keyOf(pod, uid))
            .sort(),
        );
        for (const { level, daemonSet, node = '', fromHash = '', toHash = '', reason } of lines) {
          assert.deepEqual([level, daemonSet], ['info', `default/${name}`]);
          assert.match(reason ?? '', /^old; next in zone \S+$/);
          assert.ok(cluster().nodeNames.includes(node) && fromHash !== '' && toHash !== '' && fromHash !== toHash);
        }
        const replaced = (await eventsOf(name)).filter(({ reason }) => reason === 'PodsReplaced');
        const counts = replaced.map(({ note }) => Number(/^(\d+) pods? deleted for revision \S+: on /.exec(note)?.[1]));
        assert.equal(
          counts.reduce((sum, count) => sum + count, 0),
          NODES,
        );
        assert.ok(counts.length <= 4, `${counts.length} events`);
      },
    );
  });

  it('trust 14: kubelets refuse the new pods → plan, status and event have their reason and words', async () => {
    const annotations = {
      ...ROLLING,
      'apps.openyurt.io/max-unavailable': '1',
      'daemonpodupdater.io/progress-deadline-seconds': '5',
    };
    await withSubject(cluster(), { name: 'refused', annotations }, async ({ name, observer }) => {
      const { admin } = cluster().plane;
      const refuse = async () => {
        for (const { metadata, spec, status } of await listPods(admin, { name })) {
          const isNew = spec.containers?.[0]?.image === 'example.test/agent:2';
          if (!isNew || status?.phase === 'Failed') continue;
          const path = `/api/v1/namespaces/default/pods/${metadata.name}/status`;
          const refused = { phase: 'Failed', reason: 'OutOfcpu', message: SAID };
          // The DaemonSet controller may have deleted it.
          await admin.patch(path, { status: refused }).catch(() => undefined);
        }
      };
      observer.begin();
      // kwok would make them run.
      const metadata = { annotations: { [STARTUP_ANNOTATION]: '3600s' } };
      const template = { metadata, spec: { containers: [{ name: 'agent', image: 'example.test/agent:2' }] } };
      await admin.patch(`/apis/apps/v1/namespaces/default/daemonsets/${name}`, { spec: { template } }, 'strategic');
      const rowOf = async (): Promise<PlanRow | undefined> => {
        await refuse();
        const json = await printed('plan', cluster().account.kubeconfigPath, name, '-n', 'default', '-o', 'json');
        return (JSON.parse(json).nodes as PlanRow[]).find(({ trouble }) => trouble === 'OutOfcpu');
      };
      const row = await waitFor(rowOf, { timeoutMs: TIMEOUT_MS, pollMs: 100, what: 'a row with OutOfcpu' });
      assert.equal(row.troubleMessage, SAID);
      assert.match(row.message, /is Failed: OutOfcpu, as the kubelet says: "Node didn't have enough resource: cpu/);
      const failed = await waitFor(
        async () => {
          await refuse();
          return (await eventsOf(name)).find(({ reason }) => reason === 'NodeUpdateFailed');
        },
        { timeoutMs: TIMEOUT_MS, pollMs: 100, what: 'the event NodeUpdateFailed' },
      );
      assert.match(
        failed.note,
        /^1 node failed: the kubelet refused the new pod: OutOfcpu \(\S+\); the kubelet of \S+ says: Node didn't/,
      );
      const status = await waitFor(
        async () => {
          await refuse();
          const text = await printed('status', cluster().account.kubeconfigPath, name).catch(() => '');
          return text.replaceAll(/\s+/g, ' ').includes('OutOfcpu on 1 node') ? text : undefined;
        },
        { timeoutMs: TIMEOUT_MS, pollMs: 100, what: 'OutOfcpu in status' },
      );
      assert.match(status, /not-admitted/);
    });
  });
});
