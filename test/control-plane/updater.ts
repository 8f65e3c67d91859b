import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse, parseAllDocuments } from 'yaml';
import type { KubeObject } from './api-client.ts';
import type { ControlPlane } from './control-plane.ts';
import { freePorts, type Program, waitFor } from './processes.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const DEPLOY_BASE = join(ROOT, 'deploy', 'base');
/** Another checkout's main.ts, to compare versions. */
const ENTRY = process.env.UPDATER_ENTRY ?? join(ROOT, 'src', 'main.ts');
const READY_TIMEOUT_MS = 180_000;
/** Longer than its --shutdown-grace: who kills it before leaves its lease behind. */
const STOP_GRACE_MS = 60_000;
/** As in deploy/Dockerfile, and a compile cache as the image brings one. */
const V8_FLAGS = ['--max-semi-space-size=4', '--heap-growing-percent=30'];
const ENVIRONMENT = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'daemonpodupdater-compile-cache') };

/** Where the kinds that deploy/base may hold live in the API; `isGlobal` ones have no namespace. */
const KINDS: Readonly<Record<string, { readonly api: string; readonly plural: string; readonly isGlobal: boolean }>> = {
  Namespace: { api: '/api/v1', plural: 'namespaces', isGlobal: true },
  ServiceAccount: { api: '/api/v1', plural: 'serviceaccounts', isGlobal: false },
  ClusterRole: { api: '/apis/rbac.authorization.k8s.io/v1', plural: 'clusterroles', isGlobal: true },
  ClusterRoleBinding: { api: '/apis/rbac.authorization.k8s.io/v1', plural: 'clusterrolebindings', isGlobal: true },
  Role: { api: '/apis/rbac.authorization.k8s.io/v1', plural: 'roles', isGlobal: false },
  RoleBinding: { api: '/apis/rbac.authorization.k8s.io/v1', plural: 'rolebindings', isGlobal: false },
};

/** What the updater runs as: the service account of deploy/base with the rights that deploy/base gives it, and no others. */
export interface UpdaterAccount {
  readonly namespace: string;
  readonly name: string;
  readonly kubeconfigPath: string;
  readonly user: string;
  readonly token: string;
}

/** Applies the namespace, the service account and the rights of deploy/base, and asks for a token of that account. */
export async function createUpdaterAccount(plane: ControlPlane): Promise<UpdaterAccount> {
  const { namespace, objects } = await readBase();
  const account = objects.find(({ kind }) => kind === 'ServiceAccount');
  if (account === undefined) throw new Error(`${DEPLOY_BASE} holds no ServiceAccount`);
  for (const object of objects) await applyObject(plane, object, namespace);
  const { name } = account.metadata;
  const token = await requestToken(plane, { namespace, name });
  return {
    namespace,
    name,
    token,
    user: `system:serviceaccount:${namespace}:${name}`,
    kubeconfigPath: await plane.writeKubeconfig({ user: name, token, namespace }),
  };
}

/** Another token of the account; one that is bound to a Secret is valid for as long as that exists. */
export async function requestToken(
  plane: ControlPlane,
  account: { readonly namespace: string; readonly name: string },
  boundTo?: { readonly name: string; readonly uid: string },
): Promise<string> {
  const { status } = await plane.admin.post<{ status: { token: string } }>(
    `/api/v1/namespaces/${account.namespace}/serviceaccounts/${account.name}/token`,
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        expirationSeconds: 3600,
        ...(boundTo === undefined ? {} : { boundObjectRef: { apiVersion: 'v1', kind: 'Secret', ...boundTo } }),
      },
    },
  );
  return status.token;
}

/** The objects that rights are made of, namespace first, in the namespace that kustomization.yaml gives them. */
async function readBase(): Promise<{ namespace: string; objects: KubeObject[] }> {
  const files = (await readdir(DEPLOY_BASE)).filter((name) => name.endsWith('.yaml'));
  const kustomization = parse(await readFile(join(DEPLOY_BASE, 'kustomization.yaml'), 'utf8')) as {
    namespace?: string;
  };
  const objects: KubeObject[] = [];
  for (const file of files.filter((name) => name !== 'kustomization.yaml')) {
    const documents = parseAllDocuments(await readFile(join(DEPLOY_BASE, file), 'utf8'));
    objects.push(
      ...documents
        .map((document) => document.toJS() as KubeObject)
        .filter(({ kind }) => KINDS[kind ?? ''] !== undefined),
    );
  }
  const order = Object.keys(KINDS);
  objects.sort((a, b) => order.indexOf(a.kind ?? '') - order.indexOf(b.kind ?? ''));
  const namespace = kustomization.namespace ?? objects.find(({ kind }) => kind === 'Namespace')?.metadata.name;
  if (namespace === undefined) throw new Error(`${DEPLOY_BASE} names no namespace`);
  return { namespace, objects };
}

async function applyObject(plane: ControlPlane, object: KubeObject, defaultNamespace: string): Promise<void> {
  const kind = KINDS[object.kind ?? ''];
  if (kind === undefined) throw new Error(`unknown kind ${object.kind}`);
  const namespace = object.metadata.namespace ?? defaultNamespace;
  const collection = kind.isGlobal
    ? `${kind.api}/${kind.plural}`
    : `${kind.api}/namespaces/${namespace}/${kind.plural}`;
  const body = kind.isGlobal ? object : { ...object, metadata: { ...object.metadata, namespace } };
  const query = 'fieldManager=test&force=true';
  await plane.admin.patch(`${collection}/${object.metadata.name}?${query}`, body, 'apply');
}

export interface UpdaterOptions {
  readonly kubeconfigPath: string;
  readonly name?: string;
  readonly args?: readonly string[];
  readonly nodeArgs?: readonly string[];
}

export interface Updater {
  readonly program: Program;
  readonly healthUrl: string;
  readonly metricsUrl: string;
}

/** Fills the compile cache as building the image does, so that what is measured is what is deployed. */
export async function fillCompileCache(): Promise<void> {
  const args = [...V8_FLAGS, ENTRY, 'simulate', '--nodes', '10', '--startup', '100ms', '--report', 'json'];
  await promisify(execFile)(process.execPath, args, { env: ENVIRONMENT });
  // It ends with an error, as it should: by then all that `run` needs has been compiled.
  await promisify(execFile)(process.execPath, [...V8_FLAGS, ENTRY, 'run', '--kubeconfig', '/dev/null'], {
    env: ENVIRONMENT,
  }).catch(() => undefined);
}

/** Lets it end by itself, with what it has under way done and its lease given up. */
export async function stopUpdater({ program }: Updater): Promise<void> {
  await program.stop('SIGTERM', STOP_GRACE_MS);
}

/** The sum of the metric's series that have these labels. */
export async function metricOf(
  { metricsUrl }: Updater,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<number> {
  const text = await (await fetch(metricsUrl)).text();
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && wanted.every((label) => line.includes(label)));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Starts `daemonpodupdater run` as a process of its own and waits until it says that it is ready. */
export async function startUpdater(plane: ControlPlane, options: UpdaterOptions): Promise<Updater> {
  const [healthPort, metricsPort] = (await freePorts(2)) as [number, number];
  const program = plane.startProgram({
    name: options.name ?? 'updater',
    command: process.execPath,
    args: [
      ...V8_FLAGS,
      ...(options.nodeArgs ?? []),
      ENTRY,
      'run',
      ...['--kubeconfig', options.kubeconfigPath],
      ...['--health-probe-bind-address', `127.0.0.1:${healthPort}`],
      ...['--metrics-bind-address', `127.0.0.1:${metricsPort}`],
      ...['--log-format', 'json'],
      ...(options.args ?? []),
    ],
    env: ENVIRONMENT,
  });
  const healthUrl = `http://127.0.0.1:${healthPort}`;
  await waitFor(
    async () => {
      if (!program.isRunning) throw new Error(`the updater ended\n${await program.logTail(40)}`);
      const response = await fetch(`${healthUrl}/readyz`).catch(() => undefined);
      await response?.arrayBuffer();
      return response?.status === 200;
    },
    { timeoutMs: READY_TIMEOUT_MS, what: 'the updater to be ready' },
  ).catch(async (cause: unknown) => {
    throw new Error(`the updater did not start\n${await program.logTail(40)}`, { cause });
  });
  return { program, healthUrl, metricsUrl: `http://127.0.0.1:${metricsPort}/metrics` };
}
