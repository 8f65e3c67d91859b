import { join } from 'node:path';
import { BinariesMissingError, builtPrograms, findGo, type GoModule } from '../control-plane/go-programs.ts';

const KUBELET: GoModule = {
  title: 'kubelet',
  directory: join(import.meta.dirname, 'kubelet'),
  cacheName: 'kubelet',
  programs: { kubelet: 'kubelet' },
  buildTakes: 'half a minute on two cores after the control plane, whose packages it shares',
  version: { module: 'k8s.io/kubernetes', variable: 'k8s.io/component-base/version.gitVersion' },
};

const CONTAINERD: GoModule = {
  title: 'containerd',
  directory: join(import.meta.dirname, 'containerd'),
  cacheName: 'containerd',
  programs: { containerd: 'containerd', 'containerd-shim-runc-v2': 'containerd-shim-runc-v2', ctr: 'ctr' },
  buildTakes: 'about a minute on two cores',
  version: {
    module: 'github.com/containerd/containerd/v2',
    variable: 'github.com/containerd/containerd/v2/version.Version',
  },
  // With it, headers of libraries are needed.
  env: { CGO_ENABLED: '0' },
};

export interface NodePrograms {
  readonly kubelet: string;
  readonly containerd: string;
  readonly ctr: string;
  /** Holds containerd's shim, which it looks for in its PATH. */
  readonly containerdFolder: string;
}

/** @throws BinariesMissingError when they cannot be built. */
export async function findNodePrograms(): Promise<NodePrograms> {
  const go = await findGo({});
  if (go === undefined) throw new BinariesMissingError('no kubelet: Go is not installed');
  const kubeletFolder = await builtPrograms(go, KUBELET, {});
  const containerdFolder = await builtPrograms(go, CONTAINERD, {});
  return {
    kubelet: join(kubeletFolder, 'kubelet'),
    containerd: join(containerdFolder, 'containerd'),
    ctr: join(containerdFolder, 'ctr'),
    containerdFolder,
  };
}
