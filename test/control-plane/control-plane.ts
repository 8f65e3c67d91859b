import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from './api-client.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import { apiServerArgs, controllerArgs, controllerManagerArgs, etcdArgs, kwokArgs } from './component-args.ts';
import {
  type ControlPlaneFiles,
  filesIn,
  type Identity,
  type Tokens,
  writeFiles,
  writeKubeconfig,
} from './control-plane-files.ts';
import { untilKubeletsRun } from './kubelets.ts';
import type { KubeletOptions } from './kwok-config.ts';
import { freePorts, type Program, waitFor } from './processes.ts';
import { ProgramGroup, type ProgramStart } from './program-group.ts';

export interface ControlPlaneOptions extends Partial<KubeletOptions> {
  /** Everything is killed and removed after this time, whatever the caller does. */
  readonly maxLifetimeMs?: number;
  /** Lift the client-side rate limits of the controller manager and the scheduler; default true. */
  readonly isRateLimitLifted?: boolean;
  readonly apiServerArgs?: readonly string[];
  /** For real kubelets: how long a heartbeat may be missing before the node is NotReady; default: for ever. */
  readonly nodeMonitorGraceSeconds?: number;
}

export const COMPONENTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok'] as const;
export type Component = (typeof COMPONENTS)[number];

const READY_TIMEOUT_MS = 180_000;
const LIFETIME_MS = 45 * 60_000;
/** Its own and its CA's. */
const CERTIFICATES = 2;

/** Kubernetes' own programs with stand-in kubelets, on the loopback interface, for one test run. */
export class ControlPlane {
  readonly serverUrl: string;
  readonly files: ControlPlaneFiles;
  readonly caPem: string;
  readonly admin: ApiClient;
  readonly adminKubeconfigPath: string;
  readonly #programs: Readonly<Record<Component, Program>>;
  readonly #etcdUrl: string;
  readonly #tokens: Tokens;
  readonly #group: ProgramGroup;

  constructor(started: Started) {
    this.serverUrl = started.serverUrl;
    this.files = started.files;
    this.caPem = started.caPem;
    this.adminKubeconfigPath = started.adminKubeconfigPath;
    this.#programs = started.programs;
    this.#etcdUrl = started.etcdUrl;
    this.#tokens = started.tokens;
    this.#group = started.group;
    this.admin = this.client('admin', 'test-admin');
  }

  /** A client that the caller closes. */
  client(identity: Identity, userAgent: string, connections = 32): ApiClient {
    return new ApiClient({
      serverUrl: this.serverUrl,
      caPem: this.caPem,
      token: this.#tokens[identity],
      userAgent,
      connections,
    });
  }

  async writeKubeconfig(account: { user: string; token: string; namespace?: string }): Promise<string> {
    const path = join(this.files.directory, `${account.user}.kubeconfig`);
    return await writeKubeconfig({ path, serverUrl: this.serverUrl, caPath: this.files.caPath, ...account });
  }

  program(component: Component): Program {
    return this.#programs[component];
  }

  get programs(): readonly Program[] {
    return Object.values(this.#programs);
  }

  async identityKubeconfig(user: Identity): Promise<string> {
    return await this.writeKubeconfig({ user, token: this.#tokens[user] });
  }

  /** Another program that ends with this control plane and logs beside it: the updater under test, a real kubelet. */
  startProgram(options: ProgramStart): Program {
    return this.#group.start(options);
  }

  /** The control groups of that name are removed with the programs, whoever ends those. */
  ownControlGroups(name: string): void {
    this.#group.ownControlGroups(name);
  }

  /** Ends the component and starts it again with the same data and address; an API server is ready when this returns. */
  async restart(component: Component, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const program = this.#programs[component];
    await program.stop(signal, 20_000);
    program.start();
    if (component === 'kube-apiserver' || component === 'etcd') await this.ready();
  }

  /** Waits until the API server says that it is ready. */
  async ready(): Promise<void> {
    await waitFor(
      async () => {
        const response = await this.admin.send({ method: 'GET', path: '/readyz' }).catch(() => undefined);
        await response?.body.dump();
        return response?.statusCode === 200;
      },
      { timeoutMs: READY_TIMEOUT_MS, what: 'the API server to be ready' },
    );
  }

  /** Compacts etcd's history up to now, as the API server does every five minutes; the answer is the revision. */
  async compact(): Promise<number> {
    const post = async (path: string, body: unknown) => {
      const response = await fetch(`${this.#etcdUrl}${path}`, { method: 'POST', body: JSON.stringify(body) });
      if (!response.ok) throw new Error(`etcd ${path}: ${response.status} ${await response.text()}`);
      return (await response.json()) as { header: { revision: string } };
    };
    const { header } = await post('/v3/kv/range', { key: Buffer.from('none').toString('base64') });
    await post('/v3/kv/compaction', { revision: header.revision, physical: true });
    return Number(header.revision);
  }

  async logTails(): Promise<string> {
    return await this.#group.logTails();
  }

  async stop(): Promise<void> {
    await this.admin.close();
    await this.#group.release();
  }
}

interface Started {
  readonly serverUrl: string;
  readonly etcdUrl: string;
  readonly files: ControlPlaneFiles;
  readonly caPem: string;
  readonly tokens: Tokens;
  readonly adminKubeconfigPath: string;
  readonly programs: Readonly<Record<Component, Program>>;
  readonly group: ProgramGroup;
}

/**
 * Starts a control plane without nodes.
 *
 * @throws BinariesMissingError when there are no programs; an Error with the ends of the logs when they do not start.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binaries = await findBinaries();
  const files = filesIn(await mkdtemp(join(tmpdir(), 'daemonpodupdater-control-plane-')));
  const startupMs = options.startupMs ?? 0;
  const tokens = await writeFiles(files, {
    startupMs,
    startupMaxMs: options.startupMaxMs ?? startupMs,
    terminationMs: options.terminationMs ?? 0,
  });
  const group = new ProgramGroup(files, options.maxLifetimeMs ?? LIFETIME_MS);
  try {
    return await startComponents({ binaries, files, tokens, group, options });
  } catch (cause) {
    const logs = await group.logTails();
    await group.release();
    throw new Error(`the control plane did not start\n${logs}`, { cause });
  }
}

interface Setup {
  readonly binaries: Binaries;
  readonly files: ControlPlaneFiles;
  readonly tokens: Tokens;
  readonly group: ProgramGroup;
  readonly options: ControlPlaneOptions;
}

async function startComponents({ binaries, files, tokens, group, options }: Setup): Promise<ControlPlane> {
  const [clientPort, peerPort, apiPort] = (await freePorts(3)) as [number, number, number];
  const etcdUrl = `http://127.0.0.1:${clientPort}`;
  const serverUrl = `https://127.0.0.1:${apiPort}`;
  const { caPath } = files;
  const kubeconfig = async (user: Identity) => {
    const path = join(files.directory, `${user}.kubeconfig`);
    return await writeKubeconfig({ path, serverUrl, caPath, user, token: tokens[user] });
  };
  const isLifted = options.isRateLimitLifted ?? true;
  const clientArgs = async (user: Identity) => controllerArgs(await kubeconfig(user), isLifted);
  const args: Readonly<Record<Component, readonly string[]>> = {
    etcd: etcdArgs(files, { etcdUrl, peerUrl: `http://127.0.0.1:${peerPort}` }),
    'kube-apiserver': [...apiServerArgs(files, { etcdUrl, port: apiPort }), ...(options.apiServerArgs ?? [])],
    'kube-controller-manager': [
      ...(await clientArgs('kube-controller-manager')),
      ...controllerManagerArgs(options.nodeMonitorGraceSeconds),
    ],
    'kube-scheduler': await clientArgs('kube-scheduler'),
    kwok: kwokArgs(await kubeconfig('kwok'), files),
  };
  const prepare = (name: Component) => group.prepare({ name, command: binaries[name], args: args[name] });
  const programs: Readonly<Record<Component, Program>> = {
    etcd: prepare('etcd'),
    'kube-apiserver': prepare('kube-apiserver'),
    'kube-controller-manager': prepare('kube-controller-manager'),
    'kube-scheduler': prepare('kube-scheduler'),
    kwok: prepare('kwok'),
  };
  programs.etcd.start();
  programs['kube-apiserver'].start();
  const caPem = await waitForCertificate(caPath, [programs.etcd, programs['kube-apiserver']]);
  const adminKubeconfigPath = await kubeconfig('admin');
  const plane = new ControlPlane({ serverUrl, etcdUrl, files, caPem, tokens, adminKubeconfigPath, programs, group });
  await plane.ready();
  for (const name of ['kube-controller-manager', 'kube-scheduler', 'kwok'] as const) programs[name].start();
  await waitFor(async () => await plane.admin.find('/api/v1/namespaces/default'), {
    timeoutMs: READY_TIMEOUT_MS,
    what: 'the default namespace',
  });
  await untilKubeletsRun(plane.admin, READY_TIMEOUT_MS);
  return plane;
}

async function waitForCertificate(path: string, programs: readonly Program[]): Promise<string> {
  return await waitFor(
    async () => {
      const ended = programs.find((program) => !program.isRunning);
      if (ended !== undefined) throw new Error(`${ended.name} ended`);
      const pem = await readFile(path, 'utf8').catch(() => '');
      return pem.split('END CERTIFICATE').length > CERTIFICATES ? pem : undefined;
    },
    { timeoutMs: READY_TIMEOUT_MS, what: 'the API server to write its certificate' },
  );
}
