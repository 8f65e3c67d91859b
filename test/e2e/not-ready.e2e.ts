import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listPods, makeNodeNotReady, makeNodeReady } from '../control-plane/cluster.ts';
import { waitFor } from '../control-plane/processes.ts';
import { metricOf } from '../control-plane/updater.ts';
import { useCluster, withSubject } from './fixture.ts';

const NODES = 60;
const ALLOWED = 6;
const LOST = 5;
const SEEN_TIMEOUT_MS = 60_000;
const ROLLOUT_TIMEOUT_MS = 300_000;
/** How long nothing may happen before "nothing happens" is believed. */
const QUIET_MS = 3_000;
const ROLLING = {
  'apps.openyurt.io/update-strategy': 'AdvancedRollingUpdate',
  'apps.openyurt.io/max-unavailable': '10%',
};

describe('nodes and pods that are not ready, on a real control plane', () => {
  const cluster = useCluster({ nodes: NODES, startupMs: 300 });

  it('NotReady nodes: some are lost before the rollout → skipped, then continued without help', async () => {
    const { plane, nodeNames } = cluster();
    const lost = nodeNames.slice(0, LOST);
    await withSubject(
      cluster(),
      { name: 'lost', annotations: ROLLING },
      async ({ name, observer, change }, updater) => {
        const counted = async (what: string) =>
          await metricOf(updater, `daemonpodupdater_rollout_${what}`, { daemonset: name });
        for (const node of lost) await makeNodeNotReady(plane.admin, node);
        // The updater, too, has to know before the template changes. It counts a node without an available pod while it is Ready.
        await waitFor(
          async () => (await counted('available')) === NODES - LOST && (await counted('unavailable')) === 0,
          { timeoutMs: SEEN_TIMEOUT_MS, what: 'the updater to see the nodes as lost' },
        );
        await observer.settle();
        assert.equal(observer.report.eligibleNodes, NODES - LOST);
        observer.begin();
        const generation = await change('example.test/agent:2');
        const first = await observer.complete(generation, ROLLOUT_TIMEOUT_MS);
        assert.equal(first.updatedNodes, NODES - LOST);
        assert.equal(first.deletedPods, NODES - LOST);
        assert.ok(
          first.unavailablePeak <= ALLOWED,
          `${first.unavailablePeak} were unavailable, ${ALLOWED} are allowed`,
        );
        const untouched = (await listPods(plane.admin, { name })).filter(({ spec }) =>
          lost.includes(spec.nodeName ?? ''),
        );
        assert.equal(untouched.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length, LOST);

        for (const node of lost) await makeNodeReady(plane.admin, node);
        await observer.settle();
        assert.equal(observer.report.eligibleNodes, NODES);
        const second = await observer.complete(generation, ROLLOUT_TIMEOUT_MS);
        assert.equal(second.updatedNodes, NODES);
        assert.equal(second.deletedPods, NODES);
        assert.equal(second.deletedCurrentPods, 0);
      },
    );
  });

  it('new version: its pods never get ready → stops at the budget; a better one goes to the broken nodes first', async () => {
    await withSubject(cluster(), { name: 'broken', annotations: ROLLING }, async ({ observer, change }) => {
      observer.begin();
      await change('example.test/agent:never-ready');
      await waitFor(() => observer.report.unavailableNow === ALLOWED, {
        timeoutMs: ROLLOUT_TIMEOUT_MS,
        what: `${ALLOWED} pods to be unavailable`,
      });
      await assert.rejects(
        waitFor(() => observer.report.deletedPods > ALLOWED, {
          timeoutMs: QUIET_MS,
          what: 'a deletion beyond the budget',
        }),
        /waited/,
      );
      assert.equal(observer.report.unavailablePeak, ALLOWED);

      const generation = await change('example.test/agent:3');
      await waitFor(() => observer.report.deletedPods > ALLOWED, {
        timeoutMs: ROLLOUT_TIMEOUT_MS,
        what: 'the better version to be rolled out',
      });
      const report = await observer.complete(generation, ROLLOUT_TIMEOUT_MS);
      assert.equal(report.updatedNodes, NODES);
      assert.equal(report.deletedPods, NODES + ALLOWED);
      assert.ok(
        report.unavailablePeak <= ALLOWED,
        `${report.unavailablePeak} were unavailable, ${ALLOWED} are allowed`,
      );
    });
  });
});
