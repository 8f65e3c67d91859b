import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allArrived, assertClean, eventually, rolledOut, simulator, startUpdater } from './support.ts';

test('rollout: 200 nodes, 2 lanes → complete, within the budget, nothing twice, work on both lanes', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 200, maxUnavailable: '10%', startupMs: 1000 } });
  const { updater, diary } = await startUpdater(t, cluster);
  await cluster.control.startRollout();
  const report = await rolledOut(cluster);
  assertClean(report);
  assert.deepEqual([report.deletes, report.patches], [200, 0]);
  const [availability] = report.daemonSets;
  assert.equal(availability?.allowed, 20);
  assert.ok(availability.peak > 0 && availability.peakOverall <= 20);
  const lanes = await updater.pool.stats();
  assert.deepEqual(
    lanes.map(({ lane }) => lane),
    [0, 1],
  );
  assert.ok(
    lanes.every(({ tasks }) => tasks > 50),
    JSON.stringify(lanes),
  );
  // The cluster may know before the lanes' answers are here.
  await eventually('all answers are here', () => diary.outcomes.length >= 200);
  assert.equal(diary.outcomes.length, 200);
  await eventually('the end is said', () => diary.messages('info').includes('RolloutCompleted'));
});

test('rollout: OTA of 300 nodes → every pod is marked once, none is deleted', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 300, strategy: 'OTA', startupMs: 500 } });
  const { updater } = await startUpdater(t, cluster);
  // Pods of the revision that is there are marked as up to date.
  const marked = async (): Promise<number> => (await cluster.control.progress())[0]?.marked ?? 0;
  await eventually('all are marked False', async () => (await marked()) === 300);
  await cluster.control.startRollout();
  const isMarked = async (): Promise<boolean> => {
    const [progress] = await cluster.control.progress();
    return progress?.isNewRevisionKnown === true && progress.marked === 300;
  };
  await eventually('all are marked True', isMarked);
  const report = await cluster.control.report();
  assertClean(report);
  assert.deepEqual([report.deletes, report.patches], [0, 600]);
  assert.deepEqual(
    (await updater.pool.stats()).map(({ tasks }) => tasks > 100),
    [true, true],
  );
});

test('rollout: 4 DaemonSets at once, nodes that go and come → all complete, each within its own budget', async (t) => {
  const cluster = await simulator(t, {
    scenario: {
      nodes: 60,
      daemonSets: 4,
      maxUnavailable: '5',
      startupMs: 800,
      notReadyPercent: 10,
      podsPerSecond: 200,
    },
  });
  await startUpdater(t, cluster, { workers: 3 });
  await cluster.control.startRollout();
  await eventually('nodes have gone and come', async () => {
    return (await cluster.control.statistics()).pendingNodeChanges === 0;
  });
  const report = await rolledOut(cluster);
  assertClean(report);
  assert.equal(report.daemonSets.length, 4);
  for (const { updated, eligibleReady, notReady } of report.daemonSets) {
    assert.equal(updated, eligibleReady);
    assert.ok(notReady > 0 && eligibleReady >= 54);
  }
});

test('rollout: new pods that do not become ready → stops at the budget, and goes on with the next template', async (t) => {
  const scenario = { nodes: 30, maxUnavailable: '3', startupMs: 300, badNodesPercent: 100 };
  const cluster = await simulator(t, { scenario });
  await startUpdater(t, cluster);
  await cluster.control.startRollout();
  await eventually('three are down', async () => (await cluster.control.report()).deletes === 3);
  // 20 times real time: two seconds more are forty for the pods.
  const before = (await cluster.control.statistics()).nowMs;
  await eventually('time passes', async () => (await cluster.control.statistics()).nowMs > before + 40_000);
  const stopped = await cluster.control.report();
  assertClean(stopped);
  assert.equal(stopped.deletes, 3);
  await cluster.control.updateTemplate('default/agent', 'registry.example/agent:v3');
  const report = await rolledOut(cluster);
  assertClean(report);
  assert.equal(report.deletes, 33);
});

test('rollout: the API server answers badly, cuts watches and loses answers → complete, nothing twice', async (t) => {
  const faults = {
    throttled: 0.1,
    conflict: 0.05,
    internalError: 0.02,
    watchCut: 0.5,
    watchCutMs: 20_000,
    slow: 0.2,
    slowMs: 500,
  };
  const cluster = await simulator(t, { scenario: { nodes: 100, maxUnavailable: '20%', startupMs: 500 } });
  await startUpdater(t, cluster);
  await cluster.control.setFaults(faults);
  await cluster.control.startRollout();
  await eventually('half of it is through', async () => (await cluster.control.report()).deletes >= 50);
  await cluster.control.endWatches();
  await cluster.control.compact();
  const report = await rolledOut(cluster);
  assertClean(report);
  assert.equal(report.deletes, 100);
});

test('rollout: dropped in the middle and started anew → the second finishes, nothing is done twice', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 150, maxUnavailable: '20', startupMs: 3000 } });
  const first = await startUpdater(t, cluster);
  await cluster.control.startRollout();
  await eventually('some are on their way', async () => (await cluster.control.report()).deletes >= 40);
  // Not drained: the threads die with what they have, as with SIGKILL.
  await first.stop(0);
  await allArrived(cluster);
  const { deletes } = await cluster.control.report();
  assert.ok(deletes < 150);
  await startUpdater(t, cluster);
  const report = await rolledOut(cluster);
  assertClean(report);
  assert.equal(report.deletes, 150);
});

test('rollout: two updaters, only one leads, then the other → nothing is done twice', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 100, maxUnavailable: '10', startupMs: 3000 } });
  const first = await startUpdater(t, cluster);
  const second = await startUpdater(t, cluster);
  second.updater.standBy();
  await cluster.control.startRollout();
  await eventually('some are on their way', async () => (await cluster.control.report()).deletes >= 30);
  assert.equal(second.diary.outcomes.length, 0, 'a standby writes nothing');
  first.updater.standBy();
  await first.stop();
  second.updater.lead(Number.POSITIVE_INFINITY);
  const report = await rolledOut(cluster);
  assertClean(report);
  assert.equal(report.deletes, 100);
  assert.ok(second.diary.outcomes.length > 0);
});
