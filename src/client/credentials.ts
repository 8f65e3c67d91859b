import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { registerHooks } from 'node:module';
import path from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import packageJson from '../../package.json' with { type: 'json' };
import type { Connection } from '../protocol/connection.ts';
import { type ConnectionSource, type Credentials, openConnectionSource } from './connection-source.ts';
import { CredentialError, systemCodeOf } from './credential-error.ts';

export type { ConnectionSource } from './connection-source.ts';
export { CredentialError } from './credential-error.ts';

export interface LoadOptions {
  /** A file, or several separated as in $KUBECONFIG. */
  readonly kubeconfig?: string;
  readonly context?: string;
  /** Where `/var/run/secrets/kubernetes.io/serviceaccount` is found; for tests. */
  readonly filesRoot?: string;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const EXEC_TIMEOUT_MS = 60_000;
const USER_AGENT = `${packageJson.name}/${packageJson.version} (${process.platform}/${process.arch})`;

/**
 * Finds the credentials: `kubeconfig`, else (without a `context`) the service account of the pod this runs in, else
 * $KUBECONFIG, else ~/.kube/config. Rejects with `CredentialError`.
 */
export async function loadConnection(options: LoadOptions): Promise<ConnectionSource> {
  const KubeConfigClass = await importKubeConfig();
  let cached: { readonly source: string; readonly config: KubeConfig } | undefined;
  return openConnectionSource(async (isForced) => {
    const files = kubeconfigFiles(options);
    const texts = files.map((file) => ({ file, text: readKubeconfig(file) }));
    const source = JSON.stringify(texts);
    // The same object is kept while its files are the same, because it caches what exec plugins answer.
    if (isForced || cached?.source !== source || files.length === 0) {
      const config = new KubeConfigClass();
      if (files.length === 0) config.loadFromCluster(options.filesRoot ?? '');
      else await mergeAll(config, texts, KubeConfigClass);
      cached = { source, config };
    }
    return credentialsOf(cached.config, { context: options.context, files });
  });
}

/**
 * client-node's KubeConfig without its generated API client and its HTTP agents, which nobody here uses and which cost
 * 0.35 s of CPU and 60 MB (docs/decisions/credentials.md). The module hook is gone when this returns.
 */
async function importKubeConfig(): Promise<typeof KubeConfig> {
  const unused = /^(?:\.\/gen\/.*|undici|socks|socks-proxy-agent|hpagent)$/;
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      const isUnused = unused.test(specifier) && context.parentURL?.includes('/@kubernetes/client-node/dist/');
      return isUnused ? { url: UNUSED_MODULE, format: 'module', shortCircuit: true } : nextResolve(specifier, context);
    },
  });
  try {
    return (await import('@kubernetes/client-node/dist/config.js')).KubeConfig;
  } finally {
    hooks.deregister();
  }
}

/** Has every name that client-node imports from the modules it stands for. */
const UNUSED_MODULE = `data:text/javascript,${encodeURIComponent(
  [
    'createConfiguration',
    'ServerConfiguration',
    'of',
    'Agent',
    'ProxyAgent',
    'SocksProxyAgent',
    'SocksClient',
    'HttpProxyAgent',
    'HttpsProxyAgent',
  ]
    .map((name) => `export class ${name} {}`)
    .join('\n'),
)}`;

/** The files to read, in order; none: the service account. */
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

/** kubectl's rule for several files: whatever comes first wins. */
async function mergeAll(
  config: KubeConfig,
  texts: readonly { readonly file: string; readonly text: string }[],
  KubeConfigClass: typeof KubeConfig,
): Promise<void> {
  for (const [i, { file, text }] of texts.entries()) {
    const part = i === 0 ? config : new KubeConfigClass();
    try {
      part.loadFromString(text.includes('tokenFile') ? await renameTokenFile(text) : text);
      resolvePaths(part, path.dirname(path.resolve(file)));
      if (i === 0) continue;
      part.clusters = part.clusters.filter(({ name }) => !config.clusters.some((known) => known.name === name));
      part.contexts = part.contexts.filter(({ name }) => !config.contexts.some((known) => known.name === name));
      part.users = part.users.filter(({ name }) => !config.users.some((known) => known.name === name));
      config.mergeConfig(part, Boolean(config.currentContext));
    } catch (error) {
      throw new CredentialError('kubeconfig-malformed', `${file} is not a kubeconfig: ${withoutContent(error)}`);
    }
  }
}

/** client-node knows kubectl's `tokenFile` only under the name of an auth provider. */
async function renameTokenFile(text: string): Promise<string> {
  const { parse } = await import('yaml');
  const file: unknown = parse(text);
  const users = typeof file === 'object' && file !== null && 'users' in file ? file.users : [];
  for (const entry of Array.isArray(users) ? users : []) {
    const user = entry?.user;
    if (typeof user?.tokenFile !== 'string' || user.token) continue;
    user['auth-provider'] ??= { name: 'tokenFile', config: { tokenFile: user.tokenFile } };
  }
  return JSON.stringify(file);
}

function resolvePaths(config: KubeConfig, directory: string): void {
  config.makePathsAbsolute(directory);
  for (const user of config.users) {
    const provider = user.authProvider?.config;
    if (provider?.tokenFile) provider.tokenFile = path.resolve(directory, provider.tokenFile);
    if (user.exec?.command?.includes('/')) user.exec.command = path.resolve(directory, user.exec.command);
  }
}

/** A YAML error's message quotes the file, which may be a secret; its reason and line do not. */
function withoutContent(error: unknown): string {
  if (!(error instanceof Error)) return 'unreadable';
  if ('reason' in error && typeof error.reason === 'string') {
    const mark = 'mark' in error ? (error.mark as { line?: number } | undefined) : undefined;
    return `${error.reason}${mark?.line === undefined ? '' : ` (line ${mark.line + 1})`}`;
  }
  if (error instanceof TypeError || error.name === 'YAMLParseError') return 'not a map of clusters, users and contexts';
  return error.message;
}

async function credentialsOf(
  config: KubeConfig,
  options: { readonly context: string | undefined; readonly files: readonly string[] },
): Promise<Credentials> {
  const where = options.files.length === 0 ? 'the service account' : options.files.join(', ');
  const context = selectContext(config, options.context, where);
  const cluster = config.getCluster(context.cluster);
  if (cluster === null) {
    throw new CredentialError(
      'cluster-missing',
      `context ${context.name} names cluster ${context.cluster}, which is not in ${where}`,
    );
  }
  const request = await requestOptions(config, where);
  const headers: Record<string, string> = {};
  let authorization = request.auth ? `Basic ${Buffer.from(request.auth).toString('base64')}` : undefined;
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    if (name.toLowerCase() === 'authorization') authorization = oneLine(String(value));
    else headers[name.toLowerCase()] = oneLine(String(value));
  }
  const connection: Connection = {
    serverUrl: serverUrlOf(cluster.server, where),
    authorization,
    headers,
    caPem: pemOf(request.ca),
    certPem: pemOf(request.cert),
    keyPem: pemOf(request.key),
    serverName: cluster.tlsServerName || undefined,
    isTlsVerified: !cluster.skipTLSVerify,
    proxyUrl: cluster.proxyUrl || undefined,
    userAgent: USER_AGENT,
  };
  checkCertificate(connection.certPem, where);
  return {
    connection,
    namespace: context.namespace?.trim() || 'default',
    contextName: context.name,
    warnings: warningsOf(connection),
  };
}

function selectContext(config: KubeConfig, wanted: string | undefined, where: string) {
  const names = config.contexts.map(({ name }) => name);
  const known = names.length === 0 ? 'it has none' : `it has ${names.slice(0, 20).join(', ')}`;
  const name = wanted ?? config.currentContext;
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
function nameAnonymous(config: KubeConfig, contextName: string): void {
  const user = 'daemonpodupdater:anonymous';
  config.contexts = config.contexts.map((context) => (context.name === contextName ? { ...context, user } : context));
  if (config.getUser(user) === null) config.addUser({ name: user });
}

async function requestOptions(config: KubeConfig, where: string): Promise<RequestOptions> {
  const cluster = config.getCurrentCluster();
  // client-node refuses http:// unless TLS verification is switched off; kubectl does not.
  if (cluster?.server.startsWith('http:')) {
    config.clusters = config.clusters.map((known) =>
      known.name === cluster.name ? { ...known, skipTLSVerify: true } : known,
    );
  }
  const user = config.getCurrentUser();
  if (user?.exec) describeExec(user.exec);
  const options: RequestOptions = {};
  try {
    await withDeadline(config.applyToHTTPSOptions(options), EXEC_TIMEOUT_MS);
    return options;
  } catch (error) {
    throw credentialErrorOf(error, { where, exec: user?.exec?.command, provider: user?.authProvider?.name });
  }
}

/** client-go tells plugins by this variable what is asked of them; some refuse to work without it. */
function describeExec(exec: { env?: { name: string; value: string }[] | null; apiVersion?: string }): void {
  const name = 'KUBERNETES_EXEC_INFO';
  const apiVersion = exec.apiVersion ?? 'client.authentication.k8s.io/v1';
  const value = JSON.stringify({ kind: 'ExecCredential', apiVersion, spec: { interactive: false } });
  exec.env = [...(exec.env ?? []).filter((entry) => entry.name !== name), { name, value }];
}

async function withDeadline(work: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
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
  const isPlain = connection.serverUrl.startsWith('http:');
  if (isPlain && connection.authorization !== undefined) {
    return ['credentials are sent to the API server without encryption (http://): anybody on the way can take them'];
  }
  if (isPlain || connection.isTlsVerified) return [];
  return ['insecure-skip-tls-verify is set: anybody on the way to the API server can read and change everything'];
}

/** Headers hold no line ends; token files often do. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
