import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type KubeletOptions, kwokConfig } from './kwok-config.ts';

/** Who may speak to the API server with a fixed token; all are administrators, the names tell them apart in the audit log. */
export const IDENTITIES = [
  'admin',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kwok',
  'observer',
] as const;
export type Identity = (typeof IDENTITIES)[number];

export type Tokens = Readonly<Record<Identity, string>>;

/** Where everything of one control plane is. */
export interface ControlPlaneFiles {
  readonly directory: string;
  readonly etcdData: string;
  readonly certificates: string;
  /** Written by the API server when it starts for the first time: its self-signed certificate and that one's CA. */
  readonly caPath: string;
  readonly tokens: string;
  readonly serviceAccountKey: string;
  readonly auditPolicy: string;
  readonly auditLog: string;
  readonly kwok: string;
  readonly logs: string;
}

export function filesIn(directory: string): ControlPlaneFiles {
  return {
    directory,
    etcdData: join(directory, 'etcd'),
    certificates: join(directory, 'certificates'),
    caPath: join(directory, 'certificates', 'apiserver.crt'),
    tokens: join(directory, 'tokens.csv'),
    serviceAccountKey: join(directory, 'service-account.key'),
    auditPolicy: join(directory, 'audit-policy.yaml'),
    auditLog: join(directory, 'audit.log'),
    kwok: join(directory, 'kwok.yaml'),
    logs: join(directory, 'logs'),
  };
}

/**
 * Only the writes that the tests ask about: everything else would cost the API server time. Leases are logged with their
 * content: who held one when is what writes are judged by. Deletions of pods with theirs, which is small: it has the UID.
 */
const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'Request', verbs: ['delete'], resources: [{ group: '', resources: ['pods'] }] },
    {
      level: 'Metadata',
      verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'],
      resources: [{ group: '', resources: ['pods', 'pods/status', 'pods/eviction'] }],
    },
    {
      level: 'Request',
      verbs: ['create', 'update', 'patch', 'delete'],
      resources: [{ group: 'coordination.k8s.io', resources: ['leases'] }],
    },
    { level: 'None' },
  ],
};

/** Writes what the programs read when they start; the answer is the fixed tokens. */
export async function writeFiles(files: ControlPlaneFiles, kubelet: KubeletOptions): Promise<Tokens> {
  const token = () => randomBytes(24).toString('hex');
  const tokens: Tokens = {
    admin: token(),
    'kube-controller-manager': token(),
    'kube-scheduler': token(),
    kubelet: token(),
    kwok: token(),
    observer: token(),
  };
  await mkdir(files.logs, { recursive: true });
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const users = IDENTITIES.map((identity) => `${tokens[identity]},test:${identity},${identity},"system:masters"\n`);
  const secret = { mode: 0o600 };
  await writeFile(files.tokens, users.join(''), secret);
  await writeFile(files.serviceAccountKey, privateKey, secret);
  await writeFile(files.auditPolicy, stringify(AUDIT_POLICY));
  await writeFile(files.auditLog, '');
  await writeFile(files.kwok, kwokConfig(kubelet));
  return tokens;
}

export interface KubeconfigOptions {
  readonly path: string;
  readonly serverUrl: string;
  readonly caPath: string;
  readonly user: string;
  readonly token?: string;
  /** A file that holds the token, instead of the token itself. */
  readonly tokenFile?: string;
  /** The name in the server's certificate, when it is not the one in the URL. */
  readonly serverName?: string;
  /** The context's namespace; default `default`. */
  readonly namespace?: string;
}

export async function writeKubeconfig(options: KubeconfigOptions): Promise<string> {
  const { path, serverUrl, caPath, user, token, tokenFile, serverName, namespace = 'default' } = options;
  const cluster = {
    server: serverUrl,
    'certificate-authority': caPath,
    ...(serverName === undefined ? {} : { 'tls-server-name': serverName }),
  };
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: user, user: tokenFile === undefined ? { token } : { tokenFile } }],
    contexts: [{ name: user, context: { cluster: 'test', user, namespace } }],
    'current-context': user,
  };
  await writeFile(path, stringify(kubeconfig), { mode: 0o600 });
  return path;
}
