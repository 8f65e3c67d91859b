import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodObject, Taint } from '../../src/simulator/objects.ts';
import { Stage } from './stage.ts';

const NEW = 'registry.example/agent:v2';
const HOUR_MS = 3_600_000;

test('trust 1: a version takes its node down, no tolerations, 2 of 20 allowed → two dead nodes, a Warning, never done', () => {
  const stage = new Stage({ nodes: 20, daemonSets: [{ maxUnavailable: '2' }] }).start();
  stage.cluster.troubles.setDeadly(NEW, 1000);
  stage.roll(NEW).run(HOUR_MS);
  assert.deepEqual([stage.dead(), stage.touchedBy(NEW).length], [2, 2]);
  const { failed, unavailable, eligible } = stage.counts();
  assert.deepEqual({ failed, unavailable, eligible }, { failed: 2, unavailable: 2, eligible: 20 });
  assert.ok(stage.reasons('Warning').includes('NodeUpdateFailed'), stage.reasons('Warning').join());
  assert.ok(!stage.reasons('Normal').includes('RolloutCompleted'));
});

test('trust 1: nodes that died come back → the rollout goes on to its end', () => {
  const stage = new Stage({ nodes: 20, daemonSets: [{ maxUnavailable: '2' }] }).start();
  stage.cluster.troubles.setDeadly(NEW, 1000);
  stage.roll(NEW).until(() => stage.dead() === 2, HOUR_MS);
  stage.cluster.troubles.setDeadly(NEW, undefined);
  for (const name of stage.names) stage.cluster.setNodeReady(name, true);
  stage.until(() => stage.runningOn(NEW).length === 20, HOUR_MS);
});

/** Set on the node as soon as its pod is gone, for a while: the new pod has to wait for the end of it. */
const PASSING: readonly (Taint | 'NetworkUnavailable' | 'DiskPressure')[] = [
  'NetworkUnavailable',
  'DiskPressure',
  { key: 'node.openyurt.io/unschedulable', effect: 'NoSchedule' },
  { key: 'node.cilium.io/agent-not-ready', effect: 'NoExecute' },
  { key: 'example.com/dedicated', value: 'gpu', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' },
];
for (const taint of PASSING) {
  const what = typeof taint === 'string' ? taint : `${taint.key}:${taint.effect}`;
  test(`trust 1: ${what} for 38 s on each node whose pod goes, 3 of 30 allowed → never more than three without a pod`, () => {
    const stage = new Stage({ nodes: 30, daemonSets: [{ maxUnavailable: '3' }] }).start();
    const { cluster } = stage;
    const set = (name: string, isThere: boolean): void => {
      if (typeof taint === 'string') cluster.troubles.setReported(name, taint, isThere);
      else cluster.troubles.setTaint(name, taint, isThere);
    };
    let most = 0;
    cluster.store.onCommit(({ resource, type, object }) => {
      most = Math.max(most, stage.without());
      if (resource !== 'pods' || type !== 'DELETED') return;
      const { nodeName = '' } = (object as PodObject).spec;
      cluster.timeline.after(0, () => set(nodeName, true));
      cluster.timeline.after(38_000, () => set(nodeName, false));
    });
    stage.roll(NEW).until(() => stage.runningOn(NEW).length === 30, HOUR_MS);
    assert.ok(most <= 3, `${most} nodes without a pod at once`);
  });
}

test('trust 1: a tainted node that never had our replacement → left out, and in nobody’s way', () => {
  const taints = [{ key: 'example.com/dedicated', effect: 'NoSchedule' }];
  const nodeAt = (index: number) => (index < 3 ? { taints } : {});
  const stage = new Stage({ nodes: 10, nodeAt, daemonSets: [{ maxUnavailable: '1' }] }).start();
  stage.roll(NEW).until(() => stage.runningOn(NEW).length === 7, HOUR_MS);
  assert.equal(stage.counts().eligible, 7);
});

for (const [what, podSpec] of [
  ['no tolerations', {}],
  ['all tolerated', { tolerations: [{ operator: 'Exists' }] }],
] as const)
  test(`trust 4: 90 of 100 nodes away, 10 %, ${what} → one of the ten at a time, and all ten`, () => {
    const stage = new Stage({ nodes: 100, daemonSets: [{ maxUnavailable: '10%', podSpec }] });
    for (const name of stage.names.slice(0, 90)) stage.cluster.setNodeReady(name, false);
    stage.run(60_000).start();
    const ready = new Set(stage.names.slice(90));
    let most = 0;
    stage.cluster.store.onCommit(() => {
      most = Math.max(most, stage.without() - 90);
    });
    stage.roll(NEW).until(() => stage.runningOn(NEW).length === 10, HOUR_MS);
    assert.deepEqual(new Set(stage.runningOn(NEW)), ready);
    assert.equal(most, 1);
  });

test('trust 4: half of the nodes come and go every 10 s, 10 % of 100 → the base follows those that stay', () => {
  const stage = new Stage({ nodes: 100, daemonSets: [{ maxUnavailable: '10%' }], startupMs: 20_000 }).start();
  const flapping = stage.names.slice(0, 50);
  const flap = (isReady: boolean): void => {
    for (const name of flapping) stage.cluster.setNodeReady(name, isReady);
    stage.cluster.timeline.after(10_000, () => flap(!isReady));
  };
  flap(false);
  const staying = new Set(stage.names.slice(50));
  const down = (): number =>
    [...staying].filter((name) => !stage.cluster.podsOn('default/agent', name).some(isReadyPod)).length;
  stage.run(5000);
  let most = 0;
  stage.cluster.store.onCommit(() => {
    most = Math.max(most, down());
  });
  stage.roll(NEW).until(() => stage.runningOn(NEW).filter((name) => staying.has(name)).length === 50, HOUR_MS);
  assert.ok(most <= 5, `${most} of the 50 that stay were down at once`);
});

function isReadyPod({ metadata, status }: PodObject): boolean {
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  return metadata.deletionTimestamp === undefined && ready?.status === 'True';
}
