import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeNode } from '../../src/simulator/make-objects.ts';
import { findCondition, isConditionTrue } from '../../src/simulator/objects.ts';
import { createScenario } from '../../src/simulator/scenario.ts';
import { AGENT, createWorld, deletePod, hashOf, NEW, newestHash, OLD, podOn, run, START_MS, send } from './support.ts';

test('daemonset controller: OnDelete and a new template → nothing goes; a deleted pod comes back new and Ready', () => {
  const cluster = createWorld();
  const old = podOn(cluster, 'n3');
  cluster.updateTemplate(AGENT, NEW);
  run(cluster, 5000);
  assert.equal(podOn(cluster, 'n3').metadata.uid, old.metadata.uid);
  assert.notEqual(newestHash(cluster), hashOf(old));
  assert.equal(cluster.daemonSet(AGENT).status.observedGeneration, 2);
  assert.equal(deletePod(cluster, old), 200);
  assert.ok(podOn(cluster, 'n3').metadata.deletionTimestamp !== undefined);
  run(cluster, 5000);
  const fresh = podOn(cluster, 'n3');
  assert.notEqual(fresh.metadata.uid, old.metadata.uid);
  assert.equal(hashOf(fresh), newestHash(cluster));
  assert.ok(isConditionTrue(fresh.status.conditions, 'Ready'));
  assert.equal(fresh.spec.nodeName, 'n3');
});

test('daemonset controller: many pods gone at once → created at the configured rate', () => {
  const cluster = createWorld({ nodes: 100, podsPerSecond: 20 });
  for (let index = 0; index < 100; index += 1) deletePod(cluster, podOn(cluster, `n${index}`));
  const created = (): number => {
    const pods = [...cluster.store.all('pods')];
    return pods.filter((pod) => pod.metadata.deletionTimestamp === undefined).length;
  };
  run(cluster, 1000);
  const before = created();
  run(cluster, 2000);
  assert.ok(Math.abs(created() - before - 40) <= 1, `${created() - before} pods in two seconds`);
  run(cluster, 10_000);
  assert.equal(created(), 100);
});

test('daemonset controller: back to the first template → its revision object gets the highest number', () => {
  const cluster = createWorld();
  const first = newestHash(cluster);
  cluster.updateTemplate(AGENT, NEW);
  run(cluster, 500);
  cluster.updateTemplate(AGENT, OLD);
  run(cluster, 500);
  assert.equal(newestHash(cluster), first);
  const numbers = [...cluster.store.all('controllerrevisions')].map((revision) => revision.revision);
  assert.deepEqual(numbers.sort(), [2, 3]);
});

test('daemonset controller: a Failed pod → deleted and replaced', () => {
  const cluster = createWorld();
  const pod = podOn(cluster, 'n1');
  cluster.store.update('pods', { ...pod, status: { ...pod.status, phase: 'Failed' } }, 'kubelet');
  run(cluster, 3000);
  assert.notEqual(podOn(cluster, 'n1').metadata.uid, pod.metadata.uid);
});

test('daemonset controller: a node comes, is tainted NoExecute, loses the taint → pod, no pod, pod', () => {
  const cluster = createWorld();
  cluster.changeDaemonSet(AGENT, (daemonSet) => {
    const { template } = daemonSet.spec;
    const spec = { ...template.spec, tolerations: [] };
    return { ...daemonSet, spec: { ...daemonSet.spec, template: { ...template, spec } } };
  });
  cluster.createNode(makeNode({ name: 'late' }));
  run(cluster, 3000);
  assert.ok(isConditionTrue(podOn(cluster, 'late').status.conditions, 'Ready'));
  const setTaints = (taints: { key: string; effect: string }[]): void => {
    const node = cluster.store.get('nodes', 'late');
    assert(node !== undefined);
    cluster.store.update('nodes', { ...node, spec: { taints } }, 'user');
    run(cluster, 3000);
  };
  setTaints([{ key: 'maintenance', effect: 'NoExecute' }]);
  assert.equal(cluster.podsOn(AGENT, 'late').length, 0);
  setTaints([]);
  assert.equal(cluster.podsOn(AGENT, 'late').length, 1);
});

test('daemonset controller: RollingUpdate → everything new, never more than maxUnavailable down', () => {
  const cluster = createWorld({ nodes: 20, updateStrategy: 'RollingUpdate', strategy: 'none' });
  cluster.changeDaemonSet(AGENT, (daemonSet) => {
    const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 4 } };
    return { ...daemonSet, spec: { ...daemonSet.spec, updateStrategy } };
  });
  cluster.updateTemplate(AGENT, NEW);
  run(cluster, 60_000);
  const [report] = cluster.observer.report().daemonSets;
  assert.equal(report?.updated, 20);
  assert.equal(report?.peakOverall, 4);
});

test('daemonset: deleted → its pods and revisions are collected', () => {
  const cluster = createWorld();
  cluster.deleteDaemonSet(AGENT);
  run(cluster, 5000);
  assert.deepEqual([cluster.store.count('pods'), cluster.store.count('controllerrevisions')], [0, 0]);
});

test('kubelet: a bad image on a node → crash loop that never gets Ready there, until the node heals', () => {
  const cluster = createWorld();
  cluster.setBadImage('n2', NEW, 'CrashLoopBackOff');
  cluster.updateTemplate(AGENT, NEW);
  run(cluster, 1000);
  deletePod(cluster, podOn(cluster, 'n2'));
  deletePod(cluster, podOn(cluster, 'n3'));
  run(cluster, 60_000);
  const [bad, good] = [podOn(cluster, 'n2'), podOn(cluster, 'n3')];
  assert.equal(isConditionTrue(bad.status.conditions, 'Ready'), false);
  assert.match(JSON.stringify(bad.status), /"CrashLoopBackOff"/);
  assert.ok(isConditionTrue(good.status.conditions, 'Ready'));
  cluster.setBadImage('n2', NEW, undefined);
  run(cluster, 400_000);
  assert.ok(isConditionTrue(podOn(cluster, 'n2').status.conditions, 'Ready'));
});

test('kubelet: stuck terminating → the pod stays, and goes when that ends', () => {
  const cluster = createWorld();
  cluster.kubelets.setStuckTerminating('n1', true);
  const pod = podOn(cluster, 'n1');
  deletePod(cluster, pod);
  run(cluster, 600_000);
  assert.equal(podOn(cluster, 'n1').metadata.uid, pod.metadata.uid);
  cluster.kubelets.setStuckTerminating('n1', false);
  run(cluster, 3000);
  assert.notEqual(podOn(cluster, 'n1').metadata.uid, pod.metadata.uid);
});

test('node: down and up again → Ready Unknown, taints, pods not Ready and left alone; then all as before', () => {
  const cluster = createWorld();
  const pod = podOn(cluster, 'n4');
  cluster.setNodeReady('n4', false);
  const node = cluster.store.get('nodes', 'n4') as ReturnType<typeof makeNode>;
  assert.equal(findCondition(node.status.conditions, 'Ready')?.status, 'Unknown');
  assert.equal(node.spec.taints?.length, 2);
  assert.equal(isConditionTrue(podOn(cluster, 'n4').status.conditions, 'Ready'), false);
  deletePod(cluster, pod);
  run(cluster, 60_000);
  assert.equal(podOn(cluster, 'n4').metadata.uid, pod.metadata.uid);
  cluster.setNodeReady('n4', true);
  run(cluster, 5000);
  const fresh = podOn(cluster, 'n4');
  assert.notEqual(fresh.metadata.uid, pod.metadata.uid);
  assert.ok(isConditionTrue(fresh.status.conditions, 'Ready'));
  cluster.setNodeReady('n5', false);
  cluster.setNodeReady('n5', true);
  run(cluster, 3000);
  assert.ok(isConditionTrue(podOn(cluster, 'n5').status.conditions, 'Ready'));
});

test('node: its object vanishes → its pod is collected, and a node of that name gets a new one', () => {
  const cluster = createWorld();
  const pod = podOn(cluster, 'n6');
  cluster.deleteNode('n6');
  run(cluster, 60_000);
  assert.equal(cluster.podsOn(AGENT, 'n6').length, 0);
  cluster.createNode(makeNode({ name: 'n6' }));
  run(cluster, 5000);
  const fresh = podOn(cluster, 'n6');
  assert.notEqual(fresh.metadata.uid, pod.metadata.uid);
  assert.ok(isConditionTrue(fresh.status.conditions, 'Ready'));
});

test('pods: deleted by a user with grace 0 → gone at once', () => {
  const cluster = createWorld();
  const pod = podOn(cluster, 'n0');
  cluster.deletePodAsUser(`default/${pod.metadata.name}`, 0);
  assert.equal(send(cluster, { url: `/api/v1/namespaces/default/pods/${pod.metadata.name}` }).status, 404);
});

function traceOf(seed: number): string {
  const scenario = createScenario({ nodes: 60, notReadyPercent: 10, badNodesPercent: 5, seed }, { startMs: START_MS });
  const { cluster } = scenario;
  const trace: string[] = [];
  cluster.store.onCommit(({ type, resource, object, revision, origin }) => {
    trace.push(
      `${cluster.nowMs} ${revision} ${type} ${resource} ${object.metadata.name} ${object.metadata.uid} ${origin}`,
    );
  });
  scenario.start();
  for (let step = 0; step < 60; step += 1) {
    for (const pod of [...cluster.store.all('pods')].slice(0, 3)) deletePod(cluster, pod);
    run(cluster, 500);
  }
  return trace.join('\n');
}

test('scenario: the same seed → the same run, commit by commit; another seed → another', () => {
  const first = traceOf(3);
  assert.ok(first.split('\n').length > 300);
  assert.equal(traceOf(3), first);
  assert.notEqual(traceOf(4), first);
});

test('scenario: shares of nodes → as many as asked for go down, come back and are bad', () => {
  const options = { nodes: 200, notReadyPercent: 10, badNodesPercent: 5, daemonSets: 2 };
  const scenario = createScenario(options, { startMs: START_MS });
  assert.deepEqual(scenario.daemonSets, ['default/agent', 'default/agent-2']);
  assert.equal(scenario.badNodes.length, 10);
  assert.equal(scenario.nodePlans.filter(({ downAfterMs }) => downAfterMs <= 0).length, 10);
  assert.equal(scenario.nodePlans.filter(({ upAfterMs }) => upAfterMs !== undefined).length, 10);
  assert.equal(scenario.cluster.store.count('pods'), 400);
  scenario.start();
  const notReady = (): number => scenario.cluster.observer.report().daemonSets[0]?.notReady ?? 0;
  assert.equal(notReady(), 10);
  run(scenario.cluster, 600_000);
  assert.equal(notReady(), 10);
});

test('cluster: ten thousand nodes, every pod replaced → practicable', () => {
  const { cluster, start } = createScenario({ nodes: 10_000, podsPerSecond: 1000 }, { startMs: START_MS });
  start();
  run(cluster, 1000);
  for (const pod of [...cluster.store.all('pods')]) deletePod(cluster, pod);
  run(cluster, 60_000);
  const [report] = cluster.observer.report().daemonSets;
  assert.equal(report?.updated, 10_000);
  assert.equal(report?.peakAtDeletion, 10_000);
});
