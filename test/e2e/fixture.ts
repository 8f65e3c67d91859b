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
import { createUpdaterAccount, startUpdater, type Updater, type UpdaterAccount } from '../control-plane/updater.ts';

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
    { timeout: 15 * 60_000 },
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
 * deploy/base; the updater's log is in the error when the body fails. Cleans up either way.
 */
export async function withSubject(
  cluster: Cluster,
  options: DaemonSetOptions,
  body: (subject: Subject, updater: Updater) => Promise<void>,
): Promise<void> {
  const { admin } = cluster.plane;
  const { name } = options;
  await createDaemonSet(admin, options);
  await waitUntilAvailable(admin, { name }, cluster.nodeNames.length);
  const client = cluster.plane.client('observer', 'test-observer');
  const observer = new Observer(client, { name });
  await observer.start();
  const updater = await cluster.startUpdater();
  const change = async (image: string) => {
    await setImage(admin, { name }, image);
    return (await getDaemonSet(admin, { name })).metadata.generation ?? 0;
  };
  try {
    await body({ name, observer, change }, updater);
  } catch (error) {
    process.stderr.write(`${await updater.program.logTail(40)}\n`);
    throw error;
  } finally {
    await observer.stop();
    await client.close();
    await updater.program.stop();
    await makeAllNodesReady(admin);
    await deleteDaemonSet(admin, { name });
  }
}
