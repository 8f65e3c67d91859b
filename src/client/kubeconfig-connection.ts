import { X509Certificate } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import packageJson from '../../package.json' with { type: 'json' };
import type { Connection } from '../protocol/connection.ts';
import type { Credentials } from './connection-source.ts';
import { CredentialError, systemCodeOf } from './credential-error.ts';
import { guardedConnection } from './guarded-connection.ts';
import { proxyUrlOf } from './proxy-setting.ts';

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
  readonly tlsServerName?: string;
  readonly proxyUrl?: string;
}

interface LoadedContext {
  readonly name: string;
  readonly cluster: string;
  readonly user: string;
  readonly namespace?: string;
}

interface LoadedUser {
  readonly name: string;
  readonly exec?: LoadedExec | null;
  readonly authProvider?: { readonly name?: string } | null;
}

interface LoadedExec {
  readonly command?: string;
  readonly apiVersion?: string;
  env?: { name: string; value: string }[] | null;
}

const USER_AGENT = `${packageJson.name}/${packageJson.version} (${process.platform}/${process.arch})`;

export interface CredentialOptions {
  readonly context: string | undefined;
  readonly shouldSkipTlsVerify: boolean;
  readonly files: readonly string[];
  readonly execTimeoutMs: number;
  /** The plugin is given up. */
  readonly onExecTimeout: () => void;
}

/** What the chosen context says, with files read and exec plugins run. Rejects with `CredentialError`. */
export async function credentialsOf(config: LoadedKubeconfig, options: CredentialOptions): Promise<Credentials> {
  const where = options.files.length === 0 ? 'the service account' : options.files.join(', ');
  const context = selectContext(config, options.context, where);
  const cluster = config.getCluster(context.cluster);
  if (cluster === null) {
    throw new CredentialError(
      'cluster-missing',
      `context ${context.name} names cluster ${context.cluster}, which is not in ${where}`,
    );
  }
  const serverUrl = serverUrlOf(cluster.server, where);
  const proxyUrl = proxyUrlOf({ serverUrl, kubeconfigProxy: cluster.proxyUrl, env: process.env, where });
  const request = await requestOptions(config, where, options);
  const headers: Record<string, string> = {};
  let authorization = request.auth ? `Basic ${Buffer.from(request.auth).toString('base64')}` : undefined;
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    if (name.toLowerCase() === 'authorization') authorization = oneLine(String(value));
    else headers[name.toLowerCase()] = oneLine(String(value));
  }
  const connection = guardedConnection({
    serverUrl,
    authorization,
    headers,
    caPem: pemOf(request.ca),
    certPem: pemOf(request.cert),
    keyPem: pemOf(request.key),
    serverName: cluster.tlsServerName || undefined,
    isTlsVerified: isPlain(cluster.server) || !(cluster.skipTLSVerify || options.shouldSkipTlsVerify),
    proxyUrl,
    userAgent: USER_AGENT,
  });
  checkCertificate(connection.certPem, where);
  return {
    connection,
    namespace: context.namespace?.trim() || 'default',
    contextName: context.name,
    warnings: warningsOf(connection),
  };
}

function selectContext(config: LoadedKubeconfig, wanted: string | undefined, where: string) {
  const names = config.contexts.map(({ name }) => name);
  const known = names.length === 0 ? 'it has none' : `it has ${names.slice(0, 20).join(', ')}`;
  const name = wanted ?? config.getCurrentContext();
  if (!name) {
    throw new CredentialError(
      'no-current-context',
      `${where} has no current-context: choose one with --context (${known})`,
    );
  }
  const context = config.contexts.find((candidate) => candidate.name === name);
  if (context === undefined) {
    throw new CredentialError(
      'context-missing',
      `${where} has no context ${name} (${known}): choose another with --context`,
    );
  }
  if (context.user && config.getUser(context.user) === null) {
    throw new CredentialError('user-missing', `context ${name} names user ${context.user}, which is not in ${where}`);
  }
  if (!context.user) nameAnonymous(config, context.name);
  config.setCurrentContext(name);
  return context;
}

/** client-node forgets the cluster's CA when a context has no user. */
function nameAnonymous(config: LoadedKubeconfig, contextName: string): void {
  const user = 'daemonpodupdater:anonymous';
  config.contexts = config.contexts.map((context) => (context.name === contextName ? { ...context, user } : context));
  if (config.getUser(user) === null) config.addUser({ name: user });
}

async function requestOptions(
  config: LoadedKubeconfig,
  where: string,
  { execTimeoutMs, onExecTimeout }: CredentialOptions,
): Promise<RequestOptions> {
  const cluster = config.getCurrentCluster();
  // client-node refuses http:// unless TLS verification is switched off; kubectl does not.
  if (cluster !== null && isPlain(cluster.server)) {
    config.clusters = config.clusters.map((known) =>
      known.name === cluster.name ? { ...known, skipTLSVerify: true } : known,
    );
  }
  const user = config.getCurrentUser();
  if (user?.exec) describeExec(user.exec);
  const options: RequestOptions = {};
  try {
    await withDeadline(config.applyToHTTPSOptions(options), execTimeoutMs, onExecTimeout);
    return options;
  } catch (error) {
    throw credentialErrorOf(error, { where, exec: user?.exec?.command, provider: user?.authProvider?.name });
  }
}

/** client-go tells plugins by this variable what is asked of them; some refuse to work without it. */
function describeExec(exec: LoadedExec): void {
  const name = 'KUBERNETES_EXEC_INFO';
  const apiVersion = exec.apiVersion ?? 'client.authentication.k8s.io/v1';
  const value = JSON.stringify({ kind: 'ExecCredential', apiVersion, spec: { interactive: false } });
  exec.env = [...(exec.env ?? []).filter((entry) => entry.name !== name), { name, value }];
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
  origin: { readonly where: string; readonly exec: string | undefined; readonly provider: string | undefined },
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
    const message = `the exec plugin ${exec} of ${where} failed: ${text.slice(0, 300)}; run it by hand to see why`;
    return new CredentialError('exec-plugin-failed', message);
  }
  const message = `the auth provider ${provider ?? ''} of ${where} failed: ${isQuoting ? 'malformed answer' : text.slice(0, 300)}`;
  return new CredentialError('auth-provider-failed', message);
}

function serverUrlOf(server: string, where: string): string {
  const url = URL.parse(server);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new CredentialError('kubeconfig-malformed', `${where}: the server ${server} is not an http or https URL`);
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

function pemOf(value: RequestOptions['ca'] | RequestOptions['key']): string | undefined {
  if (typeof value === 'string') return value;
  return Buffer.isBuffer(value) ? value.toString('utf8') : undefined;
}

function checkCertificate(certPem: string | undefined, where: string): void {
  if (certPem === undefined) return;
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(certPem);
  } catch {
    throw new CredentialError('certificate-malformed', `the client certificate of ${where} is not a PEM certificate`);
  }
  if (certificate.validToDate.getTime() < Date.now()) {
    const message = `the client certificate of ${where} expired on ${certificate.validToDate.toISOString()}: get a new one`;
    throw new CredentialError('certificate-expired', message);
  }
}

function warningsOf(connection: Connection): readonly string[] {
  if (isPlain(connection.serverUrl) && connection.authorization !== undefined) {
    return ['credentials are sent to the API server without encryption (http://): anybody on the way can take them'];
  }
  if (connection.isTlsVerified) return [];
  return [
    'TLS verification is OFF (insecure-skip-tls-verify is set): anybody on the way to the API server can read and change everything',
  ];
}

function isPlain(server: string): boolean {
  return server.startsWith('http:');
}

/** Headers hold no line ends; token files often do. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
