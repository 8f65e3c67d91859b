/**
 * OTA marking of every pod of one DaemonSet on a real control plane, against a raw flood of the same writes with undici at
 * several concurrencies, in turns. Both write as the updater's service account; both are timed by the audit log, from the
 * first request received to the last one answered.
 *
 * `node bench/api.ts [--nodes 2000] [--repeat 2] [--concurrency 16,32,64,128] [--updater-args "--workers 2"]`
 */
import { parseArgs } from 'node:util';
import { ApiClient, type KubeObject } from '../test/control-plane/api-client.ts';
import { type AuditedWrite, readAuditLog, summarizeWrites } from '../test/control-plane/audit.ts';
import {
  createDaemonSet,
  createNodes,
  getDaemonSet,
  listPods,
  type PodObject,
  setImage,
  waitUntilAvailable,
} from '../test/control-plane/cluster.ts';
import { type ControlPlane, startControlPlane } from '../test/control-plane/control-plane.ts';
import { forEachConcurrently, waitFor } from '../test/control-plane/processes.ts';
import {
  createUpdaterAccount,
  fillCompileCache,
  startUpdater,
  type Updater,
  type UpdaterAccount,
} from '../test/control-plane/updater.ts';
import { Watcher } from '../test/control-plane/watcher.ts';
import { measureCpuUse } from './cpu-use.ts';
import { machine, printTable } from './report.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '2000' },
    repeat: { type: 'string', default: '2' },
    concurrency: { type: 'string', default: '16,32,64,128' },
    'updater-args': { type: 'string', default: '' },
    /** For a look at the limit alone. */
    'flood-only': { type: 'boolean', default: false },
  },
});

const nodeCount = Number(values.nodes);
const MARK_TIMEOUT_MS = 60_000 + nodeCount * 50;
const FLOODED = 'flooded';
const MARKED = 'marked';

interface Result {
  readonly contender: string;
  readonly seconds: number;
  readonly writesPerSecond: number;
  readonly writesPerPod: number;
  readonly duplicates: number;
  /** From the change of the template to the last pod's condition, as a watch sees it. */
  readonly wallSeconds: number | undefined;
  readonly cpuMsPerPod: number | undefined;
  readonly peakRssMb: number | undefined;
  /** CPUs that something else kept busy meanwhile. */
  readonly foreignCpus: number;
}

interface Bench {
  readonly plane: ControlPlane;
  readonly account: UpdaterAccount;
  readonly marks: ReadonlyMap<string, string>;
  readonly updater: Updater | undefined;
}

/** `status message` of every pod's PodNeedUpgrade condition, as a watch sees it. */
function markOf(pod: PodObject): string {
  const condition = pod.status?.conditions?.find(({ type }) => type === 'PodNeedUpgrade');
  return condition === undefined ? '' : `${condition.status} ${condition.message ?? ''}`;
}

async function flood(bench: Bench, concurrency: number, round: number): Promise<Result> {
  const { plane, account } = bench;
  const api = new ApiClient({
    serverUrl: plane.serverUrl,
    caPem: plane.caPem,
    token: account.token,
    userAgent: 'bench-flood',
    connections: concurrency,
  });
  const pods = await listPods(plane.admin, { name: FLOODED });
  const message = `controllerrevision: round-${round}-of-${concurrency}`;
  const measured = await auditWrites(bench, async () => {
    const cpuBefore = process.cpuUsage();
    await forEachConcurrently(pods, concurrency, async (pod) => await mark(api, pod, message));
    const { user, system } = process.cpuUsage(cpuBefore);
    return { wallSeconds: undefined, cpuMsPerPod: (user + system) / 1000 / nodeCount, peakRssMb: undefined };
  });
  await api.close();
  return { contender: `flood, ${concurrency} at once`, ...measured };
}

async function mark(api: ApiClient, pod: PodObject, message: string): Promise<void> {
  const response = await api.send({
    method: 'PATCH',
    path: `/api/v1/namespaces/default/pods/${pod.metadata.name}/status`,
    contentType: 'application/strategic-merge-patch+json',
    accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    body: {
      metadata: { uid: pod.metadata.uid },
      status: {
        conditions: [{ type: 'PodNeedUpgrade', status: 'True', message, lastTransitionTime: new Date().toISOString() }],
      },
    },
  });
  await response.body.dump();
  if (response.statusCode !== 200) throw new Error(`marking ${pod.metadata.name}: ${response.statusCode}`);
}

async function ours(bench: Bench, updater: Updater, round: number): Promise<Result> {
  const { plane, marks } = bench;
  const { program } = updater;
  const measured = await auditWrites(bench, async () => {
    const startedMs = performance.now();
    const cpuBefore = await program.cpuSeconds();
    const hash = await newTemplate(plane, round);
    await everyMark(marks, `True controllerrevision: ${hash}`);
    const wallSeconds = (performance.now() - startedMs) / 1000;
    const cpuSeconds = (await program.cpuSeconds()) - cpuBefore;
    return {
      wallSeconds,
      cpuMsPerPod: (cpuSeconds * 1000) / nodeCount,
      peakRssMb: (await program.peakRssBytes()) / 1024 / 1024,
    };
  });
  return { contender: 'ours', ...measured };
}

/** Changes the template; the answer is the new revision's hash. */
async function newTemplate(plane: ControlPlane, round: number): Promise<string> {
  await setImage(plane.admin, { name: MARKED }, `example.test/agent:${round + 2}`);
  return await waitFor(
    async () => {
      const { metadata, status } = await getDaemonSet(plane.admin, { name: MARKED });
      return status?.observedGeneration === metadata.generation ? await newestHash(plane) : undefined;
    },
    { timeoutMs: 30_000, what: 'the new revision' },
  );
}

async function newestHash(plane: ControlPlane): Promise<string> {
  const list = await plane.admin.list<KubeObject & { revision: number }>(
    `/apis/apps/v1/namespaces/default/controllerrevisions?labelSelector=${encodeURIComponent(`app=${MARKED}`)}`,
  );
  const newest = list.items.toSorted((a, b) => b.revision - a.revision)[0];
  return newest?.metadata.labels?.['controller-revision-hash'] ?? '';
}

async function everyMark(marks: ReadonlyMap<string, string>, wanted: string): Promise<void> {
  const count = () => [...marks.values()].filter((value) => value === wanted).length;
  await waitFor(() => count() === nodeCount, {
    timeoutMs: MARK_TIMEOUT_MS,
    what: `every pod to say "${wanted}"`,
  }).catch((cause: unknown) => {
    throw new Error(`${count()} of ${nodeCount} pods say "${wanted}"`, { cause });
  });
}

type Measured = Omit<Result, 'contender'>;
type Own = Pick<Result, 'wallSeconds' | 'cpuMsPerPod' | 'peakRssMb'>;

/** Runs it and counts the pod writes of the service account during it. */
async function auditWrites(bench: Bench, run: () => Promise<Own>): Promise<Measured> {
  const { plane, account, updater } = bench;
  const cpuUseOf = await measureCpuUse(plane, updater === undefined ? [] : [updater.program]);
  const before = (await readAuditLog(plane.files.auditLog)).length;
  const own = await run();
  const { foreignCpus } = await cpuUseOf();
  const after = (await readAuditLog(plane.files.auditLog)).slice(before);
  const writes: readonly AuditedWrite[] = after.filter(({ user }) => user === account.user);
  const summary = summarizeWrites(writes);
  const firstMs = Math.min(...writes.map(({ receivedMs }) => receivedMs));
  const lastMs = Math.max(...writes.map(({ answeredMs }) => answeredMs));
  const seconds = (lastMs - firstMs) / 1000;
  return {
    seconds,
    writesPerSecond: summary.writes / seconds,
    writesPerPod: summary.writes / nodeCount,
    duplicates: summary.duplicates.size,
    foreignCpus,
    ...own,
  };
}

async function runAll(plane: ControlPlane): Promise<Result[]> {
  await createNodes(plane.admin, nodeCount);
  const account = await createUpdaterAccount(plane);
  await createDaemonSet(plane.admin, { name: FLOODED });
  await waitUntilAvailable(plane.admin, { name: FLOODED }, nodeCount);
  await createDaemonSet(plane.admin, { name: MARKED, annotations: { 'apps.openyurt.io/update-strategy': 'OTA' } });
  await waitUntilAvailable(plane.admin, { name: MARKED }, nodeCount);

  const marks = new Map<string, string>();
  const watchClient = plane.client('observer', 'bench-observer');
  const watcher = new Watcher<PodObject>({
    api: watchClient,
    path: '/api/v1/namespaces/default/pods',
    onChange: ({ object }) => {
      if (object.metadata.labels?.app === MARKED) marks.set(object.metadata.name, markOf(object));
    },
  });
  await watcher.start();
  const updater = values['flood-only'] ? undefined : await readyUpdater({ plane, account, marks });
  const bench: Bench = { plane, account, marks, updater };
  const results: Result[] = [];
  for (let round = 0; round < Number(values.repeat); round += 1) {
    for (const concurrency of values.concurrency.split(',').map(Number)) {
      process.stderr.write(`flood, ${concurrency} at once …\n`);
      results.push(await flood(bench, concurrency, round));
    }
    if (updater === undefined) continue;
    process.stderr.write('ours …\n');
    results.push(await ours(bench, updater, round));
  }
  await watcher.stop();
  await watchClient.close();
  return results;
}

/** The first marks (every pod is up to date) are no part of the measurement. */
async function readyUpdater({ plane, account, marks }: Omit<Bench, 'updater'>): Promise<Updater> {
  const args = ['--kube-api-qps', '5000', '--kube-api-burst', '10000', ...values['updater-args'].split(' ')];
  const updater = await startUpdater(plane, {
    kubeconfigPath: account.kubeconfigPath,
    args: args.filter((arg) => arg !== ''),
  });
  await everyMark(marks, `False controllerrevision: ${await newestHash(plane)}`);
  return updater;
}

await fillCompileCache();
const plane = await startControlPlane({ maxLifetimeMs: 60 * 60_000 });
let results: Result[];
try {
  results = await runAll(plane);
} catch (error) {
  process.stderr.write(`${await plane.logTails()}\n`);
  throw error;
} finally {
  await plane.stop();
}

const floods = results.filter(({ contender }) => contender !== 'ours');
const best = Math.max(...floods.map(({ writesPerSecond }) => writesPerSecond));
process.stdout.write(`${nodeCount} nodes, ${machine()}\n`);
printTable(
  results.map((result) => ({
    '': result.contender,
    'writes/s': result.writesPerSecond.toFixed(0),
    '× best flood': (result.writesPerSecond / best).toFixed(2),
    seconds: result.seconds.toFixed(1),
    'wall s': result.wallSeconds?.toFixed(1) ?? '–',
    'ms CPU a pod': result.cpuMsPerPod?.toFixed(2) ?? '–',
    'peak RSS MB': result.peakRssMb?.toFixed(0) ?? '–',
    'writes a pod': result.writesPerPod.toFixed(3),
    twice: String(result.duplicates),
    'foreign CPUs': result.foreignCpus.toFixed(2),
  })),
);
process.stdout.write(`${JSON.stringify({ nodes: nodeCount, results })}\n`);
