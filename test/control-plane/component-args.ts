import type { ControlPlaneFiles } from './control-plane-files.ts';
import { KUBELET_LABEL } from './kwok-config.ts';

/** The DaemonSet machinery, and what a real cluster does around it: node taints, garbage, namespaces, Jobs. */
const CONTROLLERS = [
  'daemonset-controller',
  'garbage-collector-controller',
  'node-lifecycle-controller',
  'namespace-controller',
  'job-controller',
  'ttl-after-finished-controller',
];

export function etcdArgs(
  files: ControlPlaneFiles,
  { etcdUrl, peerUrl }: { etcdUrl: string; peerUrl: string },
): string[] {
  return [
    `--data-dir=${files.etcdData}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

export function apiServerArgs(
  files: ControlPlaneFiles,
  { etcdUrl, port }: { etcdUrl: string; port: number },
): string[] {
  return [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${files.certificates}`,
    `--token-auth-file=${files.tokens}`,
    '--authorization-mode=RBAC',
    // ServiceAccount would give every pod a token volume, which no stand-in kubelet mounts; the other would taint every
    // new node until the lifecycle controller takes that back, a write a node.
    '--disable-admission-plugins=ServiceAccount,TaintNodesByCondition',
    '--endpoint-reconciler-type=none',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${files.serviceAccountKey}`,
    `--service-account-signing-key-file=${files.serviceAccountKey}`,
    `--audit-policy-file=${files.auditPolicy}`,
    `--audit-log-path=${files.auditLog}`,
    '--audit-log-maxsize=0',
  ];
}

/** Of a client of the API server that would otherwise elect a leader and serve metrics. */
export function controllerArgs(kubeconfigPath: string, isRateLimitLifted: boolean): string[] {
  const limits = isRateLimitLifted ? ['--kube-api-qps=5000', '--kube-api-burst=10000'] : [];
  return ['--kubeconfig', kubeconfigPath, ...limits, '--leader-elect=false', '--secure-port=0'];
}

/** Stand-in kubelets send no heartbeats (2,000 of them would keep the API server busy), so none may be missed. */
const NEVER_MISSED_SECONDS = 24 * 3600;

export function controllerManagerArgs(nodeMonitorGraceSeconds = NEVER_MISSED_SECONDS): string[] {
  const grace = `--node-monitor-grace-period=${nodeMonitorGraceSeconds}s`;
  return [`--controllers=${CONTROLLERS}`, grace, '--node-monitor-period=1s'];
}

export function kwokArgs(kubeconfigPath: string, files: ControlPlaneFiles): string[] {
  const nodes = `--manage-nodes-with-label-selector=${KUBELET_LABEL}=running`;
  return ['--kubeconfig', kubeconfigPath, '--config', files.kwok, nodes];
}
