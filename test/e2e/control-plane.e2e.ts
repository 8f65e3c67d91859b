import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ApiError, type KubeObject } from '../control-plane/api-client.ts';
import {
  createDaemonSet,
  createNodes,
  deleteDaemonSet,
  getDaemonSet,
  listPods,
  makeAllNodesReady,
  makeNodeNotReady,
  makeNodeReady,
  setImage,
  waitUntilAvailable,
  waitUntilObserved,
} from '../control-plane/cluster.ts';
import { type ControlPlane, startControlPlane } from '../control-plane/control-plane.ts';
import { Observer } from '../control-plane/observer.ts';
import { waitFor } from '../control-plane/processes.ts';

const NODES = 20;
const TIMEOUT_MS = 120_000;

/** The other tests believe the observer and the stand-in kubelets; these rows show that they can be believed. */
describe('the test bed itself', () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await startControlPlane({ startupMs: 300 });
    await createNodes(plane.admin, NODES);
  });
  after(async () => await plane?.stop());

  async function observe(name: string, body: (observer: Observer) => Promise<void>): Promise<void> {
    await createDaemonSet(plane.admin, { name });
    await waitUntilAvailable(plane.admin, { name }, NODES);
    const client = plane.client('observer', 'test-observer');
    const observer = new Observer(client, { name });
    await observer.start();
    try {
      await body(observer);
    } finally {
      await observer.stop();
      await client.close();
      await makeAllNodesReady(plane.admin);
      await deleteDaemonSet(plane.admin, { name });
    }
  }

  async function deletePods(pods: readonly KubeObject[]): Promise<void> {
    await Promise.all(
      pods.map(async ({ metadata }) => await plane.admin.delete(`/api/v1/namespaces/default/pods/${metadata.name}`)),
    );
  }

  it('observer: five pods deleted at once → five unavailable at worst, the time of each counted', async () => {
    await observe('five', async (observer) => {
      observer.begin();
      const pods = await listPods(plane.admin, { name: 'five' });
      assert.equal(pods.length, NODES);
      // None is back before the last one is deleted.
      const kubelets = plane.program('kwok');
      kubelets.signal('SIGSTOP');
      try {
        await deletePods(pods.slice(0, 5));
        await observer.settle();
        assert.equal(observer.report.unavailableNow, 5);
      } finally {
        kubelets.signal('SIGCONT');
      }
      await waitFor(() => observer.report.deletedPods === 5 && observer.report.unavailableNow === 0, {
        timeoutMs: TIMEOUT_MS,
        what: 'the pods to be back',
      });
      const report = observer.report;
      assert.equal(report.unavailablePeak, 5);
      // No change of the template: those were pods of the newest revision.
      assert.equal(report.deletedCurrentPods, 5);
      assert.ok(report.unavailablePodSeconds >= 5 * 0.3, `${report.unavailablePodSeconds} pod-seconds`);
    });
  });

  it('observer: new template, nobody acts → not complete; all pods deleted → complete', async () => {
    await observe('change', async (observer) => {
      observer.begin();
      await setImage(plane.admin, { name: 'change' }, 'example.test/agent:2');
      const { metadata } = await getDaemonSet(plane.admin, { name: 'change' });
      await waitFor(() => observer.report.updatedNodes === 0, { timeoutMs: TIMEOUT_MS, what: 'the new revision' });
      assert.equal(observer.report.isComplete, false);
      await deletePods(await listPods(plane.admin, { name: 'change' }));
      const report = await observer.complete(metadata.generation ?? 0, TIMEOUT_MS);
      assert.equal(report.updatedNodes, NODES);
      assert.equal(report.deletedCurrentPods, 0);
    });
  });

  it('kubelets: a node is lost and returns → its pod is not ready meanwhile and ready again', async () => {
    await observe('lost', async (observer) => {
      const isLost = async () => {
        const pods = await listPods(plane.admin, { name: 'lost' });
        const pod = pods.find(({ spec }) => spec.nodeName === 'node-00003');
        return pod?.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'False';
      };
      observer.begin();
      await makeNodeNotReady(plane.admin, 'node-00003');
      await waitFor(isLost, { timeoutMs: TIMEOUT_MS, what: 'the lost pod to be marked not ready' });
      await observer.settle();
      assert.equal(observer.report.eligibleNodes, NODES - 1);
      assert.equal(observer.report.unavailablePeak, 0);
      await makeNodeReady(plane.admin, 'node-00003');
      await waitFor(async () => !(await isLost()), { timeoutMs: TIMEOUT_MS, what: 'the pod to be ready again' });
      await waitFor(() => observer.report.eligibleNodes === NODES && observer.report.unavailableNow === 0, {
        timeoutMs: TIMEOUT_MS,
        what: 'all nodes to be available',
      });
    });
  });

  it('kubelets: an image that never gets ready → the pod waits with a reason', async () => {
    await observe('broken', async () => {
      await setImage(plane.admin, { name: 'broken' }, 'example.test/agent:never-ready');
      await waitUntilObserved(plane.admin, { name: 'broken' });
      const pods = await listPods(plane.admin, { name: 'broken' });
      await deletePods(pods.slice(0, 1));
      interface Status {
        readonly containerStatuses?: readonly { readonly state: { readonly waiting?: { readonly reason: string } } }[];
      }
      await waitFor(
        async () =>
          (await listPods(plane.admin, { name: 'broken' })).some(
            ({ status }) => (status as Status).containerStatuses?.[0]?.state.waiting?.reason === 'ErrImagePull',
          ),
        { timeoutMs: TIMEOUT_MS, what: 'a pod that cannot start' },
      );
    });
  });

  it('API server: killed and started again → the observer goes on, an old watch is answered with 410', async () => {
    await observe('restart', async (observer) => {
      const { metadata } = await plane.admin.list('/api/v1/pods');
      await deletePods((await listPods(plane.admin, { name: 'restart' })).slice(0, 2));
      // kwok forgets a pod whose report was on its way when the API server died, so there is none.
      await waitFor(() => observer.report.deletedPods === 2 && observer.report.unavailableNow === 0, {
        timeoutMs: TIMEOUT_MS,
        what: 'two pods to be replaced',
      });
      assert.ok((await plane.compact()) > Number(metadata.resourceVersion));
      await plane.restart('kube-apiserver', 'SIGKILL');
      const abort = new AbortController();
      const path = `/api/v1/pods?watch=true&resourceVersion=${metadata.resourceVersion}`;
      const first = await plane.admin
        .watch<KubeObject & { code?: number }>(path, abort.signal)
        .next()
        .catch((error: unknown) => error);
      abort.abort();
      const code =
        first instanceof ApiError
          ? first.status
          : (first as { value?: { object?: { code?: number } } }).value?.object?.code;
      assert.equal(code, 410);
      await deletePods((await listPods(plane.admin, { name: 'restart' })).slice(0, 3));
      await waitFor(() => observer.report.deletedPods >= 5 && observer.report.unavailableNow === 0, {
        timeoutMs: TIMEOUT_MS,
        what: 'the observer to see three more deletions',
      });
    });
  });
});
