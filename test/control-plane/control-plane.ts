import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from './api-client.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import {
  type ControlPlaneFiles,
  filesIn,
  type Identity,
  type Tokens,
  writeFiles,
  writeKubeconfig,
} from './control-plane-files.ts';
import { KUBELET_LABEL, type KubeletOptions } from './kwok-config.ts';
import { freePorts, Program, waitFor } from './processes.ts';

export interface ControlPlaneOptions extends Partial<KubeletOptions> {
  /** Everything is killed and removed after this time, whatever the caller does. */
  readonly maxLifetimeMs?: number;
  /** Lift the client-side rate limits of the controller manager and the scheduler; default true. */
  readonly isRateLimitLifted?: boolean;
  readonly apiServerArgs?: readonly string[];
}

export const COMPONENTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok'] as const;
export type Component = (typeof COMPONENTS)[number];

const READY_TIMEOUT_MS = 60_000;
const LIFETIME_MS = 15 * 60_000;

/** The DaemonSet machinery, and what a real cluster does around it: node taints, garbage, namespaces, Jobs. */
const CONTROLLERS = [
  'daemonset-controller',
  'garbage-collector-controller',
  'node-lifecycle-controller',
  'namespace-controller',
  'job-controller',
  'ttl-after-finished-controller',
];

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
  readonly #startProgram: (options: ProgramStart) => Program;
  readonly #release: () => Promise<void>;

  constructor(started: Started) {
    this.serverUrl = started.serverUrl;
    this.files = started.files;
    this.caPem = started.caPem;
    this.adminKubeconfigPath = started.adminKubeconfigPath;
    this.#programs = started.programs;
    this.#etcdUrl = started.etcdUrl;
    this.#tokens = started.tokens;
    this.#startProgram = started.startProgram;
    this.#release = started.release;
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

  /** Another program that ends with this control plane and logs beside it: the updater under test. */
  startProgram(options: ProgramStart): Program {
    return this.#startProgram(options);
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
    return await logTails(Object.values(this.#programs));
  }

  async stop(): Promise<void> {
    await this.admin.close();
    await this.#release();
  }
}

export interface ProgramStart {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

interface Started {
  readonly serverUrl: string;
  readonly etcdUrl: string;
  readonly files: ControlPlaneFiles;
  readonly caPem: string;
  readonly tokens: Tokens;
  readonly adminKubeconfigPath: string;
  readonly programs: Readonly<Record<Component, Program>>;
  readonly startProgram: (options: ProgramStart) => Program;
  readonly release: () => Promise<void>;
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
    const logs = await logTails(group.programs);
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
  const start = (name: Component, args: readonly string[]) => group.start({ name, command: binaries[name], args });
  const kubeconfig = async (user: Identity) =>
    await writeKubeconfig({
      path: join(files.directory, `${user}.kubeconfig`),
      serverUrl,
      caPath: files.caPath,
      user,
      token: tokens[user],
    });

  const etcd = start('etcd', etcdArgs(files, { etcdUrl, peerUrl: `http://127.0.0.1:${peerPort}` }));
  const apiServer = start('kube-apiserver', [
    ...apiServerArgs(files, { etcdUrl, port: apiPort }),
    ...(options.apiServerArgs ?? []),
  ]);
  const caPem = await waitForCertificate(files.caPath, [etcd, apiServer]);
  const isLifted = options.isRateLimitLifted ?? true;
  const limits = isLifted ? ['--kube-api-qps=5000', '--kube-api-burst=10000'] : [];
  const clientArgs = async (user: Identity) => [
    '--kubeconfig',
    await kubeconfig(user),
    ...limits,
    '--leader-elect=false',
    '--secure-port=0',
  ];

  const plane = new ControlPlane({
    serverUrl,
    etcdUrl,
    files,
    caPem,
    tokens,
    adminKubeconfigPath: await kubeconfig('admin'),
    programs: {
      etcd,
      'kube-apiserver': apiServer,
      'kube-controller-manager': group.prepare({
        name: 'kube-controller-manager',
        command: binaries['kube-controller-manager'],
        // Stand-in kubelets send no heartbeats (2,000 of them would keep the API server busy), so none may be missed.
        args: [
          ...(await clientArgs('kube-controller-manager')),
          `--controllers=${CONTROLLERS}`,
          '--node-monitor-grace-period=24h',
          '--node-monitor-period=1s',
        ],
      }),
      'kube-scheduler': group.prepare({
        name: 'kube-scheduler',
        command: binaries['kube-scheduler'],
        args: await clientArgs('kube-scheduler'),
      }),
      kwok: group.prepare({
        name: 'kwok',
        command: binaries.kwok,
        args: [
          '--kubeconfig',
          await kubeconfig('kwok'),
          '--config',
          files.kwok,
          `--manage-nodes-with-label-selector=${KUBELET_LABEL}=running`,
        ],
      }),
    },
    startProgram: (program) => group.start(program),
    release: () => group.release(),
  });
  await plane.ready();
  for (const name of ['kube-controller-manager', 'kube-scheduler', 'kwok'] as const) plane.program(name).start();
  await waitFor(async () => await plane.admin.find('/api/v1/namespaces/default'), {
    timeoutMs: READY_TIMEOUT_MS,
    what: 'the default namespace',
  });
  return plane;
}

function etcdArgs(files: ControlPlaneFiles, { etcdUrl, peerUrl }: { etcdUrl: string; peerUrl: string }): string[] {
  return [
    `--data-dir=${files.etcdData}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

function apiServerArgs(files: ControlPlaneFiles, { etcdUrl, port }: { etcdUrl: string; port: number }): string[] {
  return [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${files.certificates}`,
    `--token-auth-file=${files.tokens}`,
    '--authorization-mode=RBAC',
    // ServiceAccount would give every pod a token volume, which no stand-in kubelet mounts; the other would taint every
    // new node until the lifecycle controller takes that back, a write a node.
    '--disable-admission-plugins=ServiceAccount,TaintNodesByCondition',
    '--endpoint-reconciler-type=none',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${files.serviceAccountKey}`,
    `--service-account-signing-key-file=${files.serviceAccountKey}`,
    `--audit-policy-file=${files.auditPolicy}`,
    `--audit-log-path=${files.auditLog}`,
    '--audit-log-maxsize=0',
  ];
}

async function waitForCertificate(path: string, programs: readonly Program[]): Promise<string> {
  return await waitFor(
    async () => {
      const ended = programs.find((program) => !program.isRunning);
      if (ended !== undefined) throw new Error(`${ended.name} ended`);
      const pem = await readFile(path, 'utf8').catch(() => '');
      return pem.includes('END CERTIFICATE') ? pem : undefined;
    },
    { timeoutMs: READY_TIMEOUT_MS, what: 'the API server to write its certificate' },
  );
}

async function logTails(programs: readonly Program[]): Promise<string> {
  return (await Promise.all(programs.map((program) => program.logTail()))).join('\n');
}

/** The programs of one control plane, ended in the reverse order, by the reaper at the latest. */
class ProgramGroup {
  readonly programs: Program[] = [];
  readonly #files: ControlPlaneFiles;
  readonly #tellReaper: (line: string) => void;

  constructor(files: ControlPlaneFiles, lifetimeMs: number) {
    this.#files = files;
    const reaperPath = join(import.meta.dirname, 'reaper.ts');
    const reaper = spawn(process.execPath, [reaperPath, files.directory, String(lifetimeMs)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    // It must neither keep this process alive nor fail it: it ends when this end of the pipe is closed.
    reaper.unref();
    reaper.stdin.on('error', () => undefined);
    if ('unref' in reaper.stdin && typeof reaper.stdin.unref === 'function') reaper.stdin.unref();
    this.#tellReaper = (line) => void reaper.stdin.write(line);
  }

  prepare({ name, command, args, env }: ProgramStart): Program {
    const program = new Program({
      name,
      command,
      args,
      logDirectory: this.#files.logs,
      ...(env === undefined ? {} : { env }),
      onStarted: (pid) => this.#tellReaper(`+${pid}\n`),
      onEnded: (pid) => this.#tellReaper(`-${pid}\n`),
    });
    this.programs.push(program);
    return program;
  }

  start(options: ProgramStart): Program {
    const program = this.prepare(options);
    program.start();
    return program;
  }

  async release(): Promise<void> {
    for (const program of this.programs.toReversed()) await program.stop('SIGTERM', 1_000);
    await rm(this.#files.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
