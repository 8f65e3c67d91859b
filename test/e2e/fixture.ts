import { after, before } from 'node:test';
import { type AuditedWrite, readAuditLog } from '../control-plane/audit.ts';
import {
  createDaemonSet,
  createNodes,
  type DaemonSetOptions,
  deleteDaemonSet,
  getDaemonSet,
  makeAllNodesReady,
  setImage,
  waitUntilAvailable,
} from '../control-plane/cluster.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from '../control-plane/control-plane.ts';
import { Observer } from '../control-plane/observer.ts';
import { waitFor } from '../control-plane/processes.ts';
import {
  createUpdaterAccount,
  startUpdater,
  stopUpdater,
  type Updater,
  type UpdaterAccount,
} from '../control-plane/updater.ts';

const LOGGED_TIMEOUT_MS = 30_000;
/** The control plane's programs may have to be built first. */
const SET_UP_TIMEOUT_MS = 45 * 60_000;

export interface ClusterOptions extends ControlPlaneOptions {
  readonly nodes: number;
}

/** A real control plane with nodes and the updater's service account, one for all the tests of a file. */
export class Cluster {
  readonly plane: ControlPlane;
  readonly account: UpdaterAccount;
  readonly nodeNames: readonly string[];
  #updaterCount = 0;

  constructor(plane: ControlPlane, account: UpdaterAccount, nodeNames: readonly string[]) {
    this.plane = plane;
    this.account = account;
    this.nodeNames = nodeNames;
  }

  async startUpdater(...args: string[]): Promise<Updater> {
    this.#updaterCount += 1;
    return await startUpdater(this.plane, {
      kubeconfigPath: this.account.kubeconfigPath,
      name: `updater-${this.#updaterCount}`,
      args,
    });
  }

  /** What the updater's service account wrote to the DaemonSet's pods: their names start with the DaemonSet's. */
  async updaterWrites(daemonSet: string): Promise<AuditedWrite[]> {
    const writes = await readAuditLog(this.plane.files.auditLog);
    return writes.filter(({ user, pod }) => user === this.account.user && pod.startsWith(`${daemonSet}-`));
  }

  /**
   * The same as soon as they are what is waited for, or as they are when they do not become that: the API server logs a
   * write after it has taken effect, which others may see before.
   */
  async updaterWritesOnce(
    daemonSet: string,
    isThere: (writes: readonly AuditedWrite[]) => boolean,
  ): Promise<AuditedWrite[]> {
    let writes: AuditedWrite[] = [];
    const look = async () => {
      writes = await this.updaterWrites(daemonSet);
      return isThere(writes);
    };
    await waitFor(look, { timeoutMs: LOGGED_TIMEOUT_MS, pollMs: 100, what: 'writes to be logged' }).catch(
      () => undefined,
    );
    return writes;
  }
}

/** Starts the cluster before the file's tests and ends it, and every updater, after them. */
export function useCluster(options: ClusterOptions): () => Cluster {
  let cluster: Cluster | undefined;
  before(
    async () => {
      const plane = await startControlPlane(options);
      try {
        const account = await createUpdaterAccount(plane);
        cluster = new Cluster(plane, account, await createNodes(plane.admin, options.nodes));
      } catch (cause) {
        const logs = await plane.logTails();
        await plane.stop();
        throw new Error(`the cluster was not set up\n${logs}`, { cause });
      }
    },
    { timeout: SET_UP_TIMEOUT_MS },
  );
  after(async () => await cluster?.plane.stop());
  return () => {
    if (cluster === undefined) throw new Error('the cluster is not there yet');
    return cluster;
  };
}

/** One DaemonSet under observation. */
export interface Subject {
  readonly name: string;
  readonly observer: Observer;
  /** Changes the template; the answer is the DaemonSet's new generation. */
  change(image: string): Promise<number>;
}

/**
 * Runs a test body on a DaemonSet whose pods are all available, with an updater running as the service account of
 * deploy/base; when it fails, the updater's log is printed, and that of what should run and does not. Cleans up either way.
 */
export async function withSubject(
  cluster: Cluster,
  options: DaemonSetOptions,
  body: (subject: Subject, updater: Updater) => Promise<void>,
): Promise<void> {
  const { admin } = cluster.plane;
  const { name } = options;
  await createDaemonSet(admin, options);
  const client = cluster.plane.client('observer', 'test-observer');
  const observer = new Observer(client, { name });
  let updater: Updater | undefined;
  const change = async (image: string) => {
    await setImage(admin, { name }, image);
    return (await getDaemonSet(admin, { name })).metadata.generation ?? 0;
  };
  try {
    await waitUntilAvailable(admin, { name }, cluster.nodeNames.length);
    await observer.start();
    updater = await cluster.startUpdater();
    await body({ name, observer, change }, updater);
  } catch (error) {
    const ended = cluster.plane.programs.filter(({ isRunning }) => !isRunning);
    for (const program of [...ended, ...(updater === undefined ? [] : [updater.program])])
      process.stderr.write(`${await program.logTail(40)}\n`);
    throw error;
  } finally {
    await observer.stop();
    await client.close();
    if (updater !== undefined) await stopUpdater(updater);
    await makeAllNodesReady(admin);
    await deleteDaemonSet(admin, { name });
  }
}
