import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OBSERVE_UNKNOWN_AFTER_MS } from '../../src/rollout/asks.ts';
import { budget, cluster, daemonSet, outcome, reasons, revision, slot, syncedRollout, T0 } from './records.ts';
import { ALL } from './scenario-moves.ts';

const BLOCKS = [
  { name: 'not opted in', change: { annotations: {} }, code: 'not-opted-in' },
  {
    name: 'unknown strategy',
    change: { annotations: { 'apps.openyurt.io/update-strategy': 'x' } },
    code: 'unknown-strategy',
  },
  { name: 'RollingUpdate', change: { updateStrategyType: 'RollingUpdate' }, code: 'not-on-delete' },
  { name: 'being deleted', change: { isTerminating: true }, code: 'terminating' },
  { name: 'generation not observed', change: { generation: 2 }, code: 'generation-behind' },
] as const;

for (const { name, change, code } of BLOCKS) {
  test(`rollout: ${name} → blocked as ${code}, nothing is selected, and what waits is withdrawn`, () => {
    const { nodes, pods } = cluster(2);
    const rollout = syncedRollout({ nodes, pods });
    assert.deepEqual(rollout.select({ count: 1, window: 1 }, T0), [slot('n01')]);
    rollout.setDaemonSet(daemonSet(change), T0 + 1);
    assert.equal(rollout.blocked()?.code, code);
    assert.equal(rollout.taskFor(slot('n01'), T0 + 1), undefined);
    assert.deepEqual(rollout.select(ALL, T0 + 1), []);
    assert.equal(reasons(rollout, T0 + 1).n02, 'blocked');
    rollout.setDaemonSet(daemonSet(), T0 + 2);
    assert.equal(rollout.blocked(), undefined);
    assert.equal(rollout.select(ALL, T0 + 2).length, 1);
  });
}

test('rollout: the view is stale → blocked with the reason, what waits is withdrawn, what left stays; confirmed → goes on', () => {
  const { nodes, pods } = cluster(4);
  const rollout = syncedRollout({ nodes, pods, daemonSet: daemonSet({ annotations: budget('3') }) });
  assert.deepEqual(rollout.select({ count: 2, window: 2 }, T0), [slot('n01'), slot('n02')]);
  assert.equal(rollout.taskFor(slot('n01'), T0)?.action, 'delete');
  rollout.onSent(slot('n01'), T0);
  rollout.setSynced(true, T0 + 1, 'pods of kube-system/agent: failing for 75 s: forbidden');
  const message = 'stale: pods of kube-system/agent: failing for 75 s: forbidden';
  assert.deepEqual(rollout.blocked(), { code: 'stale', message });
  assert.deepEqual(rollout.select(ALL, T0 + 1), []);
  assert.equal(rollout.taskFor(slot('n02'), T0 + 1), undefined);
  assert.deepEqual(reasons(rollout, T0 + 1), { n01: 'in-flight', n02: 'blocked', n03: 'blocked', n04: 'blocked' });
  assert.equal(rollout.counts().inFlight, 1);
  rollout.setSynced(true, T0 + 2);
  assert.deepEqual(rollout.select(ALL, T0 + 2), [slot('n02'), slot('n03')]);
});

test('rollout: the view is stale, and a deletion is not answered → its pod is read all the same', () => {
  const { nodes, pods } = cluster(2);
  const rollout = syncedRollout({ nodes, pods });
  rollout.select({ count: 1, window: 1 }, T0);
  const task = rollout.taskFor(slot('n01'), T0);
  assert.ok(task !== undefined);
  rollout.onSent(slot('n01'), T0);
  rollout.onOutcome(outcome(task, 'unknown'), T0);
  rollout.setSynced(true, T0 + 1, 'pods: silent');
  assert.deepEqual(rollout.select(ALL, T0 + OBSERVE_UNKNOWN_AFTER_MS), [slot('n01')]);
  assert.equal(rollout.taskFor(slot('n01'), T0 + OBSERVE_UNKNOWN_AFTER_MS)?.action, 'observe');
});

test('rollout: nothing read yet → nothing selected; no revision → nothing selected', () => {
  const { nodes, pods } = cluster(1);
  const rollout = syncedRollout({ nodes, pods, revisions: [] });
  assert.equal(rollout.blocked()?.code, 'no-revision');
  assert.deepEqual(rollout.select(ALL, T0), []);
  rollout.upsertRevision(revision('new', 1), T0);
  rollout.setSynced(false, T0);
  assert.equal(rollout.blocked()?.code, 'not-synced');
  assert.deepEqual(rollout.select(ALL, T0), []);
  rollout.setSynced(true, T0);
  assert.deepEqual(rollout.select(ALL, T0), [slot('n01')]);
});
