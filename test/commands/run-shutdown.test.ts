import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Simulator } from '../../src/simulator/start.ts';
import { Cli, eventually, kubeconfig, rolledOut, simulator } from '../integration/support.ts';

/** No pause of the machine, and no slow answer, costs the lease. */
const LEASE = ['--leader-elect-lease-duration', '90s', '--leader-elect-renew-deadline', '60s'];
/** How long each answer takes at most: nobody waits for that. */
const SLOW_MS = 300_000;
/** A task gives up by itself after 15 s, and a patient end with it. */
const AT_ONCE_MS = 10_000;
const LOOPBACK = ['--metrics-bind-address', '127.0.0.1:0', '--health-probe-bind-address', '127.0.0.1:0'];

async function items(cluster: Simulator, path: string): Promise<readonly Record<string, never>[]> {
  const response = await fetch(`${cluster.url}${path}`);
  return ((await response.json()) as { items: readonly Record<string, never>[] }).items;
}

async function leaseHolder(cluster: Simulator): Promise<string | undefined> {
  const [lease] = await items(cluster, '/apis/coordination.k8s.io/v1/namespaces/default/leases');
  return (lease as unknown as { spec: { holderIdentity?: string } } | undefined)?.spec.holderIdentity;
}

/** Waits until so many have been asked for, and says how many have. */
async function deletions(cluster: Simulator, count: number): Promise<number> {
  let asked = 0;
  await eventually(`${count} deletions have been asked for`, async () => {
    asked = (await cluster.control.statistics()).requests.DELETE ?? 0;
    return asked >= count;
  });
  return asked;
}

const indexOf = (cli: Cli, message: string): number => cli.logs().findIndex((line) => line.message === message);

test('run: SIGTERM in the middle of a rollout → what is on its way ends, the lease is free, events are written, exit code 0; the next process finishes, and nothing is done twice', async (context) => {
  const cluster = await simulator(context, {
    scenario: { nodes: 40, startupMs: 200, maxUnavailable: '30%' },
    latencyMs: 200,
    speed: 2,
  });
  const args = ['run', '--kubeconfig', await kubeconfig(context, cluster.url), ...LOOPBACK, ...LEASE, '--workers', '2'];
  const first = new Cli(context, args);
  await eventually(`it leads: ${first.output}`, () => indexOf(first, 'became leader') >= 0);
  await cluster.control.startRollout();
  const before = await deletions(cluster, 1);
  // Longer than the threads get to end when nothing waits for what is on its way.
  await cluster.control.setFaults({ slow: 1, slowMs: 4_000 });
  await deletions(cluster, before + 6);
  first.signal('SIGTERM');
  assert.equal(await first.ended, 0, first.output);
  const order = ['shutting down', 'stopped leading', 'stopped'].map((message) => indexOf(first, message));
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
    first.output,
  );
  assert.equal(indexOf(first, 'worker thread lost'), -1, 'no thread had to be ended with work in it');
  assert.equal(await leaseHolder(cluster), '');
  const events = await items(cluster, '/apis/events.k8s.io/v1/namespaces/default/events');
  assert.ok(events.length > 0, 'the events of the rollout are written');
  const { deletes } = await cluster.control.report();
  assert.ok(deletes < 40, 'the rollout was still going on');

  await cluster.control.setFaults({});
  const second = new Cli(context, args);
  const report = await rolledOut(cluster);
  assert.equal(report.duplicateWrites, 0);
  assert.equal(report.deletes, 40);
  assert.deepEqual(report.violations, []);
  second.signal('SIGINT');
  assert.equal(await second.ended, 0);
});

for (const { signal, code } of [
  { signal: 'SIGTERM', code: 143 },
  { signal: 'SIGINT', code: 130 },
] as const) {
  test(`run: a second signal, ${signal}, while the first one is still worked on → exit code ${code} at once`, async (context) => {
    const cluster = await simulator(context, { scenario: { nodes: 100, startupMs: 200 }, speed: 1 });
    const args = ['run', '--kubeconfig', await kubeconfig(context, cluster.url), ...LOOPBACK, ...LEASE];
    const cli = new Cli(context, [...args, '--shutdown-grace', '10m', '--workers', '1']);
    await eventually(`it leads: ${cli.output}`, () => indexOf(cli, 'became leader') >= 0);
    await cluster.control.startRollout();
    const before = await deletions(cluster, 1);
    await cluster.control.setFaults({ slow: 1, slowMs: SLOW_MS });
    await deletions(cluster, before + 5);
    cli.signal('SIGTERM');
    await eventually('the first signal', () => indexOf(cli, 'shutting down') >= 0);
    const startedMs = performance.now();
    cli.signal(signal);
    assert.equal(await cli.ended, code);
    assert.ok(performance.now() - startedMs < AT_ONCE_MS);
    assert.equal(indexOf(cli, 'stopped'), -1);
  });
}
