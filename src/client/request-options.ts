import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { type JsonObject, objectOf } from '../kube/json-object.ts';
import { CredentialError, systemCodeOf } from './credential-error.ts';
import { type ChosenFields, execClusterInfo, hasToken } from './kubeconfig-fields.ts';

/** The part of client-node's KubeConfig that is used here; only credentials.ts knows the class itself. */
export interface LoadedKubeconfig {
  clusters: LoadedCluster[];
  contexts: LoadedContext[];
  getCluster(name: string): LoadedCluster | null;
  getUser(name: string): LoadedUser | null;
  getCurrentCluster(): LoadedCluster | null;
  getCurrentUser(): LoadedUser | null;
  getCurrentContext(): string;
  setCurrentContext(name: string): void;
  addUser(user: { readonly name: string }): void;
  applyToHTTPSOptions(options: RequestOptions): Promise<void>;
}

interface LoadedCluster {
  readonly name: string;
  readonly server: string;
  readonly skipTLSVerify: boolean;
  readonly caFile?: string;
  readonly caData?: string;
  readonly tlsServerName?: string;
  readonly proxyUrl?: string;
}

export interface LoadedContext {
  readonly name: string;
  readonly cluster: string;
  readonly user: string;
  readonly namespace?: string;
}

interface LoadedUser {
  readonly name: string;
  exec?: LoadedExec | null;
  authProvider?: { readonly name?: string } | null;
}

interface LoadedExec {
  readonly installHint?: string;
  readonly command?: string;
  readonly apiVersion?: string;
  env?: { name: string; value: string }[] | null;
}

export interface AskOptions {
  readonly shouldSkipTlsVerify: boolean;
  readonly execTimeoutMs: number;
  /** The plugin is given up. */
  readonly onExecTimeout: () => void;
}

/** Files read, exec plugins run and auth providers asked, all by client-node. Rejects with `CredentialError`. */
export async function requestOptions(
  config: LoadedKubeconfig,
  chosen: ChosenFields,
  { execTimeoutMs, onExecTimeout, shouldSkipTlsVerify }: AskOptions,
): Promise<RequestOptions> {
  const cluster = config.getCurrentCluster();
  // client-node refuses http:// unless TLS verification is switched off; kubectl does not.
  if (cluster !== null && isPlain(cluster.server)) {
    config.clusters = config.clusters.map((known) =>
      known.name === cluster.name ? { ...known, skipTLSVerify: true } : known,
    );
  }
  const user = config.getCurrentUser();
  // A token counts; client-node would ask the others all the same.
  if (user !== null && hasToken(chosen.user.fields)) {
    user.exec = null;
    if (user.authProvider?.name !== 'tokenFile') user.authProvider = null;
  }
  const origin = { where: chosen.where, exec: user?.exec ?? undefined, provider: user?.authProvider?.name };
  const options: RequestOptions = {};
  try {
    if (user?.exec) {
      const isSkipped = shouldSkipTlsVerify || chosen.cluster.fields['insecure-skip-tls-verify'] === true;
      // As kubectl: who does not check needs no CA.
      const caPem = isSkipped ? undefined : caOf(cluster);
      describeExec(user.exec, chosen, execClusterInfo(chosen, { caPem, isSkipped }));
    }
    await withDeadline(config.applyToHTTPSOptions(options), execTimeoutMs, onExecTimeout);
  } catch (error) {
    throw credentialErrorOf(error, origin);
  }
  const hasCredentials = authorizationOf(options) !== undefined || options.cert !== undefined;
  const isAsked = origin.exec !== undefined || origin.provider !== undefined;
  // Without this every request would be anonymous.
  if (isAsked && !hasCredentials) throw credentialErrorOf(new Error('it gave no credentials'), origin);
  return options;
}

/** client-go tells plugins by this variable what is asked of them; some refuse to work without it. */
function describeExec(exec: LoadedExec, chosen: ChosenFields, cluster: JsonObject): void {
  const name = 'KUBERNETES_EXEC_INFO';
  const apiVersion = exec.apiVersion ?? 'client.authentication.k8s.io/v1';
  const isTold = objectOf(chosen.user.fields.exec)?.provideClusterInfo === true;
  const spec = { interactive: false, ...(isTold ? { cluster } : {}) };
  const value = JSON.stringify({ kind: 'ExecCredential', apiVersion, spec });
  exec.env = [...(exec.env ?? []).filter((entry) => entry.name !== name), { name, value }];
}

function caOf(cluster: LoadedCluster | null): string | undefined {
  if (cluster?.caFile) return readFileSync(cluster.caFile, 'utf8');
  return cluster?.caData ? Buffer.from(cluster.caData, 'base64').toString('utf8') : undefined;
}

async function withDeadline(work: Promise<void>, timeoutMs: number, onExpired: () => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${timeoutMs / 1000} s`));
      onExpired();
    }, timeoutMs);
  });
  try {
    await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function credentialErrorOf(
  error: unknown,
  origin: { readonly where: string; readonly exec: LoadedExec | undefined; readonly provider: string | undefined },
): CredentialError {
  const { where, exec, provider } = origin;
  const systemCode = systemCodeOf(error);
  const isSpawn = error instanceof Error && 'syscall' in error && String(error.syscall).startsWith('spawn');
  if (systemCode !== '' && !isSpawn && error instanceof Error && 'path' in error) {
    const message = `${where} names the file ${String(error.path)}, which cannot be read (${systemCode})`;
    return new CredentialError('file-unreadable', message);
  }
  // Whatever else it says may quote the plugin's output, which is a token.
  const isQuoting = error instanceof SyntaxError || error instanceof TypeError;
  const text = isQuoting || !(error instanceof Error) ? 'its output is not an ExecCredential' : oneLine(error.message);
  if (exec !== undefined) {
    const hint = isSpawn && exec.installHint ? ` (${oneLine(exec.installHint).slice(0, 300)})` : '';
    const failed = `the exec plugin ${exec.command} of ${where} failed: ${text.slice(0, 300)}`;
    const message = `${failed}; run it by hand to see why${hint}`;
    return new CredentialError('exec-plugin-failed', message);
  }
  const message = `the auth provider ${provider ?? ''} of ${where} failed: ${isQuoting ? 'malformed answer' : text.slice(0, 300)}`;
  return new CredentialError('auth-provider-failed', message);
}

/** The `Authorization` header. */
export function authorizationOf({ headers, auth }: RequestOptions): string | undefined {
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (name.toLowerCase() === 'authorization') return oneLine(String(value));
  }
  return auth ? `Basic ${Buffer.from(auth).toString('base64')}` : undefined;
}

export function isPlain(server: string): boolean {
  return server.startsWith('http:');
}

/** Headers hold no line ends; token files often do. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
