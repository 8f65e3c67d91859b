import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stage, type StageOptions } from './stage.ts';

const NEW = 'registry.example/agent:v2';
const HOUR_MS = 3_600_000;
const DEADLINE = { 'daemonpodupdater.io/progress-deadline-seconds': '60' };

/** The image never comes up on so many nodes, spread over all. */
function spoil(stage: Stage, count: number): void {
  const every = stage.names.length / count;
  for (let index = 0; index < count; index += 1) {
    stage.cluster.setBadImage(stage.names[Math.floor(index * every)] ?? '', NEW, 'CrashLoopBackOff');
  }
}

test('trust 2: 2,000 nodes, 20 %, 260 of them bad → every other node is updated', () => {
  const stage = new Stage({ nodes: 2000, daemonSets: [{ maxUnavailable: '20%', annotations: DEADLINE }] }).start();
  spoil(stage, 260);
  stage.roll(NEW).until(() => stage.runningOn(NEW).length === 1740, HOUR_MS);
});

test('trust 2: 1,000 nodes, 40 %, all of them bad → stops when 400 have failed, not at 250 and not beyond', () => {
  const stage = new Stage({ nodes: 1000, daemonSets: [{ maxUnavailable: '40%', annotations: DEADLINE }] }).start();
  spoil(stage, 1000);
  stage.roll(NEW).until(() => stage.counts().failed === 400, HOUR_MS);
  stage.run(HOUR_MS);
  assert.deepEqual([stage.touchedBy(NEW).length, stage.counts().failed, stage.counts().inFlight], [400, 400, 0]);
});

test('trust 2: one bad DaemonSet beside good ones, 5 in flight over all → the good ones are updated', () => {
  const daemonSets = ['bad', 'good', 'other'].map((name) => ({ name, maxUnavailable: '20', annotations: DEADLINE }));
  const stage = new Stage({ nodes: 100, daemonSets, maxInFlight: 5 }).start();
  const bad = 'registry.example/bad:v2';
  for (const name of stage.names) stage.cluster.setBadImage(name, bad, 'ImagePullBackOff');
  stage.roll(bad, 'bad').until(() => stage.counts('bad').failed >= 10, HOUR_MS);
  stage.roll(NEW, 'good').roll(NEW, 'other');
  stage.until(
    () => stage.runningOn(NEW, 'good').length === 100 && stage.runningOn(NEW, 'other').length === 100,
    HOUR_MS,
  );
  stage.until(() => stage.counts('bad').failed === 20, HOUR_MS);
});

test('trust 2: 5 in flight for each DaemonSet, 12 of 20 places failed → goes on with the other 8, five at a time', () => {
  const stage = new Stage({
    nodes: 200,
    daemonSets: [{ maxUnavailable: '20', annotations: DEADLINE }],
    maxInFlightPerDaemonSet: 5,
  }).start();
  spoil(stage, 12);
  stage.roll(NEW).until(() => stage.runningOn(NEW).length === 188 && stage.counts().failed === 12, HOUR_MS);
});

test('trust 2: failed nodes fill most of the budget → the pace of the rest is that of a rollout of its own', () => {
  const timeOf = (options: Partial<StageOptions>, bad: number): number => {
    const daemonSets = [{ maxUnavailable: '200', annotations: DEADLINE }];
    const stage = new Stage({ nodes: 1000, daemonSets, ...options }).start();
    if (bad > 0) spoil(stage, bad);
    const fromMs = stage.cluster.nowMs;
    stage.roll(NEW).until(() => stage.runningOn(NEW).length === 1000 - bad, HOUR_MS);
    return stage.cluster.nowMs - fromMs;
  };
  const wellMs = timeOf({}, 0);
  const badMs = timeOf({}, 160);
  assert.ok(badMs < 3 * wellMs + 120_000, `${badMs} ms with failed nodes, ${wellMs} ms without`);
});
