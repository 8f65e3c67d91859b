import type { ApiClient } from './api-client.ts';
import type { NodeObject, PodObject } from './cluster.ts';
import { KUBELET_LABEL, STARTUP_ANNOTATION } from './kwok-config.ts';
import { isReady } from './pod-facts.ts';
import { waitFor } from './processes.ts';

const NAME = 'first-of-its-kind';
const NODES = '/api/v1/nodes';
const PODS = '/api/v1/namespaces/default/pods';

/**
 * Waits until kwok runs a node, and then a pod on it; both are removed again. It prepares itself for nodes when it is told
 * of the first one, and for pods likewise: when it is told of both at once it dies now and then, because two of its
 * goroutines write to one map.
 */
export async function untilKubeletsRun(api: ApiClient, timeoutMs: number): Promise<void> {
  await api.post(NODES, { metadata: { name: NAME, labels: { [KUBELET_LABEL]: 'running' } } });
  await waitFor(async () => isReady((await api.get<NodeObject>(`${NODES}/${NAME}`)).status?.conditions), {
    timeoutMs,
    what: 'kwok to run a node',
  });
  await api.post(PODS, {
    metadata: { name: NAME, annotations: { [STARTUP_ANNOTATION]: '1ms' } },
    spec: { nodeName: NAME, containers: [{ name: 'main', image: 'example.test/first:1' }] },
  });
  await waitFor(async () => isReady((await api.get<PodObject>(`${PODS}/${NAME}`)).status?.conditions), {
    timeoutMs,
    what: 'kwok to run a pod',
  });
  await api.delete(`${PODS}/${NAME}`, { gracePeriodSeconds: 0 });
  await api.delete(`${NODES}/${NAME}`);
}
