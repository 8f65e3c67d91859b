import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AuditedLease, type AuditedWrite, readAuditLog, readLeaseLog } from '../control-plane/audit.ts';
import {
  createDaemonSet,
  getDaemonSet,
  listPods,
  makeAllNodesReady,
  type PodObject,
  waitUntilAvailable,
} from '../control-plane/cluster.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { writeKubeconfig } from '../control-plane/control-plane-files.ts';
import type { Observer } from '../control-plane/observer.ts';
import { waitFor } from '../control-plane/processes.ts';
import { requestToken, startUpdater, type Updater } from '../control-plane/updater.ts';
import type { Cluster } from '../e2e/fixture.ts';
import { Rollout } from './rollout.ts';
import { NODES, Random, SEED } from './settings.ts';
import { Summary } from './summary.ts';

export const NAME = 'agent';
const LEASE = 'daemonpodupdater';
/** A folder where the updaters' logs and the audit log are kept. */
const LOGS = process.env.CHAOS_LOGS;
/** Pods shown after a failure. */
const LEFT_SHOWN = 10;
const SETTLE_TIMEOUT_MS = 180_000;

/** One updater process with a token of its own, by which the audit log tells it from others. */
export interface Replica {
  readonly name: string;
  readonly updater: Updater;
  readonly credentialId: string;
}

/** Where a replica finds the API server: itself unless told otherwise. */
export interface Route {
  readonly serverUrl: string;
  readonly caPath: string;
  readonly serverName?: string;
}

export interface ReplicaOptions {
  readonly route?: Route;
  readonly args?: readonly string[];
  /** Read by the updater instead of a token of its own. */
  readonly tokenFile?: string;
}

/** One DaemonSet on a real control plane under an independent observer, and the updaters that are set on it. */
export class Rig {
  readonly cluster: Cluster;
  readonly observer: Observer;
  readonly summary = new Summary();
  readonly random = new Random(SEED);
  readonly #replicas: Replica[] = [];
  #replicaCount = 0;
  #version = 1;

  constructor(cluster: Cluster, observer: Observer) {
    this.cluster = cluster;
    this.observer = observer;
  }

  get plane(): ControlPlane {
    return this.cluster.plane;
  }

  async startReplica(options: ReplicaOptions = {}): Promise<Replica> {
    const { plane, account } = this.cluster;
    this.#replicaCount += 1;
    const name = `replica-${this.#replicaCount}`;
    const token = await requestToken(plane, account);
    const { tokenFile, route } = options;
    const kubeconfigPath = await writeKubeconfig({
      path: join(plane.files.directory, `${name}.kubeconfig`),
      ...(route ?? { serverUrl: plane.serverUrl, caPath: plane.files.caPath }),
      user: account.name,
      namespace: account.namespace,
      ...(tokenFile === undefined ? { token } : { tokenFile }),
    });
    const updater = await startUpdater(plane, { kubeconfigPath, name, args: options.args ?? [] });
    const replica = { name, updater, credentialId: credentialIdOf(token) };
    this.#replicas.push(replica);
    return replica;
  }

  /** A new template, with so many nodes allowed to be unavailable. */
  async change(allowed: number): Promise<Rollout> {
    const { admin } = this.plane;
    const pods = await listPods(admin, { name: NAME });
    const oldPods = new Map(pods.map(({ metadata: { name, uid = '' } }) => [name, uid]));
    assert.equal(oldPods.size, NODES, 'the DaemonSet had not settled before the rollout');
    this.#version += 1;
    this.observer.begin();
    const startedMs = Date.now();
    const template = { spec: { containers: [{ name: 'agent', image: `example.test/agent:${this.#version}` }] } };
    const annotations = { 'apps.openyurt.io/max-unavailable': `${allowed}` };
    await admin.patch(
      `/apis/apps/v1/namespaces/default/daemonsets/${NAME}`,
      { metadata: { annotations }, spec: { template } },
      'strategic',
    );
    const generation = (await getDaemonSet(admin, { name: NAME })).metadata.generation ?? 0;
    return new Rollout({ rig: this, generation, allowed, startedMs, oldPods });
  }

  /** Writes to the DaemonSet's pods by anybody, since then. */
  async podWrites(sinceMs: number): Promise<AuditedWrite[]> {
    const writes = await readAuditLog(this.plane.files.auditLog);
    return writes.filter(({ pod, receivedMs }) => receivedMs >= sinceMs && pod.startsWith(`${NAME}-`));
  }

  async leases(): Promise<AuditedLease[]> {
    const leases = await readLeaseLog(this.plane.files.auditLog);
    return leases.filter(({ namespace, name }) => namespace === this.cluster.account.namespace && name === LEASE);
  }

  /** Prints what happens while it happens. */
  say(text: string): void {
    process.stdout.write(`  ${new Date().toISOString().slice(11, 23)} ${text}\n`);
  }

  /** Runs a scenario; what the updaters logged last is shown when it fails. Leaves the cluster as it was either way. */
  async run(scenario: (rig: Rig) => Promise<void>): Promise<void> {
    try {
      await scenario(this);
    } catch (error) {
      this.say(`failed: ${error instanceof Error ? error.message : String(error)}`);
      for (const line of await this.#leftOver()) this.say(line);
      for (const { updater } of this.#replicas.slice(-3))
        process.stdout.write(`${await updater.program.logTail(40)}\n`);
      throw error;
    } finally {
      await this.#endReplicas();
      await makeAllNodesReady(this.plane.admin);
      await this.#settle();
    }
  }

  async start(): Promise<void> {
    const annotations = { 'apps.openyurt.io/update-strategy': 'AdvancedRollingUpdate' };
    await createDaemonSet(this.plane.admin, { name: NAME, annotations });
    await waitUntilAvailable(this.plane.admin, { name: NAME }, NODES);
    await this.observer.start();
  }

  /** Pods that are not as they should be in the end. */
  async #leftOver(): Promise<string[]> {
    const pods = await listPods(this.plane.admin, { name: NAME });
    const isReady = ({ metadata, status }: PodObject) =>
      metadata.deletionTimestamp === undefined &&
      status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
    const left = pods.filter((pod) => isReady(pod) !== true);
    return left.slice(0, LEFT_SHOWN).map((pod) => {
      const { name, deletionTimestamp, creationTimestamp } = pod.metadata;
      const deleted = deletionTimestamp === undefined ? '' : `, deleted ${deletionTimestamp}`;
      return `${name} on ${pod.spec.nodeName}: ${pod.status?.phase}, created ${creationTimestamp}${deleted}`;
    });
  }

  async #endReplicas(): Promise<void> {
    if (LOGS !== undefined) await copyFile(this.plane.files.auditLog, join(LOGS, 'audit.log'));
    for (const { name, updater } of this.#replicas) {
      if (LOGS !== undefined) await copyFile(updater.program.logPath, join(LOGS, `${name}.log`));
      updater.program.signal('SIGCONT');
      await updater.program.stop();
    }
    this.#replicas.length = 0;
  }

  /** A rollout that a failed scenario left behind is brought to its end, so that the next one begins with none. */
  async #settle(): Promise<void> {
    const { observer } = this;
    const hasSettled = () => observer.report.isComplete && observer.report.eligibleNodes === NODES;
    if (!hasSettled()) await this.startReplica();
    await waitFor(hasSettled, { timeoutMs: SETTLE_TIMEOUT_MS, what: 'the DaemonSet to settle after a scenario' });
    await this.#endReplicas();
  }
}

/** As the audit log has it. */
export function credentialIdOf(token: string): string {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as { jti?: string };
  return `JTI=${claims.jti}`;
}

/** Nothing but the fault itself went wrong: the same process runs, and no thread of it was lost. */
export async function assertUnharmed({ name, updater }: Replica): Promise<void> {
  assert.ok(updater.program.isRunning, `${name} ended`);
  const log = await updater.program.log();
  const harm = log
    .split('\n')
    .filter((line) => /worker thread lost|internal error|assertion|Uncaught| {4}at /.test(line));
  assert.deepEqual(harm, [], `${name} was harmed`);
}
