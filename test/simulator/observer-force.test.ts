import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AGENT, createWorld, deletePod, forceDelete, NEW, podOn, run } from './support.ts';

test('observer: a pod deleted by force → a fault unless it is stuck on a Ready node and the DaemonSet asks for it', () => {
  const cluster = createWorld({ nodes: 10, maxUnavailable: '10' });
  cluster.updateTemplate(AGENT, NEW);
  run(cluster, 500);
  const faults = (): number[] => {
    const { wrongForceDeletes, duplicateWrites, currentPodDeletes } = cluster.observer.report();
    return [wrongForceDeletes, duplicateWrites, currentPodDeletes];
  };
  const pod = podOn(cluster, 'n0');
  cluster.kubelets.setStuckTerminating('n0', true);
  deletePod(cluster, pod);
  run(cluster, 60_000);
  forceDelete(cluster, podOn(cluster, 'n1'));
  assert.deepEqual(faults(), [1, 0, 0]);
  cluster.annotateDaemonSet(AGENT, { 'daemonpodupdater.io/force-delete-stuck': 'true' });
  run(cluster, 5000);
  forceDelete(cluster, pod);
  assert.deepEqual(faults(), [1, 0, 0]);
  assert.equal(cluster.store.get('pods', `default/${pod.metadata.name}`), undefined);
  forceDelete(cluster, podOn(cluster, 'n2'));
  assert.deepEqual(faults(), [2, 0, 0]);
});
