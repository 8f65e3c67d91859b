import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { CredentialError, systemCodeOf } from './credential-error.ts';

export interface LoadOptions {
  /** A file, or several separated as in $KUBECONFIG. */
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  /** Whatever the kubeconfig says. */
  readonly shouldSkipTlsVerify?: boolean;
  /** Where `/var/run/secrets/kubernetes.io/serviceaccount` is found; for tests. */
  readonly filesRoot?: string;
  /** How long an exec plugin may take; for tests. */
  readonly execTimeoutMs?: number;
}

export interface KubeconfigText {
  readonly file: string;
  readonly text: string;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The kubeconfigs to use, in order of precedence; none: the service account. */
export function readKubeconfigs(options: LoadOptions): readonly KubeconfigText[] {
  return kubeconfigFiles(options).map((file) => ({ file, text: readKubeconfig(file) }));
}

function kubeconfigFiles(options: LoadOptions): readonly string[] {
  if (options.kubeconfig !== undefined) return existing(splitFiles(options.kubeconfig), '--kubeconfig');
  if (options.context === undefined && isInCluster(options.filesRoot ?? '')) return [];
  const { KUBECONFIG, HOME, USERPROFILE } = process.env;
  if (KUBECONFIG) return existing(splitFiles(KUBECONFIG), '$KUBECONFIG');
  return existing([path.join(HOME ?? USERPROFILE ?? '', '.kube', 'config')], 'the default place');
}

function splitFiles(list: string): readonly string[] {
  return list.split(path.delimiter).filter((file) => file !== '');
}

/** As kubectl does: a file of a list may be missing, all of them may not. */
function existing(files: readonly string[], from: string): readonly string[] {
  const found = files.filter((file) => existsSync(file));
  if (found.length > 0) return found;
  throw new CredentialError(
    'kubeconfig-missing',
    `no kubeconfig at ${files.join(' or ')} (${from}): name one with --kubeconfig, or run in a pod with a service account`,
  );
}

function isInCluster(filesRoot: string): boolean {
  const { KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT } = process.env;
  if (!KUBERNETES_SERVICE_HOST || !KUBERNETES_SERVICE_PORT) return false;
  return existsSync(`${filesRoot}${SERVICE_ACCOUNT}/token`);
}

function readKubeconfig(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = systemCodeOf(error) === 'ENOENT' ? 'kubeconfig-missing' : 'kubeconfig-unreadable';
    const hint = 'check that the file exists and that this user may read it';
    throw new CredentialError(code, `cannot read the kubeconfig ${file} (${systemCodeOf(error)}): ${hint}`);
  }
}
