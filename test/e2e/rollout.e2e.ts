import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { documentProblems } from '../commands/contract.ts';
import { ApiClient, ApiError } from '../control-plane/api-client.ts';
import { type AuditedWrite, appliedDeletions, summarizeWrites } from '../control-plane/audit.ts';
import { STARTUP_ANNOTATION } from '../control-plane/kwok-config.ts';
import { waitFor } from '../control-plane/processes.ts';
import { stopUpdater } from '../control-plane/updater.ts';
import { useCluster, withSubject } from './fixture.ts';
import { printed, printedStatus, viewerKubeconfig } from './viewer.ts';

const NODES = 300;
const ALLOWED = 30;
const ROLLOUT_TIMEOUT_MS = 300_000;
/** A new leader waits until the dead one's lease is over. */
const FAILOVER_MS = 30_000;
/** The leader tells every ten seconds at most. */
const TOLD_TIMEOUT_MS = 60_000;
const ROLLING = {
  'apps.openyurt.io/update-strategy': 'AdvancedRollingUpdate',
  'apps.openyurt.io/max-unavailable': '10%',
};

interface ConfigMap {
  readonly data?: Readonly<Record<string, string>>;
}

interface Lease {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly holderIdentity?: string };
}

describe('rollout on a real control plane', () => {
  const cluster = useCluster({ nodes: NODES, startupMs: 300, startupMaxMs: 700 });

  /** What the updater wrote, with one deletion for each pod that was there. */
  async function deletionsOf(name: string): Promise<AuditedWrite[]> {
    const writes = await cluster().updaterWritesOnce(name, (logged) => appliedDeletions(logged).length >= NODES);
    assert.equal(appliedDeletions(writes).length, NODES);
    return writes;
  }

  it('rollout: 300 nodes, 10 % → every pod replaced once, never more than 30 unavailable', async () => {
    await withSubject(cluster(), { name: 'agent', annotations: ROLLING }, async ({ name, observer, change }) => {
      observer.begin();
      const report = await observer.complete(await change('example.test/agent:2'), ROLLOUT_TIMEOUT_MS);
      assert.equal(report.updatedNodes, NODES);
      assert.ok(
        report.unavailablePeak <= ALLOWED,
        `${report.unavailablePeak} were unavailable, ${ALLOWED} are allowed`,
      );
      assert.equal(report.deletedPods, NODES);
      assert.equal(report.deletedCurrentPods, 0);
      const { writes, deletes, duplicates } = summarizeWrites(await deletionsOf(name));
      assert.equal(writes, deletes, 'something else than deletions');
      assert.deepEqual([...duplicates], []);
    });
  });

  it('rollout: template changed again in the middle → ends with the newest, budget held', async () => {
    await withSubject(cluster(), { name: 'twice', annotations: ROLLING }, async ({ observer, change }) => {
      observer.begin();
      await change('example.test/agent:2');
      await waitFor(() => observer.report.deletedPods > NODES / 3, {
        timeoutMs: ROLLOUT_TIMEOUT_MS,
        what: 'a third of the pods to be deleted',
      });
      const generation = await change('example.test/agent:3');
      await observer.settle();
      const deletedBefore = observer.report.deletedPods;
      const report = await observer.complete(generation, ROLLOUT_TIMEOUT_MS);
      assert.equal(report.updatedNodes, NODES);
      assert.ok(
        report.unavailablePeak <= ALLOWED,
        `${report.unavailablePeak} were unavailable, ${ALLOWED} are allowed`,
      );
      assert.equal(report.deletedCurrentPods, 0);
      // Those already replaced go once more, and so may those that were under way when the template changed.
      assert.ok(report.deletedPods <= NODES + deletedBefore + 2 * ALLOWED, `${report.deletedPods} pods were deleted`);
    });
  });

  it('rollout: updater killed in the middle and started again → goes on, nothing is done twice', async () => {
    // Slow pods, so that the kill is in the middle however late it comes.
    const podAnnotations = { [STARTUP_ANNOTATION]: '1500ms' };
    await withSubject(
      cluster(),
      { name: 'killed', annotations: ROLLING, podAnnotations },
      async ({ name, observer, change }, updater) => {
        observer.begin();
        const generation = await change('example.test/agent:2');
        await waitFor(() => observer.report.deletedPods > NODES / 3, {
          timeoutMs: ROLLOUT_TIMEOUT_MS,
          what: 'a third of the pods to be deleted',
        });
        await updater.program.stop('SIGKILL');
        await observer.settle();
        const deletedThen = observer.report.deletedPods;
        assert.ok(deletedThen < NODES, 'the rollout was over before the kill');
        const second = await cluster().startUpdater();
        const report = await observer.complete(generation, ROLLOUT_TIMEOUT_MS + FAILOVER_MS).finally(async () => {
          await stopUpdater(second);
        });
        assert.equal(report.deletedPods, NODES);
        assert.equal(report.deletedCurrentPods, 0);
        assert.ok(
          report.unavailablePeak <= ALLOWED,
          `${report.unavailablePeak} were unavailable, ${ALLOWED} are allowed`,
        );
        assert.deepEqual([...summarizeWrites(await deletionsOf(name)).duplicates], []);
      },
    );
  });

  it('trust 16: status: asked from elsewhere with the rights of the viewer example → window, rate, threads and why', async () => {
    const viewer = await viewerKubeconfig(cluster().plane);
    await withSubject(cluster(), { name: 'seen', annotations: ROLLING }, async ({ observer, change }) => {
      observer.begin();
      await change('example.test/agent:2');
      await waitFor(() => observer.report.deletedPods > NODES / 4, {
        timeoutMs: ROLLOUT_TIMEOUT_MS,
        what: 'a quarter of the pods to be deleted',
      });
      // From here on it stays in the middle, however late it is asked for.
      await change('example.test/agent:never-ready');
      const head = /\ncontroller \S+, leading, as of \d+s ago\n/;
      const row = /\nDAEMONSET +AT ONCE +REPLACED\/S +PACE +WHY\ndefault\/seen +\d+ of 30 +\d+\.\d +\w+ +\S/;
      let text = '';
      await waitFor(
        async () => {
          text = await printedStatus(viewer, 'seen');
          return head.test(text) && row.test(text);
        },
        { timeoutMs: TOLD_TIMEOUT_MS, pollMs: 1_000, what: 'the rollout to be told of' },
      ).catch(() => undefined);
      assert.match(text, head);
      assert.match(text, row);
      assert.match(text, /\nworker threads +\d+\nsetting +auto/);
      const document = JSON.parse(await printedStatus(viewer, '-o', 'json'));
      assert.deepEqual(documentProblems('status', document), []);
      const { controller, daemonSets } = document;
      assert.ok(controller.rollouts[0].pace.window > 0);
      assert.deepEqual([daemonSets[0].namespace, daemonSets[0].name], ['default', 'seen']);
      assert.equal(daemonSets[0].state, 'progressing');
      assert.ok(daemonSets[0].reasons.length > 0);
      const plan = JSON.parse(await printed('plan', viewer, 'seen', '-o', 'json'));
      assert.deepEqual(documentProblems('plan', plan), []);
      assert.equal(plan.nodes.length, NODES);
    });
    const alone = JSON.parse(await printedStatus(viewer, '-o', 'json'));
    assert.deepEqual(documentProblems('status', alone), []);
    assert.match(await printedStatus(viewer), /\ncontroller not reached: nobody holds lease daemonpodupdater\//);
  });

  it('trust 5, trust 21: with the rights of deploy/base → the leader tells beside its lease, whose renewals hold nothing of it', async () => {
    const { plane, account } = cluster();
    const place = `namespaces/${account.namespace}`;
    const updater = await cluster().startUpdater();
    try {
      const noted = await waitFor(
        async () => {
          const path = `/api/v1/${place}/configmaps/daemonpodupdater-status`;
          const lease = await plane.admin.get<Lease>(`/apis/coordination.k8s.io/v1/${place}/leases/daemonpodupdater`);
          const { data } = await plane.admin.get<ConfigMap>(path).catch(() => ({ data: undefined }));
          const isTold = data?.status?.includes(`"identity":"${lease.spec.holderIdentity}"`);
          return isTold ? { data, lease } : undefined;
        },
        { timeoutMs: TOLD_TIMEOUT_MS, pollMs: 500, what: 'the new leader to tell how it stands' },
      );
      assert.deepEqual(noted.lease.metadata.annotations ?? {}, {});
      assert.ok(Math.abs(Date.now() - Date.parse(noted.data?.writtenAt ?? '')) < TOLD_TIMEOUT_MS);
    } finally {
      await stopUpdater(updater);
    }
  });

  it('rights: the service account of deploy/base → is refused what the updater does not need', async () => {
    const { plane, account } = cluster();
    const api = new ApiClient({
      serverUrl: plane.serverUrl,
      caPem: plane.caPem,
      token: account.token,
      userAgent: 'test-rights',
    });
    const isForbidden = (error: unknown) => error instanceof ApiError && error.status === 403;
    await assert.rejects(api.get('/api/v1/secrets'), isForbidden);
    await assert.rejects(api.delete(`/api/v1/nodes/${cluster().nodeNames[0]}`), isForbidden);
    await assert.rejects(api.patch('/apis/apps/v1/namespaces/default/daemonsets/agent', {}), isForbidden);
    await api.close();
  });
});
