/**
 * Rolls the same DaemonSet out on a real control plane, one way after the other: Kubernetes' own RollingUpdate, deleting
 * every pod at once (the limit of the path that recreates pods), and this updater. An independent observer counts.
 *
 * `node bench/rollout.ts [--nodes 2000] [--max-unavailable 10%] [--startup-ms 0] [--only native,delete-all,ours,ours-max]
 * [--repeat 1] [--updater-args "--workers 2"]`
 */
import { parseArgs } from 'node:util';
import { readAuditLog, summarizeWrites } from '../test/control-plane/audit.ts';
import {
  createDaemonSet,
  createNodes,
  type DaemonSetOptions,
  deleteDaemonSet,
  getDaemonSet,
  listPods,
  setImage,
  waitUntilAvailable,
} from '../test/control-plane/cluster.ts';
import { type ControlPlane, startControlPlane } from '../test/control-plane/control-plane.ts';
import { Observer } from '../test/control-plane/observer.ts';
import { forEachConcurrently, type Program, waitFor } from '../test/control-plane/processes.ts';
import {
  createUpdaterAccount,
  fillCompileCache,
  startUpdater,
  type UpdaterAccount,
} from '../test/control-plane/updater.ts';
import { measureCpuUse, waitUntilQuiet } from './cpu-use.ts';
import { machine } from './report.ts';
import { type Contender, printMedians, printRound, type Result } from './support/rollout-report.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '2000' },
    'max-unavailable': { type: 'string', default: '10%' },
    'startup-ms': { type: 'string', default: '0' },
    only: { type: 'string', default: 'native,delete-all,ours,ours-max' },
    repeat: { type: 'string', default: '1' },
    'updater-args': { type: 'string', default: '' },
  },
});

const nodeCount = Number(values.nodes);
const ROLLOUT_TIMEOUT_MS = 60_000 + nodeCount * 100;
const DELETE_CONCURRENCY = 64;

interface Run {
  readonly plane: ControlPlane;
  readonly account: UpdaterAccount | undefined;
  readonly name: string;
}

const STRATEGIES: Readonly<Record<Contender, Pick<DaemonSetOptions, 'updateStrategy' | 'annotations'>>> = {
  native: {
    updateStrategy: {
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: intOrPercent(values['max-unavailable']) },
    },
  },
  'delete-all': { updateStrategy: { type: 'OnDelete' } },
  ours: ourStrategy('adaptive'),
  'ours-max': ourStrategy('max'),
};

function ourStrategy(pace: 'adaptive' | 'max'): Pick<DaemonSetOptions, 'updateStrategy' | 'annotations'> {
  return {
    updateStrategy: { type: 'OnDelete' },
    annotations: {
      'apps.openyurt.io/update-strategy': 'AdvancedRollingUpdate',
      'apps.openyurt.io/max-unavailable': values['max-unavailable'],
      'daemonpodupdater.io/pace': pace,
    },
  };
}

function isOurs(contender: Contender): boolean {
  return contender === 'ours' || contender === 'ours-max';
}

function intOrPercent(text: string): number | string {
  return text.endsWith('%') ? text : Number(text);
}

async function measure(contender: Contender, { plane, account, name }: Run): Promise<Result> {
  await createDaemonSet(plane.admin, { name, ...STRATEGIES[contender] });
  await waitUntilAvailable(plane.admin, { name }, nodeCount);
  const observerClient = plane.client('observer', 'bench-observer');
  const observer = new Observer(observerClient, { name });
  await observer.start();
  const { program, userAgent } = await prepare(contender, { plane, account, name });
  await waitUntilQuiet();
  const cpuBefore = (await program?.cpuSeconds()) ?? 0;
  const writesBefore = (await readAuditLog(plane.files.auditLog)).length;
  const cpuUseOf = await measureCpuUse(plane, isOurs(contender) && program !== undefined ? [program] : []);

  observer.begin();
  await setImage(plane.admin, { name }, 'example.test/agent:2');
  const { metadata } = await getDaemonSet(plane.admin, { name });
  if (contender === 'delete-all') await deleteAll(plane, name);
  const observed = await observer.complete(metadata.generation ?? 0, ROLLOUT_TIMEOUT_MS);

  const cpuUse = await cpuUseOf();
  const cpuSeconds = ((await program?.cpuSeconds()) ?? 0) - cpuBefore;
  const peakRssBytes = isOurs(contender) ? await program?.peakRssBytes() : undefined;
  const writes = (await readAuditLog(plane.files.auditLog))
    .slice(writesBefore)
    .filter(({ user, verb }) => (verb === 'delete' || verb === 'patch') && user === userAgent);
  const summary = summarizeWrites(writes);
  await observer.stop();
  await observerClient.close();
  if (isOurs(contender)) await program?.stop();
  await deleteDaemonSet(plane.admin, { name });
  return {
    contender,
    observed,
    wallSeconds: (observed.completedAfterMs ?? Number.NaN) / 1000,
    cpuMsPerPod: program === undefined ? undefined : (cpuSeconds * 1000) / nodeCount,
    peakRssMb: peakRssBytes === undefined ? undefined : peakRssBytes / 1024 / 1024,
    writesPerPod: summary.writes / nodeCount,
    duplicateWrites: summary.duplicates.size,
    cpuUse,
  };
}

/** The process whose cost counts, and the user as whom it writes. */
async function prepare(contender: Contender, run: Run): Promise<{ program: Program | undefined; userAgent: string }> {
  const { plane, account } = run;
  switch (contender) {
    case 'native':
      return { program: plane.program('kube-controller-manager'), userAgent: 'test:kube-controller-manager' };
    case 'delete-all':
      return { program: undefined, userAgent: 'test:admin' };
    case 'ours':
    case 'ours-max': {
      if (account === undefined) throw new Error('no account for the updater');
      const args = ['--kube-api-qps', '5000', '--kube-api-burst', '10000', ...values['updater-args'].split(' ')];
      const updater = await startUpdater(plane, {
        kubeconfigPath: account.kubeconfigPath,
        name: `updater-${run.name}`,
        args: args.filter((arg) => arg !== ''),
      });
      return { program: updater.program, userAgent: account.user };
    }
  }
}

async function deleteAll(plane: ControlPlane, name: string): Promise<void> {
  await waitFor(
    async () => {
      const { metadata, status } = await getDaemonSet(plane.admin, { name });
      return status?.observedGeneration === metadata.generation;
    },
    { timeoutMs: 30_000, what: 'the new template to be seen' },
  );
  const client = plane.client('admin', 'bench-delete-all', DELETE_CONCURRENCY);
  await forEachConcurrently(await listPods(plane.admin, { name }), DELETE_CONCURRENCY, async (pod) => {
    await client.delete(`/api/v1/namespaces/default/pods/${pod.metadata.name}`);
  });
  await client.close();
}

/** Each has a control plane of its own: one that has seen rollouts before is slower, and later contenders would pay for it. */
async function measureOnNewControlPlane(contender: Contender, name: string): Promise<Result> {
  const plane = await startControlPlane({ startupMs: Number(values['startup-ms']) });
  try {
    await createNodes(plane.admin, nodeCount);
    const account = isOurs(contender) ? await createUpdaterAccount(plane) : undefined;
    return await measure(contender, { plane, account, name });
  } catch (error) {
    process.stderr.write(`${await plane.logTails()}\n`);
    throw error;
  } finally {
    await plane.stop();
  }
}

/** One round: what is compared with each other was measured one after the other. */
async function measureRound(contenders: readonly Contender[], round: number): Promise<Result[]> {
  const results: Result[] = [];
  for (const contender of contenders) {
    process.stderr.write(`${contender} …\n`);
    results.push(await measureOnNewControlPlane(contender, `${contender}-${round}`));
  }
  return results;
}

await fillCompileCache();
const contenders = values.only.split(',') as Contender[];
const rounds: Result[][] = [];
process.stdout.write(`${nodeCount} nodes, maxUnavailable ${values['max-unavailable']}, ${machine()}\n`);
for (let index = 0; index < Number(values.repeat); index += 1) {
  const round = await measureRound(contenders, index);
  rounds.push(round);
  printRound(round, nodeCount);
}
if (rounds.length > 1) printMedians(rounds, nodeCount);
process.stdout.write(`${JSON.stringify({ nodes: nodeCount, maxUnavailable: values['max-unavailable'], rounds })}\n`);
