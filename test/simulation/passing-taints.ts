/** Taints that come by themselves and go again, beside those that a node's own reports bring. */
export const PASSING_TAINTS = [
  { key: 'node.openyurt.io/unschedulable', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' },
  { key: 'node.cloudprovider.kubernetes.io/uninitialized', effect: 'NoSchedule' },
  { key: 'node.cilium.io/agent-not-ready', effect: 'NoExecute' },
  // Lifted some time after the node is Ready again.
  { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' },
] as const;
