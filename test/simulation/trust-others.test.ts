import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVERY_IMAGE } from '../../src/simulator/kubelet.ts';
import { makeNode } from '../../src/simulator/make-objects.ts';
import { keyOf, type NodeObject, type PodObject, withMetadata } from '../../src/simulator/objects.ts';
import { Stage } from './stage.ts';

const NEW = 'registry.example/agent:v2';
const AGENT = 'default/agent';
const HOUR_MS = 3_600_000;
const DEADLINE = { 'daemonpodupdater.io/progress-deadline-seconds': '60' };
const ONE = [{ maxUnavailable: '1', annotations: DEADLINE }];

function breakPod(stage: Stage, name: string): void {
  stage.cluster.setBadImage(name, EVERY_IMAGE, 'CrashLoopBackOff');
  for (const pod of stage.cluster.podsOn(AGENT, name)) stage.cluster.deletePodAsUser(keyOf(pod), 0);
}

function label(stage: Stage, name: string, value: string | undefined): void {
  const node = stage.cluster.store.get('nodes', name) as NodeObject;
  const { 'daemonpodupdater.io/exclude': _, ...others } = node.metadata.labels ?? {};
  const labels = value === undefined ? others : { ...others, 'daemonpodupdater.io/exclude': value };
  stage.cluster.store.update('nodes', withMetadata(node, { labels }), 'user');
}

test('trust 8: nodes where no pod can ever run, 1 allowed → the others are updated', () => {
  const stage = new Stage({ nodes: 12, daemonSets: ONE });
  for (const name of ['fargate-1', 'fargate-2']) {
    stage.cluster.createNode(makeNode({ name }));
    stage.cluster.setBadImage(name, EVERY_IMAGE, 'ImagePullBackOff');
  }
  stage.run(5 * 60_000).start();
  stage.roll(NEW).until(() => stage.runningOn(NEW).length === 12, 15 * 60_000);
});

test('trust 8: the same, and the updater starts over in the midst of it → the others are updated', () => {
  const stage = new Stage({ nodes: 12, daemonSets: ONE });
  stage.cluster.createNode(makeNode({ name: 'fargate-1' }));
  stage.cluster.setBadImage('fargate-1', EVERY_IMAGE, 'ImagePullBackOff');
  stage.run(5 * 60_000).start();
  stage.roll(NEW).run(30_000).restart().run(90_000).restart();
  stage.until(() => stage.runningOn(NEW).length === 12, 20 * 60_000);
});

for (const [what, restartEveryMs] of [
  ['a while after', 150_000],
  ['again and again', 25_000],
] as const) {
  test(`trust 8: a node where no pod can ever run joins in the midst of it, the updater starts over ${what} → the others are updated`, () => {
    const stage = new Stage({ nodes: 12, daemonSets: ONE, startupMs: 30_000 }).run(60_000).start();
    stage.roll(NEW).run(10_000);
    stage.cluster.setBadImage('fargate-1', EVERY_IMAGE, 'ImagePullBackOff');
    stage.cluster.createNode(makeNode({ name: 'fargate-1' }));
    for (let life = 0; life < 4; life += 1) stage.run(restartEveryMs).restart();
    stage.until(() => stage.runningOn(NEW).length === 12, 10 * 60_000);
  });
}

for (const [what, isUpAfterMs] of [
  ['whose pods take 15 s', 15_000],
  ['whose pods never come up', Number.POSITIVE_INFINITY],
] as const) {
  test(`trust 8: a node joins every 20 s, ${what}, 1 allowed → the rest is updated meanwhile`, () => {
    const annotations = { 'daemonpodupdater.io/progress-deadline-seconds': '600' };
    const stage = new Stage({ nodes: 20, daemonSets: [{ maxUnavailable: '1', annotations }] }).start();
    const { cluster } = stage;
    let joined = 0;
    const join = (): void => {
      joined += 1;
      const name = `joined-${joined}`;
      cluster.setBadImage(name, EVERY_IMAGE, 'ImagePullBackOff');
      cluster.createNode(makeNode({ name }));
      if (isUpAfterMs < HOUR_MS)
        cluster.timeline.after(isUpAfterMs, () => cluster.setBadImage(name, EVERY_IMAGE, undefined));
      if (joined < 25) cluster.timeline.after(20_000, join);
    };
    stage.roll(NEW).run(1000);
    join();
    const updated = (): boolean => {
      const there = new Set(stage.runningOn(NEW));
      return stage.names.every((name) => there.has(name));
    };
    stage.until(updated, 6 * 60_000);
  });
}

test('trust 8: a pod was broken long before, 1 allowed → the healthy rest is updated', () => {
  const stage = new Stage({ nodes: 12, daemonSets: ONE });
  breakPod(stage, 'n0003');
  stage.run(5 * 60_000).start();
  stage.roll(NEW).until(() => stage.runningOn(NEW).length === 11, 10 * 60_000);
});

test('trust 8: a pod broke a moment before, 1 allowed, the new one does not come up either → it holds its place', () => {
  const stage = new Stage({ nodes: 12, daemonSets: ONE }).start();
  breakPod(stage, 'n0003');
  stage.run(10_000).roll(NEW).run(HOUR_MS);
  assert.deepEqual(stage.touchedBy(NEW), ['n0003']);
});

test('trust 8: a second bad version → no second budget', () => {
  const stage = new Stage({ nodes: 12, daemonSets: [{ maxUnavailable: '2', annotations: DEADLINE }] }).start();
  const images = [1, 2, 3].map((number) => `registry.example/bad:v${number}`);
  for (const name of stage.names)
    for (const image of images) stage.cluster.setBadImage(name, image, 'CrashLoopBackOff');
  for (const image of images) {
    stage.roll(image).run(10 * 60_000);
    assert.ok(stage.without() <= 2, `${stage.without()} nodes down with ${image}`);
  }
});

for (const value of ['true', '']) {
  test(`trust 8: label exclude "${value}" on a node → left alone until it is gone; "false" is none`, () => {
    const stage = new Stage({ nodes: 5, daemonSets: ONE }).start();
    label(stage, 'n0002', value);
    label(stage, 'n0003', 'false');
    stage.run(1000).roll(NEW);
    stage.until(() => stage.runningOn(NEW).length === 4, HOUR_MS).run(HOUR_MS);
    assert.ok(!stage.touchedBy(NEW).includes('n0002'));
    label(stage, 'n0002', undefined);
    stage.until(() => stage.runningOn(NEW).length === 5, HOUR_MS);
  });
}

for (const [what, annotations, updated] of [
  ['skip', { 'daemonpodupdater.io/cordoned': 'skip' }, 4],
  ['no annotation', {}, 5],
] as const) {
  test(`trust 8: a cordoned node, ${what} → ${updated} of 5 are updated`, () => {
    const stage = new Stage({ nodes: 5, daemonSets: [{ maxUnavailable: '1', annotations }] }).start();
    stage.cluster.setCordoned('n0002', true);
    stage.run(1000).roll(NEW);
    stage.until(() => stage.runningOn(NEW).length === updated, HOUR_MS).run(HOUR_MS);
    assert.equal(stage.runningOn(NEW).length, updated);
    stage.cluster.setCordoned('n0002', false);
    stage.until(() => stage.runningOn(NEW).length === 5, HOUR_MS);
  });
}

test('trust 9: minReadySeconds longer than the progress deadline → no failure, and done', () => {
  const daemonSets = [{ maxUnavailable: '1', annotations: DEADLINE, minReadySeconds: 120 }];
  const stage = new Stage({ nodes: 4, daemonSets }).start();
  stage.roll(NEW).until(() => stage.runningOn(NEW).length === 4, HOUR_MS);
  assert.deepEqual(stage.reasons('Warning'), []);
});

test('trust 9: pods that take 100 of their 120 s of grace, with a deadline of 60 s → no failure, and done', () => {
  const podSpec = { terminationGracePeriodSeconds: 120 };
  const daemonSets = [{ maxUnavailable: '1', annotations: DEADLINE, podSpec }];
  const stage = new Stage({ nodes: 4, daemonSets, terminationMs: 90_000 }).start();
  stage.roll(NEW).until(() => stage.runningOn(NEW).length === 4, HOUR_MS);
  assert.deepEqual(stage.reasons('Warning'), []);
});

test('trust 9: a Failed leftover beside a healthy pod → the node is available', () => {
  const stage = new Stage({ nodes: 4, daemonSets: ONE }).start();
  const [pod] = stage.cluster.podsOn(AGENT, 'n0001');
  assert.ok(pod !== undefined);
  const { uid: _, ...metadata } = pod.metadata;
  const left: PodObject = {
    ...pod,
    metadata: { ...metadata, uid: '', name: 'agent-left', resourceVersion: '', finalizers: ['example.com/keep'] },
    status: { ...pod.status, phase: 'Failed', reason: 'Evicted', conditions: [{ type: 'Ready', status: 'False' }] },
  };
  stage.cluster.create('pods', left);
  stage.run(10_000);
  assert.deepEqual([stage.counts().unavailable, stage.counts().available], [0, 4]);
  stage.roll(NEW).until(() => stage.runningOn(NEW).length >= 3, HOUR_MS);
});
