import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf, nodeNameOf, type PodObject } from '../../src/simulator/objects.ts';
import { Stage } from './stage.ts';

const NEW = 'registry.example/agent:v2';
const OLD = 'registry.example/agent:v1';
const THIRD = 'registry.example/agent:v3';
const HOUR_MS = 3_600_000;
const ZONES = 10;
const inZone = (index: number) => ({ labels: { 'topology.kubernetes.io/zone': `zone-${index % ZONES}` } });

for (const [what, nodeAt] of [
  ['a site of 100', inZone],
  ['100 nodes without zones', () => ({})],
] as const) {
  test(`trust 3: 400 of 1,000 updated, ${what} loses its uplink → everybody else is updated`, () => {
    const stage = new Stage({ nodes: 1000, nodeAt, daemonSets: [{ maxUnavailable: '10%' }] }).start();
    stage.roll(NEW).until(() => stage.runningOn(NEW).length >= 400, HOUR_MS);
    const lost = new Set(stage.names.filter((_, index) => index % ZONES === 3));
    for (const [index, name] of [...lost].entries()) {
      stage.cluster.timeline.after(80 * index, () => stage.cluster.setNodeReady(name, false));
    }
    const left = () => stage.names.filter((name) => !lost.has(name));
    stage.until(() => {
      const updated = new Set(stage.runningOn(NEW));
      return left().every((name) => updated.has(name));
    }, HOUR_MS);
    for (const name of lost) stage.cluster.setNodeReady(name, true);
    stage.until(() => stage.runningOn(NEW).length === 1000, HOUR_MS);
  });
}

for (const [afterMs, minReadySeconds] of [
  [1000, 0],
  [20_000, 60],
  [200_000, 300],
] as const) {
  test(`trust 3: a version takes its nodes down after ${afterMs / 1000} s, minReadySeconds ${minReadySeconds}, zones → stops at the budget`, () => {
    const daemonSets = [{ maxUnavailable: '6', minReadySeconds }];
    const stage = new Stage({ nodes: 200, nodeAt: inZone, daemonSets }).run(minReadySeconds * 1000).start();
    stage.cluster.troubles.setDeadly(NEW, afterMs);
    stage.roll(NEW).run(HOUR_MS);
    assert.deepEqual([stage.dead(), stage.touchedBy(NEW).length], [6, 6]);
    assert.ok(stage.reasons('Warning').includes('NodeUpdateFailed'));
  });
}

test('trust 5: a version takes its node down, the updater restarts after each → never more than two dead', () => {
  const stage = new Stage({ nodes: 20, daemonSets: [{ maxUnavailable: '2' }] }).start();
  stage.cluster.troubles.setDeadly(NEW, 1000);
  stage.roll(NEW);
  for (let round = 0; round < 8; round += 1) {
    stage.run(20_000 + round * 5000).restart();
    assert.ok(stage.dead() <= 2, `${stage.dead()} dead after ${round} restarts`);
  }
  stage.run(HOUR_MS);
  assert.deepEqual([stage.dead(), stage.touchedBy(NEW).length], [2, 2]);
});

test('trust 5: rolled back to a version that takes its node down, restarts → never more than two dead', () => {
  const stage = new Stage({ nodes: 20, daemonSets: [{ maxUnavailable: '2' }] }).start();
  stage.roll(NEW).until(() => stage.runningOn(NEW).length === 20, HOUR_MS);
  // Its ControllerRevision is the old one, created long ago.
  stage.cluster.troubles.setDeadly(OLD, 1000);
  stage.run(HOUR_MS).roll(OLD);
  for (let round = 0; round < 8; round += 1) {
    stage.run(25_000).restart();
    assert.ok(stage.dead() <= 2, `${stage.dead()} dead after ${round} restarts`);
  }
  stage.run(HOUR_MS);
  assert.equal(stage.dead(), 2);
});

for (const [what, steps] of [
  ['undone, and tried again, restarts in between', [OLD, 'restart', NEW, 'restart']],
  ['given up for a third, and tried again, a restart after that', [THIRD, NEW, 'restart']],
  ['given up for a third, and tried again, restarts in between', [OLD, THIRD, 'restart', NEW, 'restart']],
  [
    'undone, the pods of its nodes made to go, and tried again, restarts in between',
    [OLD, 'go', 'restart', NEW, 'restart'],
  ],
] as const) {
  test(`trust 5: a bad version, ${what} → never more than two dead by it`, () => {
    const stage = new Stage({ nodes: 20, daemonSets: [{ maxUnavailable: '2' }] }).start();
    stage.cluster.troubles.setDeadly(NEW, 1000);
    stage.roll(NEW).until(() => stage.dead() === 2, HOUR_MS);
    const touched = stage.touchedBy(NEW);
    const bad = ([...stage.cluster.store.all('pods')] as PodObject[]).filter((pod) =>
      touched.includes(nodeNameOf(pod)),
    );
    for (const step of steps) {
      stage.run(60_000);
      if (step === 'restart') stage.restart();
      else if (step === 'go') for (const pod of bad) stage.cluster.deletePodAsUser(keyOf(pod), 0);
      else stage.roll(step);
    }
    stage.run(HOUR_MS);
    assert.equal(stage.dead(), 2);
  });
}

test('trust 5: pods that never become ready, restarts → never more than two', () => {
  const annotations = { 'daemonpodupdater.io/progress-deadline-seconds': '30' };
  const stage = new Stage({ nodes: 20, daemonSets: [{ maxUnavailable: '2', annotations }] }).start();
  for (const name of stage.names) stage.cluster.setBadImage(name, NEW, 'CrashLoopBackOff');
  stage.roll(NEW);
  for (let round = 0; round < 6; round += 1) stage.run(45_000).restart();
  stage.run(HOUR_MS);
  assert.deepEqual([stage.without(), stage.touchedBy(NEW).length], [2, 2]);
});
