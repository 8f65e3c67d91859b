import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClean, eventually, rolledOut, simulator, skippableClock, startUpdater } from './support.ts';

const FORCE = 'daemonpodupdater.io/force-delete-stuck';
const DEADLINE = 'daemonpodupdater.io/progress-deadline-seconds';

test('stuck pods: one of 10 stays Terminating, and the DaemonSet asks for force → goes after the deadline, rollout completes', async (t) => {
  const skip = skippableClock(t);
  const cluster = await simulator(t, { scenario: { nodes: 10, maxUnavailable: '2', startupMs: 500 } });
  await cluster.control.annotateDaemonSet('default/agent', { [FORCE]: 'true', [DEADLINE]: '1' });
  await cluster.control.setStuckTerminating('node-3', true);
  const { diary } = await startUpdater(t, cluster);
  await cluster.control.startRollout();
  await eventually('the others are through', async () => (await cluster.control.progress())[0]?.updated === 9);
  await eventually('all answers are here', () => diary.outcomes.length >= 10);
  assert.equal(diary.outcomes.length, 10, 'its grace period of 30 s is not over');
  assert.ok(!diary.messages('warn').includes('NodeUpdateFailed'), 'nor is it said to have failed');
  skip(31_000);
  await cluster.control.annotateDaemonSet('default/agent', { wake: 'up' });
  await eventually('it is reported', () => diary.messages('warn').includes('NodeUpdateFailed'));
  const report = await rolledOut(cluster);
  assertClean(report);
  assert.equal(report.deletes, 10, 'the second deletion of the same pod is not a further one');
  const forced = diary.outcomes.filter(({ action }) => action === 'force-delete');
  assert.deepEqual(
    forced.map(({ code, slot }) => [code, slot]),
    [['done', 'default/agent/node-3']],
  );
});

test('stuck pods: one of 10 stays Terminating, nobody asks for force → reported, never deleted by force', async (t) => {
  const skip = skippableClock(t);
  const cluster = await simulator(t, { scenario: { nodes: 10, maxUnavailable: '2', startupMs: 500 } });
  await cluster.control.annotateDaemonSet('default/agent', { [DEADLINE]: '1' });
  await cluster.control.setStuckTerminating('node-3', true);
  const { diary } = await startUpdater(t, cluster);
  await cluster.control.startRollout();
  await eventually('the others are through', async () => (await cluster.control.progress())[0]?.updated === 9);
  await eventually('all answers are here', () => diary.outcomes.length >= 10);
  skip(31_000);
  await cluster.control.annotateDaemonSet('default/agent', { wake: 'up' });
  await eventually('it is said', () => diary.messages('warn').includes('NodeUpdateFailed'));
  assertClean(await cluster.control.report());
  assert.ok(diary.outcomes.every(({ action }) => action === 'delete'));
  assert.equal(diary.outcomes.length, 10);
});
