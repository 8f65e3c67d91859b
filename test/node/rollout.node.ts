import assert from 'node:assert/strict';
import { it } from 'node:test';
import { listPods } from '../control-plane/cluster.ts';
import type { ObservedRollout } from '../control-plane/observed-rollout.ts';
import { withSubject } from '../e2e/fixture.ts';
import { describeOnRealNodes, ROLLING } from './fixture.ts';
import { POLITE_END_MS, POLITE_IMAGES, STUBBORN_IMAGE } from './images.ts';
import { replacementsOf } from './replacements.ts';
import { eventsOf, statusOf, statusOnce, untilEvent } from './told.ts';

const TIMEOUT_MS = 120_000;
/** What Kubernetes writes in whole seconds may have been up to this much later. */
const SECOND_MS = 1_000;
const [OLD, NEW] = POLITE_IMAGES;

await describeOnRealNodes('rollout on real nodes', (real) => {
  function assertOneByOne(report: ObservedRollout): void {
    assert.equal(report.updatedNodes, 2);
    assert.equal(report.deletedPods, 2);
    assert.equal(report.deletedCurrentPods, 0);
    assert.equal(report.unavailablePeak, 1);
  }

  it('trust D: pods that end by themselves within their grace period → replaced one by one, each successor after its end', async () => {
    const { cluster, nodes } = real();
    const graceSeconds = 60;
    const options = { name: 'polite', annotations: ROLLING, image: OLD, terminationGracePeriodSeconds: graceSeconds };
    await withSubject(cluster, { ...options, imagePullPolicy: 'Never' }, async ({ name, observer, change }) => {
      const [pods, containers] = [await listPods(cluster.plane.admin, { name }), await nodes[0].containers()];
      assert.equal(containers.length, 2, 'one that holds the network, and the pod');
      observer.begin();
      const report = await observer.complete(await change(NEW), TIMEOUT_MS);
      assertOneByOne(report);
      for (const { node, deletedAtMs, createdAtMs } of await replacementsOf(cluster, pods)) {
        const tookMs = createdAtMs - deletedAtMs;
        assert.ok(tookMs > POLITE_END_MS - SECOND_MS, `${node}: the old pod's successor came after ${tookMs} ms`);
        assert.ok(
          tookMs < graceSeconds * 1000,
          `${node}: the old pod was killed, its successor came after ${tookMs} ms`,
        );
      }
      const now = await nodes[0].containers();
      assert.deepEqual(
        [now.length, now.filter((id) => containers.includes(id))],
        [2, []],
        'the old containers are gone, and only the new ones are there',
      );
      await untilEvent(cluster.plane, name, /^RolloutStarted: /);
      await untilEvent(cluster.plane, name, /^RolloutCompleted: /);
      const { daemonSet, warnings } = await statusOf(cluster.plane, name);
      const { eligible, updated, available, unavailable, allowed, inFlight, failed } = daemonSet;
      assert.deepEqual([eligible, updated, available, unavailable, allowed, inFlight, failed], [2, 2, 2, 0, 1, 0, 0]);
      assert.deepEqual(warnings, []);
    });
  });

  it('trust D: pods that ignore SIGTERM → in flight until their grace ends, and no failure', async () => {
    const { cluster } = real();
    const graceSeconds = 8;
    const annotations = { ...ROLLING, 'daemonpodupdater.io/progress-deadline-seconds': '4' };
    const options = {
      name: 'stubborn',
      annotations,
      image: STUBBORN_IMAGE,
      terminationGracePeriodSeconds: graceSeconds,
    };
    await withSubject(cluster, { ...options, imagePullPolicy: 'Never' }, async ({ name, observer, change }) => {
      const pods = await listPods(cluster.plane.admin, { name });
      observer.begin();
      const generation = await change(NEW);
      const { daemonSet } = await statusOnce(cluster.plane, name, (told) => told.daemonSet.inFlight === 1);
      assert.deepEqual([daemonSet.unavailable, daemonSet.failed], [1, 0]);
      assertOneByOne(await observer.complete(generation, TIMEOUT_MS));
      for (const { node, deletedAtMs, createdAtMs } of await replacementsOf(cluster, pods)) {
        const tookMs = createdAtMs - deletedAtMs;
        assert.ok(tookMs > graceSeconds * 1000 - SECOND_MS, `${node}: the successor came after ${tookMs} ms`);
      }
      await untilEvent(cluster.plane, name, /^RolloutCompleted: /);
      const failures = (await eventsOf(cluster.plane, name)).filter((event) => event.startsWith('NodeUpdateFailed'));
      assert.deepEqual(failures, []);
    });
  });

  it('trust D: minReadySeconds → the next pod goes when the last one has been Ready for that long', async () => {
    const { cluster } = real();
    const minReadySeconds = 8;
    const options = { name: 'min-ready', annotations: ROLLING, image: OLD, minReadySeconds };
    await withSubject(cluster, { ...options, imagePullPolicy: 'Never' }, async ({ name, observer, change }) => {
      const pods = await listPods(cluster.plane.admin, { name });
      observer.begin();
      const generation = await change(NEW);
      const isHalfDone = ({ daemonSet }: { daemonSet: { updated: number } }) => daemonSet.updated === 1;
      const { daemonSet } = await statusOnce(cluster.plane, name, isHalfDone);
      assert.deepEqual([daemonSet.inFlight, daemonSet.unavailable, daemonSet.failed], [1, 1, 0]);
      assertOneByOne(await observer.complete(generation, TIMEOUT_MS));
      const [first, second] = await replacementsOf(cluster, pods);
      const readyMs = (second?.deletedAtMs ?? 0) - (first?.readySinceMs ?? 0);
      assert.ok(
        readyMs >= minReadySeconds * 1000,
        `the first had been Ready for ${readyMs} ms when the second was deleted`,
      );
      await untilEvent(cluster.plane, name, /^RolloutCompleted: /);
    });
  });
});
