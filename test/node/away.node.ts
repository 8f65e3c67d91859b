import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { listPods, type PodObject } from '../control-plane/cluster.ts';
import { waitFor } from '../control-plane/processes.ts';
import { metricOf } from '../control-plane/updater.ts';
import { withSubject } from '../e2e/fixture.ts';
import { describeOnRealNodes, ROLLING } from './fixture.ts';
import { POLITE_IMAGES } from './images.ts';
import { deletedPods } from './replacements.ts';
import { eventsOf, statusOnce, untilEvent } from './told.ts';

const TIMEOUT_MS = 180_000;
/** How long nothing may happen before "nothing happens" is believed. */
const QUIET_MS = 3_000;
const [OLD, NEW] = POLITE_IMAGES;

function isNew({ spec }: PodObject): boolean {
  return spec.nodeName !== undefined && spec.containers?.[0]?.image === NEW;
}

await describeOnRealNodes('real nodes that go away and return', (real) => {
  it('trust D: a node whose kubelet has stopped → is left out, its pod runs on; it is updated when it is back', async () => {
    const { cluster, nodes } = real();
    const { plane } = cluster;
    const [here, away] = nodes;
    const options = { name: 'away', annotations: ROLLING, image: OLD };
    await withSubject(cluster, options, async ({ name, observer, change }, updater) => {
      const containers = await away.containers();
      try {
        await away.stopKubelet();
        await away.untilReadyIs(false);
        const counted = async (what: string) =>
          await metricOf(updater, `daemonpodupdater_rollout_${what}`, { daemonset: name });
        // The updater, too, has to know before the template changes.
        await waitFor(async () => (await counted('available')) === 1 && (await counted('unavailable')) === 0, {
          timeoutMs: TIMEOUT_MS,
          what: 'the updater to see the node as lost',
        });
        await observer.settle();
        observer.begin();
        const generation = await change(NEW);
        const first = await observer.complete(generation, TIMEOUT_MS);
        assert.deepEqual([first.updatedNodes, first.deletedPods, first.unavailablePeak], [1, 1, 1]);
        const { daemonSet } = await statusOnce(plane, name, (told) => told.daemonSet.updated === 1);
        assert.deepEqual([daemonSet.skippedNotReady, daemonSet.failed, daemonSet.inFlight], [1, 0, 0]);
        await untilEvent(plane, name, /^RolloutCompleted: .*NotReady, and updated when they are back: 1$/);
        assert.deepEqual(await away.containers(), containers);

        await away.startKubelet();
        await waitFor(() => observer.report.updatedNodes === 2, {
          timeoutMs: TIMEOUT_MS,
          what: 'the node to be updated',
        });
        const report = await observer.complete(generation, TIMEOUT_MS);
        assert.deepEqual([report.deletedPods, report.deletedCurrentPods], [2, 0]);
        assert.ok(report.takenDownPeak <= 1, `${report.takenDownPeak} were unavailable`);
        await deletedPods(cluster, name, 2);
        const pods = await listPods(plane.admin, { name });
        assert.deepEqual(pods.map(({ spec }) => spec.nodeName).sort(), [here.name, away.name]);
        const told = await statusOnce(plane, name, ({ daemonSet: { updated } }) => updated === 2);
        assert.deepEqual([told.daemonSet.skippedNotReady, told.daemonSet.failed], [0, 0]);
      } finally {
        await away.restore();
      }
    });
  });

  it('trust D: power cut right after a replacement → the node counts as failed and holds its place; the rollout goes on when it is back', async () => {
    const { cluster, nodes } = real();
    const { plane } = cluster;
    // Longer than it takes to notice that a node is gone: until then nobody else's turn comes.
    const options = { name: 'power-cut', annotations: ROLLING, image: OLD, minReadySeconds: 25 };
    await withSubject(cluster, options, async ({ name, observer, change }) => {
      observer.begin();
      const generation = await change(NEW);
      await statusOnce(plane, name, ({ daemonSet }) => daemonSet.updated === 1);
      const before = await listPods(plane.admin, { name });
      const updated = before.find(isNew);
      const cut = nodes.find((node) => node.name === updated?.spec.nodeName) ?? nodes[0];
      await cut.powerOff();
      try {
        await cut.untilReadyIs(false);
        const held = await statusOnce(
          plane,
          name,
          ({ daemonSet }) => daemonSet.leader?.failures['node-not-ready'] === 1,
        );
        assert.equal(held.daemonSet.failed, 1);
        await untilEvent(
          plane,
          name,
          new RegExp(`^NodeUpdateFailed: 1 node failed: the node went NotReady.*${cut.name}`),
        );
        await delay(QUIET_MS);
        await observer.settle();
        assert.equal(observer.report.deletedPods, 1);

        await cut.powerOn();
        const report = await observer.complete(generation, TIMEOUT_MS);
        assert.deepEqual([report.updatedNodes, report.deletedPods, report.deletedCurrentPods], [2, 2, 0]);
        assert.ok(report.takenDownPeak <= 1, `${report.takenDownPeak} were unavailable`);
        await deletedPods(cluster, name, 2);
        await untilEvent(plane, name, /^RolloutCompleted: /);
        const events = await eventsOf(plane, name);
        assert.ok(
          events.some((event) => event.startsWith('NodeUpdateRecovered')),
          events.join('\n'),
        );
      } finally {
        await cut.restore();
      }
    });
  });

  it('trust D: a node that shuts down in order during the rollout → its pod ends in time and costs no turn, comes back updated and is not deleted', async () => {
    const { cluster, nodes } = real();
    const { plane } = cluster;
    const options = { name: 'shut-down', annotations: ROLLING, image: OLD, minReadySeconds: 12 };
    await withSubject(cluster, options, async ({ name, observer, change }) => {
      observer.begin();
      const generation = await change(NEW);
      const [first] = await deletedPods(cluster, name, 1);
      const replaced = await waitFor(async () => (await listPods(plane.admin, { name })).find(isNew), {
        timeoutMs: TIMEOUT_MS,
        what: 'the first replacement',
      });
      // The one whose turn has not come.
      const node = nodes.find((one) => one.name !== replaced.spec.nodeName) ?? nodes[0];
      try {
        await node.shutDown();
        // The other one is available at last, and this one, which is away, counts for nothing.
        await untilEvent(plane, name, /^RolloutCompleted: /);
        const { daemonSet } = await statusOnce(plane, name, (told) => told.daemonSet.leader !== null);
        assert.deepEqual(daemonSet.leader?.failures, {});

        await node.powerOn();
        const report = await observer.complete(generation, TIMEOUT_MS);
        assert.equal(report.updatedNodes, 2);
        assert.deepEqual(await deletedPods(cluster, name, 1), [first]);
        const events = await eventsOf(plane, name);
        assert.deepEqual(
          events.filter((event) => event.startsWith('NodeUpdateFailed')),
          [],
        );
      } finally {
        await node.restore();
      }
    });
  });
});
