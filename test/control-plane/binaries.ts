import { join } from 'node:path';
import {
  BinariesMissingError,
  builtPrograms,
  type FindOptions,
  findGo,
  type GoModule,
  missingIn,
} from './go-programs.ts';

/** The programs of a control plane, by the name that they have in a folder of binaries. */
export const BINARY_NAMES = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok'] as const;
export type BinaryName = (typeof BINARY_NAMES)[number];

/** Absolute paths. */
export type Binaries = Readonly<Record<BinaryName, string>>;

const MODULE: GoModule = {
  title: 'control plane',
  directory: import.meta.dirname,
  cacheName: 'control-plane',
  programs: {
    etcd: 'server',
    'kube-apiserver': 'kube-apiserver',
    'kube-controller-manager': 'kube-controller-manager',
    'kube-scheduler': 'kube-scheduler',
    kwok: 'kwok',
  } satisfies Record<BinaryName, string>,
  buildTakes: 'about 9 minutes on two cores',
  version: { module: 'k8s.io/kubernetes', variable: 'k8s.io/component-base/version.gitVersion' },
};

/**
 * Finds the control plane's programs: in the folder that `KUBEBUILDER_ASSETS` names (the convention of envtest), else in
 * the cache folder, where they are built first if need be.
 *
 * @throws BinariesMissingError when they are neither there nor can be built.
 */
export async function findBinaries(options: FindOptions = {}): Promise<Binaries> {
  const assets = (options.env ?? process.env).KUBEBUILDER_ASSETS;
  if (assets !== undefined && assets !== '') return await binariesOfAssets(assets);
  const go = await findGo(options);
  if (go === undefined) {
    throw new BinariesMissingError(
      'no control plane: KUBEBUILDER_ASSETS is not set and Go is not installed. Either install Go (https://go.dev/dl, ' +
        `1.26 or newer) or set KUBEBUILDER_ASSETS to a folder that holds ${BINARY_NAMES.join(', ')}.`,
    );
  }
  return pathsIn(await builtPrograms(go, MODULE, options));
}

async function binariesOfAssets(assets: string): Promise<Binaries> {
  const missing = await missingIn(assets, BINARY_NAMES);
  if (missing.length > 0) {
    throw new BinariesMissingError(
      `no control plane: KUBEBUILDER_ASSETS is ${assets}, which lacks ${missing.join(', ')}. envtest's archives hold etcd ` +
        'and kube-apiserver only: add the others, or unset KUBEBUILDER_ASSETS to have all of them built with Go.',
    );
  }
  return pathsIn(assets);
}

function pathsIn(directory: string): Binaries {
  return {
    etcd: join(directory, 'etcd'),
    'kube-apiserver': join(directory, 'kube-apiserver'),
    'kube-controller-manager': join(directory, 'kube-controller-manager'),
    'kube-scheduler': join(directory, 'kube-scheduler'),
    kwok: join(directory, 'kwok'),
  };
}
