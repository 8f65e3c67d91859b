import { X509Certificate } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import packageJson from '../../package.json' with { type: 'json' };
import { type JsonObject, objectOf } from '../kube/json-object.ts';
import type { Connection } from '../protocol/connection.ts';
import type { Credentials } from './connection-source.ts';
import { CredentialError } from './credential-error.ts';
import { guardedConnection } from './guarded-connection.ts';
import { type ChosenFields, checkFields, impersonationHeaders, type NamedFields } from './kubeconfig-fields.ts';
import { proxyUrlOf } from './proxy-setting.ts';
import {
  type AskOptions,
  authorizationOf,
  isPlain,
  type LoadedContext,
  type LoadedKubeconfig,
  requestOptions,
} from './request-options.ts';

const USER_AGENT = `${packageJson.name}/${packageJson.version} (${process.platform}/${process.arch})`;

export interface CredentialOptions extends AskOptions {
  /** The kubeconfigs as they are written, in order of precedence; none: the service account. */
  readonly written: readonly JsonObject[];
  readonly context: string | undefined;
  readonly files: readonly string[];
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
  const chosen = chosenFields(options.written, context, where);
  const warnings = checkFields(chosen);
  const headers = impersonationHeaders(chosen);
  const serverUrl = serverUrlOf(cluster.server, where);
  const proxyUrl = proxyUrlOf({ serverUrl, kubeconfigProxy: cluster.proxyUrl, env: process.env, where });
  const request = await requestOptions(config, chosen, options);
  const authorization = authorizationOf(request);
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
    isInCluster: options.files.length === 0,
    warnings: [...warningsOf(connection), ...warnings],
  };
}

/** The maps that the context names, as they are written; of entries with one name the first counts. */
function chosenFields(written: readonly JsonObject[], context: LoadedContext, where: string): ChosenFields {
  const find = (list: string, item: string, name: string): NamedFields => {
    const entries = written.flatMap((file): readonly unknown[] => (Array.isArray(file[list]) ? file[list] : []));
    const entry = entries.map(objectOf).find((candidate) => candidate?.name === name);
    return { name, fields: objectOf(entry?.[item]) ?? {} };
  };
  return {
    where,
    context: find('contexts', 'context', context.name),
    cluster: find('clusters', 'cluster', context.cluster),
    user: find('users', 'user', context.user),
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
