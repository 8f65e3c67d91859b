import { type JsonObject, objectOf } from '../kube/json-object.ts';
import { CredentialError } from './credential-error.ts';

/** What the chosen context says, with its names; empty where there is nothing. */
export interface ChosenFields {
  /** The files, for messages. */
  readonly where: string;
  readonly context: NamedFields;
  readonly cluster: NamedFields;
  readonly user: NamedFields;
}

export interface NamedFields {
  readonly name: string;
  readonly fields: JsonObject;
}

/** k8s.io/client-go tools/clientcmd/api/v1/types.go; whatever is not in here does nothing with kubectl either. */
const KNOWN = {
  context: ['cluster', 'user', 'namespace', 'extensions'],
  cluster: [
    'server',
    'tls-server-name',
    'insecure-skip-tls-verify',
    'certificate-authority',
    'certificate-authority-data',
    'proxy-url',
    // Nothing is ever asked for in a compressed form.
    'disable-compression',
    'extensions',
  ],
  user: [
    'client-certificate',
    'client-certificate-data',
    'client-key',
    'client-key-data',
    'token',
    'tokenFile',
    'as',
    'as-uid',
    'as-groups',
    'as-user-extra',
    'username',
    'password',
    'auth-provider',
    'exec',
    'extensions',
  ],
  exec: ['command', 'args', 'env', 'apiVersion', 'installHint', 'provideClusterInfo', 'interactiveMode'],
} as const;

const EXEC_VERSIONS = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `client.authentication.k8s.io/${version}`);
const AUTH_PROVIDERS = ['oidc', 'gcp', 'azure'];
/** Of a cluster; what exec plugins of this cluster are told beside its address. */
const EXEC_EXTENSION = 'client.authentication.k8s.io/exec';

/**
 * Throws `CredentialError` for what a kubeconfig asks for and is not done here: a request must never be sent with other rights, or to
 * another server, than the file says. Returns warnings about fields that nobody knows.
 */
export function checkFields(chosen: ChosenFields): readonly string[] {
  const { user, cluster } = chosen;
  const exec = objectOf(user.fields.exec);
  checkPairs(chosen);
  checkWays(chosen);
  if (exec !== undefined) checkExec(chosen, exec);
  const provider = objectOf(user.fields['auth-provider']);
  if (provider !== undefined && !AUTH_PROVIDERS.includes(String(provider.name))) {
    const name = `auth-provider ${shown(provider.name)}`;
    refuse(chosen, 'user', name, `known are ${AUTH_PROVIDERS.join(', ')}; use an exec plugin instead`);
  }
  for (const field of ['insecure-skip-tls-verify', 'disable-compression']) {
    if (isSet(cluster.fields[field]) && typeof cluster.fields[field] !== 'boolean') {
      refuse(chosen, 'cluster', field, 'it has to be true or false');
    }
  }
  return [
    ...unknownFields(chosen, 'context', chosen.context.fields),
    ...unknownFields(chosen, 'cluster', cluster.fields),
    ...unknownFields(chosen, 'user', user.fields),
    ...unknownFields(chosen, 'exec', exec ?? {}),
  ];
}

/** kubectl refuses both of a pair too. */
function checkPairs(chosen: ChosenFields): void {
  const pairs = [
    ['cluster', 'certificate-authority'],
    ['user', 'client-certificate'],
    ['user', 'client-key'],
  ] as const;
  for (const [part, field] of pairs) {
    const { fields } = chosen[part];
    if (isSet(fields[field]) && isSet(fields[`${field}-data`])) {
      refuse(chosen, part, `${field} and ${field}-data`, 'only one of them may be there');
    }
  }
  const { fields } = chosen.user;
  const hasCertificate = isSet(fields['client-certificate']) || isSet(fields['client-certificate-data']);
  const hasKey = isSet(fields['client-key']) || isSet(fields['client-key-data']);
  if (hasCertificate === hasKey) return;
  const [has, lacks] = hasCertificate ? ['client-certificate', 'client-key'] : ['client-key', 'client-certificate'];
  refuse(chosen, 'user', has, `it needs a ${lacks} beside it`);
}

/** Which of several ways to say who one is would count is not for this program to choose. A token counts, as with kubectl. */
function checkWays(chosen: ChosenFields): void {
  const { fields } = chosen.user;
  if (isSet(fields.username) && hasToken(fields)) refuse(chosen, 'user', 'a token and a username', 'take one away');
  const others = ['exec', 'auth-provider'].filter((field) => isSet(fields[field]));
  if (others.length > 1) refuse(chosen, 'user', others.join(' and '), 'take one away');
  if (others.length > 0 && isSet(fields.username)) refuse(chosen, 'user', `${others[0]} and username`, 'take one away');
  // client-node reads it, from wherever the program runs.
  if (isSet(fields['token-file'])) refuse(chosen, 'user', 'token-file', 'its name is tokenFile');
}

/** Whether nothing else is asked who this is. */
export function hasToken(user: JsonObject): boolean {
  return isSet(user.token) || isSet(user.tokenFile);
}

function checkExec(chosen: ChosenFields, exec: JsonObject): void {
  if (isSet(exec.apiVersion) && !EXEC_VERSIONS.includes(String(exec.apiVersion))) {
    refuse(chosen, 'user', `exec.apiVersion ${shown(exec.apiVersion)}`, `known are ${EXEC_VERSIONS.join(', ')}`);
  }
  if (exec.interactiveMode === 'Always') {
    const help = 'nobody sits in front of this program: use Never or IfAvailable, and a plugin that can do without';
    refuse(chosen, 'user', 'exec.interactiveMode Always', help);
  }
  if (isSet(exec.interactiveMode) && !['Never', 'IfAvailable'].includes(String(exec.interactiveMode))) {
    const name = `exec.interactiveMode ${shown(exec.interactiveMode)}`;
    refuse(chosen, 'user', name, 'use Never or IfAvailable');
  }
  if (isSet(exec.provideClusterInfo) && typeof exec.provideClusterInfo !== 'boolean') {
    refuse(chosen, 'user', 'exec.provideClusterInfo', 'it has to be true or false');
  }
}

function unknownFields(chosen: ChosenFields, part: keyof typeof KNOWN, fields: JsonObject): readonly string[] {
  const known: readonly string[] = KNOWN[part];
  const owner = part === 'exec' ? `exec of user ${shown(chosen.user.name)}` : `${part} ${shown(chosen[part].name)}`;
  return Object.keys(fields)
    .filter((field) => !known.includes(field))
    .map(
      (field) => `${chosen.where}: ${owner} has the field ${shown(field)}, which is not known here and does nothing`,
    );
}

/** A header's values, by its name in lower case. */
export type HeaderValues = Record<string, readonly string[]>;

/** For every request; client-go's names (transport/round_trippers.go). Throws `CredentialError`. */
export function impersonationHeaders(chosen: ChosenFields): HeaderValues {
  const { fields } = chosen.user;
  const { as: user, 'as-uid': uid, 'as-groups': groups, 'as-user-extra': extra } = fields;
  const headers: HeaderValues = {};
  if (isSet(user)) headers['impersonate-user'] = [headerText(chosen, 'as', user)];
  if (isSet(uid)) headers['impersonate-uid'] = [headerText(chosen, 'as-uid', uid)];
  const groupTexts = headerTexts(chosen, 'as-groups', groups ?? []);
  if (groupTexts.length > 0) headers['impersonate-group'] = groupTexts;
  if (isSet(extra) && objectOf(extra) === undefined) {
    refuse(chosen, 'user', 'as-user-extra', 'it has to be a map of lists of texts');
  }
  for (const [key, values] of Object.entries(objectOf(extra) ?? {})) {
    const texts = headerTexts(chosen, `as-user-extra.${key}`, values);
    if (texts.length > 0) headers[`impersonate-extra-${escapedKey(key)}`] = texts;
  }
  const [first] = Object.keys(headers);
  if (first !== undefined && !isSet(user)) {
    refuse(chosen, 'user', 'as-uid, as-groups or as-user-extra', 'they need `as` beside them: the name of the user');
  }
  return headers;
}

function headerTexts(chosen: ChosenFields, field: string, values: unknown): readonly string[] {
  if (!Array.isArray(values)) refuse(chosen, 'user', field, 'it has to be a list of texts');
  return values.map((value: unknown) => headerText(chosen, field, value));
}

/** UTF-8, byte by byte, as client-go sends it. */
function headerText(chosen: ChosenFields, field: string, value: unknown): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those that a header must not hold.
  if (typeof value === 'string' && !/[\x00-\x1f\x7f]|^ | $/.test(value)) {
    return Buffer.from(value, 'utf8').toString('latin1');
  }
  return refuse(chosen, 'user', field, 'it has to be text that an HTTP header can hold');
}

/** Whatever a header's name cannot hold, and the percent sign, in percent form; the API server turns it back. */
function escapedKey(key: string): string {
  return Buffer.from(key.toLowerCase(), 'utf8')
    .toString('latin1')
    .replaceAll(/[^a-z0-9!#$&'*+.^_`|~-]/g, (byte) => {
      return `%${byte.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`;
    });
}

/** What exec plugins that ask for it (`provideClusterInfo`) are told: `spec.cluster` of client.authentication.k8s.io. */
export function execClusterInfo(
  { cluster }: ChosenFields,
  tls: { readonly caPem: string | undefined; readonly isSkipped: boolean },
): JsonObject {
  const { fields } = cluster;
  const extensions: readonly unknown[] = Array.isArray(fields.extensions) ? fields.extensions : [];
  const extension = extensions.map(objectOf).find((entry) => entry?.name === EXEC_EXTENSION);
  // JSON leaves out what is undefined.
  return {
    server: fields.server,
    'tls-server-name': fields['tls-server-name'],
    'insecure-skip-tls-verify': tls.isSkipped || undefined,
    'certificate-authority-data': tls.caPem === undefined ? undefined : Buffer.from(tls.caPem).toString('base64'),
    'proxy-url': fields['proxy-url'],
    'disable-compression': fields['disable-compression'] || undefined,
    config: extension?.extension,
  };
}

function refuse(chosen: ChosenFields, part: 'cluster' | 'user', field: string, help: string): never {
  const { name } = chosen[part];
  throw new CredentialError('field-unusable', `${chosen.where}: ${part} ${shown(name)} has ${field}: ${help}`);
}

/** Empty is absent, as in Go. */
function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/** A name from the file, on one line. */
function shown(value: unknown): string {
  return JSON.stringify(String(value).slice(0, 80));
}
