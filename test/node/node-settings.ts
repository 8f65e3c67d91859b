import { CNI_FOLDER } from './requirements.ts';

/** How long pods may take to end when their node shuts down. */
const SHUTDOWN_GRACE_SECONDS = 20;

export const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';

/** What containerd reads with `--config`. JSON's strings are TOML's, too. */
export function containerdConfig({ cniFolder, sandboxImage }: { cniFolder: string; sandboxImage: string }): string {
  const text = JSON.stringify;
  return `version = 3
[grpc]
  address = ${text(CONTAINERD_SOCKET)}
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = ${text(sandboxImage)}
[plugins.'io.containerd.cri.v1.runtime']
  # Not every root may lower them.
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = [${text(CNI_FOLDER)}]
  conf_dir = ${text(cniFolder)}
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false
`;
}

/** A network of the node's own, without a way out of it. */
export function networkConfig(): string {
  const ipam = { type: 'host-local', ranges: [[{ subnet: '10.244.0.0/24' }]] };
  return JSON.stringify({ cniVersion: '1.0.0', name: 'test', plugins: [{ type: 'ptp', ipMasq: false, ipam }] });
}

export interface KubeletSettings {
  readonly port: number;
  readonly leaseSeconds: number;
}

/** What the kubelet reads with `--config`; JSON is YAML. */
export function kubeletConfig({ port, leaseSeconds }: KubeletSettings): string {
  const none = '0%';
  return JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: '127.0.0.1',
    port,
    healthzPort: 0,
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    // Control groups of both versions, and not those of systemd, which need not be there.
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    // The node's disk is memory, and what else happens on this machine must not evict anything.
    localStorageCapacityIsolation: false,
    imageGCHighThresholdPercent: 100,
    evictionHard: {
      'memory.available': none,
      'nodefs.available': none,
      'nodefs.inodesFree': none,
      'imagefs.available': none,
      'imagefs.inodesFree': none,
    },
    // Hears of a shutdown from logind, then ends all pods.
    shutdownGracePeriod: `${SHUTDOWN_GRACE_SECONDS}s`,
    shutdownGracePeriodCriticalPods: '1s',
    // The machine's packet filter is not the node's.
    makeIPTablesUtilChains: false,
    volumePluginDir: '/var/lib/kubelet/volume-plugins',
    // Renewed four times as often.
    nodeLeaseDurationSeconds: leaseSeconds,
    nodeStatusUpdateFrequency: '2s',
  });
}
