import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { NodeObject, PodObject } from '../control-plane/cluster.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { isReady } from '../control-plane/pod-facts.ts';
import { freePorts, type Program, waitFor } from '../control-plane/processes.ts';
import { PAUSE_IMAGE } from './images.ts';
import { Logind } from './logind.ts';
import type { NodePrograms } from './node-programs.ts';
import { CONTAINERD_SOCKET, containerdConfig, kubeletConfig, networkConfig } from './node-settings.ts';

const run = promisify(execFile);

const TIMEOUT_MS = 120_000;
const BOOT = join(import.meta.dirname, 'boot.sh');
const ENTER = join(import.meta.dirname, 'enter.sh');
/** How long the lease of a kubelet that is gone holds; a node's monitor has to be more patient than that. */
export const LEASE_SECONDS = 8;

export interface RealNodeOptions {
  readonly plane: ControlPlane;
  readonly programs: NodePrograms;
  /** An archive of what its pods run. */
  readonly images: string;
  readonly name: string;
}

/**
 * A node with a real kubelet and a real containerd, in namespaces of its own: its processes and its network end with it,
 * and its disk is memory. The kubelet is in the machine's network, for the API server listens on the loopback interface.
 */
export class RealNode {
  readonly name: string;
  readonly #options: RealNodeOptions;
  readonly #directory: string;
  readonly #controlGroups: string;
  readonly #logind: Logind;
  #boots = 0;
  #first: Program | undefined;
  #kubelet: Program | undefined;

  constructor(options: RealNodeOptions) {
    this.name = options.name;
    this.#options = options;
    this.#directory = join(options.plane.files.directory, options.name);
    this.#logind = new Logind(join(this.#directory, 'bus'));
    this.#controlGroups = `daemonpodupdater-${options.name}-${randomBytes(4).toString('hex')}`;
  }

  get #path(): string {
    return `/api/v1/nodes/${this.name}`;
  }

  /** Starts it for the first time; it is Ready when this returns. */
  async create(): Promise<void> {
    const { plane } = this.#options;
    const [port] = (await freePorts(1)) as [number];
    await mkdir(join(this.#directory, 'network'), { recursive: true });
    const write = async (name: string, text: string) => await writeFile(join(this.#directory, name), text);
    await write('network/10-test.conflist', networkConfig());
    const cniFolder = join(this.#directory, 'network');
    await write('containerd.toml', containerdConfig({ cniFolder, sandboxImage: PAUSE_IMAGE }));
    await write('kubelet.json', kubeletConfig({ port, leaseSeconds: LEASE_SECONDS }));
    plane.ownControlGroups(this.#controlGroups);
    await this.#logind.start();
    await this.powerOn();
  }

  /** Starts everything, with an empty disk, and waits until the node is Ready. */
  async powerOn(): Promise<void> {
    this.#boots += 1;
    const args = ['--mount', '--pid', '--net', '--fork', '--kill-child', '--mount-proc', BOOT, this.#controlGroups];
    this.#first = this.#start('first', 'unshare', args);
    await this.#until('its namespaces', async () => {
      await access(`/proc/${await this.#firstPid()}/root/run/node-is-up`);
      return true;
    });
    const { programs, images } = this.#options;
    const config = join(this.#directory, 'containerd.toml');
    await this.#enter('containerd', ['--net'], [programs.containerd, '--config', config]);
    await this.#until('containerd', async () => {
      await this.#ctr('version');
      return true;
    });
    await this.#ctr('--namespace', 'k8s.io', 'images', 'import', '--local', images);
    await this.startKubelet();
  }

  /** As if the power was cut: all of its processes are gone, and whatever was on its disk. */
  async powerOff(): Promise<void> {
    await this.#first?.stop('SIGKILL');
    await this.#kubelet?.stop('SIGKILL');
  }

  /** As a machine that is told to shut down: the kubelet ends the pods first, in time, says so, and takes no new ones. */
  async shutDown(): Promise<void> {
    this.#logind.prepareForShutdown();
    await this.#until('no containers', async () => (await this.containers()).length === 0);
    const pods = `/api/v1/pods?fieldSelector=${encodeURIComponent(`spec.nodeName=${this.name}`)}`;
    await this.#until('no pods that run', async () => {
      const { items } = await this.#options.plane.admin.list<PodObject>(pods);
      return items.every(({ status }) => status?.phase !== 'Running');
    });
    await this.untilReadyIs(false);
    await this.powerOff();
  }

  /** Starts the kubelet and waits until the node is Ready. */
  async startKubelet(): Promise<void> {
    const { plane, programs } = this.#options;
    const startedMs = Date.now();
    this.#kubelet = await this.#enter(
      'kubelet',
      [],
      [
        programs.kubelet,
        ...['--config', join(this.#directory, 'kubelet.json')],
        ...['--kubeconfig', await plane.identityKubeconfig('kubelet')],
        ...['--hostname-override', this.name],
        ...['--node-labels', `kubernetes.io/hostname=${this.name}`],
      ],
    );
    await this.#until('the kubelet', async () => {
      const node = await plane.admin.find<NodeObject>(this.#path);
      // The node may still be called Ready because of the kubelet that was there before.
      const heartbeats = node?.status?.conditions?.map((condition) => Date.parse(lastHeartbeat(condition))) ?? [];
      return isReady(node?.status?.conditions) && heartbeats.some((atMs) => atMs >= startedMs - 1_000);
    });
  }

  /** The pods' containers run on, and nobody tells. */
  async stopKubelet(): Promise<void> {
    await this.#kubelet?.stop('SIGKILL');
  }

  /** For the end of a test that failed: whatever does not run is started, so that what comes next has a node. */
  async restore(): Promise<void> {
    if (this.#first?.isRunning !== true) await this.powerOn();
    else if (this.#kubelet?.isRunning !== true) await this.startKubelet();
  }

  /** Waits until the API server's view of the node is that. */
  async untilReadyIs(isWantedReady: boolean): Promise<void> {
    const { admin } = this.#options.plane;
    await this.#until(isWantedReady ? 'Ready' : 'NotReady', async () => {
      return isReady((await admin.get<NodeObject>(this.#path)).status?.conditions) === isWantedReady;
    });
  }

  /** IDs of the containers that run on it now, those that hold a pod's network included, in the alphabet's order. */
  async containers(): Promise<readonly string[]> {
    const text = await this.#ctr('--namespace', 'k8s.io', 'tasks', 'list', '--quiet');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .sort();
  }

  async #ctr(...args: readonly string[]): Promise<string> {
    const command = [this.#options.programs.ctr, '--address', CONTAINERD_SOCKET, ...args];
    return (await run('nsenter', [...(await this.#namespaces()), ...command], { timeout: TIMEOUT_MS })).stdout;
  }

  /** Runs a program in the node's namespaces. */
  async #enter(name: string, namespaces: readonly string[], command: readonly string[]): Promise<Program> {
    return this.#start(name, 'nsenter', [...(await this.#namespaces()), ...namespaces, ENTER, ...command]);
  }

  async #namespaces(): Promise<readonly string[]> {
    return ['--target', await this.#firstPid(), '--mount', '--pid'];
  }

  #start(name: string, command: string, args: readonly string[]): Program {
    const { plane, programs } = this.#options;
    const env = {
      ...process.env,
      PATH: `${programs.containerdFolder}:${process.env.PATH}`,
      DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${this.#logind.path}`,
    };
    return plane.startProgram({ name: `${this.name}-${name}-${this.#boots}`, command, args, env });
  }

  /** Of its first process, as the machine counts. */
  async #firstPid(): Promise<string> {
    const pid = this.#first?.pid;
    return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim();
  }

  /** What is not there yet may answer with an error. */
  async #until(what: string, condition: () => Promise<boolean>): Promise<void> {
    let problem: unknown;
    const look = async () =>
      await condition().catch((error: unknown) => {
        problem = error;
        return false;
      });
    await waitFor(look, { timeoutMs: TIMEOUT_MS, pollMs: 100, what: `${this.name}: ${what}` }).catch(
      (error: unknown) => {
        throw new Error(error instanceof Error ? error.message : String(error), { cause: problem });
      },
    );
  }
}

function lastHeartbeat(condition: object): string {
  return 'lastHeartbeatTime' in condition ? String(condition.lastHeartbeatTime) : '';
}
