import { DAEMON_SET_UID } from './wire-objects.ts';

/** Of all nodes, at once: as many as the default budget lets go. */
const MAX_UNAVAILABLE = '10%';

function templateOf(generation: number): Record<string, unknown> {
  return {
    spec: { tolerations: [{ operator: 'Exists' }], containers: [{ name: 'agent', image: `agent:${generation}` }] },
  };
}

/** As the API server has it at that version. */
export function daemonSet(generation: number, version: number): Record<string, unknown> {
  return {
    metadata: {
      name: 'agent',
      namespace: 'kube-system',
      uid: DAEMON_SET_UID,
      resourceVersion: String(version),
      generation,
      annotations: {
        'apps.openyurt.io/update-strategy': 'AdvancedRollingUpdate',
        'apps.openyurt.io/max-unavailable': MAX_UNAVAILABLE,
        'daemonpodupdater.io/pace': 'max',
      },
    },
    spec: {
      selector: { matchLabels: { app: 'agent' } },
      updateStrategy: { type: 'OnDelete' },
      template: templateOf(generation),
    },
    status: { observedGeneration: generation },
  };
}

/** Its template is that of the DaemonSet of the same generation. */
export function revision(hash: string, number: number, version: number): Record<string, unknown> {
  const owner = { kind: 'DaemonSet', name: 'agent', uid: DAEMON_SET_UID, controller: true };
  return {
    metadata: {
      name: `agent-${hash}`,
      namespace: 'kube-system',
      uid: `revision-${hash}`,
      resourceVersion: String(version),
      creationTimestamp: '2026-08-01T09:00:00Z',
      labels: { app: 'agent', 'controller-revision-hash': hash },
      ownerReferences: [owner],
    },
    data: { spec: { template: { $patch: 'replace', ...templateOf(number) } } },
    revision: number,
  };
}

export function jsonList(kind: string, items: readonly unknown[]): Buffer {
  return Buffer.from(JSON.stringify({ kind, metadata: { resourceVersion: '1000' }, items }));
}
