import { registerHooks } from 'node:module';
import path from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { type JsonObject, objectOf } from '../kube/json-object.ts';
import { type ConnectionSource, openConnectionSource } from './connection-source.ts';
import { CredentialError } from './credential-error.ts';
import { ExecPlugins } from './exec-plugins.ts';
import { credentialsOf } from './kubeconfig-connection.ts';
import { type KubeconfigText, type LoadOptions, readKubeconfigs } from './kubeconfig-files.ts';

const EXEC_TIMEOUT_MS = 60_000;

/**
 * Finds the credentials: `kubeconfig`, else (without a `context`) the service account of the pod this runs in, else
 * $KUBECONFIG, else ~/.kube/config. Rejects with `CredentialError`.
 */
export async function loadConnection(options: LoadOptions): Promise<ConnectionSource> {
  const KubeConfigClass = await importKubeConfig();
  const plugins = new ExecPlugins();
  let cached:
    | { readonly text: string; readonly config: KubeConfig; readonly written: readonly JsonObject[] }
    | undefined;
  const source = await openConnectionSource(async (isForced) => {
    const texts = readKubeconfigs(options);
    const text = JSON.stringify(texts);
    // An object is kept only for what it caches of an exec plugin; token files are read anew.
    if (isForced || cached?.text !== text || !cached.config.getCurrentUser()?.exec) {
      const config = new KubeConfigClass();
      const written = texts.length === 0 ? [] : await mergeAll(config, texts, KubeConfigClass);
      if (texts.length === 0) loadServiceAccount(config, options.filesRoot ?? '');
      runPluginsBy(plugins, config);
      cached = { text, config, written };
    }
    return credentialsOf(cached.config, {
      written: cached.written,
      context: options.context,
      shouldSkipTlsVerify: options.shouldSkipTlsVerify ?? false,
      files: texts.map(({ file }) => file),
      execTimeoutMs: options.execTimeoutMs ?? EXEC_TIMEOUT_MS,
      onExecTimeout: () => plugins.endAll(),
    });
  });
  const close = (): void => {
    source.close();
    plugins.endAll();
  };
  return { ...source, close };
}

/** Over https whatever the port, as client-go: client-node takes http for 80, 8080 and 8001, and the token would be there for all to read. */
function loadServiceAccount(config: KubeConfig, filesRoot: string): void {
  config.loadFromCluster(filesRoot);
  config.clusters = config.clusters.map((cluster) => ({
    ...cluster,
    server: cluster.server.replace(/^http:/, 'https:'),
  }));
}

/** client-node keeps the function that starts a plugin to itself, and starts it without a way to end it. */
function runPluginsBy(plugins: ExecPlugins, config: KubeConfig): void {
  const { authenticators } = config as unknown as { readonly authenticators: readonly object[] };
  for (const authenticator of authenticators) {
    if ('execFn' in authenticator) authenticator.execFn = plugins.spawn;
  }
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

/** kubectl's rule for several files: whatever comes first wins. Returns them as they are written: client-node forgets fields. */
async function mergeAll(
  config: KubeConfig,
  texts: readonly KubeconfigText[],
  KubeConfigClass: typeof KubeConfig,
): Promise<readonly JsonObject[]> {
  const { parse } = await import('yaml');
  const written: JsonObject[] = [];
  for (const [i, { file, text }] of texts.entries()) {
    const part = i === 0 ? config : new KubeConfigClass();
    try {
      part.loadFromString(text);
      const fields = objectOf(parse(text)) ?? {};
      written.push(fields);
      if (text.includes('tokenFile')) part.loadFromString(withTokenFiles(fields));
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
  return written;
}

/** client-node knows kubectl's `tokenFile`, which wins over `token`, only under the name of an auth provider. */
function withTokenFiles(file: JsonObject): string {
  const users: readonly unknown[] = Array.isArray(file.users) ? file.users : [];
  const renamed = users.map((entry) => {
    const user = objectOf(objectOf(entry)?.user);
    if (user === undefined || typeof user.tokenFile !== 'string' || user.tokenFile === '') return entry;
    const { token: _, ...others } = user;
    const provider = { name: 'tokenFile', config: { tokenFile: user.tokenFile } };
    return { ...objectOf(entry), user: { ...others, 'auth-provider': provider } };
  });
  return JSON.stringify({ ...file, users: renamed });
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
